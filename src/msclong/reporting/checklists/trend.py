"""Items of TREND for trials without random allocation, a single arm among them, in our words.

Des Jarlais DC, Lyles C, Crepaz N, and the TREND Group (2004), American Journal of Public Health 94:361. The numbers are
those of its checklist.
"""

from __future__ import annotations

from msclong.reporting.checklists.consort import (
    ASKED,
    CONTRASTS,
    DISCUSSION,
    EVENTS,
    FURTHER,
    FURTHER_METHODS,
    MEASURED,
    METHOD,
    METHODS,
    MISSING,
    MULTIPLE,
    OTHER,
    RESULTS,
    SEEN,
    WHEN,
)
from msclong.reporting.checklists.item import Item, either, section, table

SOURCE = (
    "Des Jarlais DC, Lyles C, Crepaz N, TREND Group. Improving the reporting quality of nonrandomized evaluations of "
    "behavioral and public health interventions: the TREND statement. Am J Public Health 2004;94:361\N{EN DASH}366."
)

TREND = (
    Item(METHODS, "5", "Objectives: the question that is answered.", (ASKED,)),
    Item(METHODS, "6", "The outcome, and when it was measured.", (MEASURED, WHEN)),
    Item(
        METHODS,
        "10",
        "The unit of analysis, and how its repeated measurements are treated.",
        (section("model", r"\nCovariance\n|Covariance: "),),
    ),
    Item(METHODS, "11a", "Statistical methods, those for correlated data among them.", (METHOD,)),
    Item(METHODS, "11b", "How missing outcomes are treated.", (MISSING,)),
    Item(METHODS, "11c", "Software.", (section("reproducibility", r"Software: "),)),
    Item(
        METHODS,
        "11d",
        "Methods of further analyses: here, of sensitivity to missing outcomes.",
        (FURTHER_METHODS,),
    ),
    Item(
        RESULTS,
        "12",
        "Participants at each visit, and departures from the planned analysis.",
        (SEEN, either(section("deviations"), section("checks"))),
    ),
    Item(
        RESULTS,
        "16",
        "How many participants each analysis is of.",
        (either(section("question", r"Participants: "), table("outcomes"), table("patients")),),
    ),
    Item(
        RESULTS,
        "17",
        "Each result with its interval.",
        (either(CONTRASTS, table("coefficients-*")),),
    ),
    Item(RESULTS, "18", "Results of further analyses, told apart from the main one.", (FURTHER,)),
    Item(RESULTS, "19", "Adverse events.", (EVENTS,), unmet="elsewhere"),
    Item(
        DISCUSSION,
        "20",
        "Limits of the analysis: what it assumes, multiplicity, and what may explain a change "
        "without a control.",
        (MISSING, MULTIPLE, either(section("design"), section("limits"))),
    ),
    Item(
        OTHER,
        "1\N{EN DASH}4",
        "Title and abstract; background; eligibility, recruitment, settings; interventions.",
    ),
    Item(OTHER, "7\N{EN DASH}9", "Sample size, interim analyses, assignment, blinding."),
    Item(OTHER, "13\N{EN DASH}15", "Recruitment, participants at baseline, comparability of groups."),
    Item(OTHER, "21\N{EN DASH}22", "Generalisability; overall evidence."),
)
