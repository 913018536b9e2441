"""Items of CONSORT 2010, in our words: those that an analysis answers, and by name those that it cannot.

Schulz KF, Altman DG, Moher D, for the CONSORT Group (2010), BMJ 340:c332. The numbers are those of its checklist.
"""

from __future__ import annotations

from msclong.reporting.checklists.item import Item, either, figure, section, table

SOURCE = (
    "Schulz KF, Altman DG, Moher D. CONSORT 2010 statement: updated guidelines for reporting parallel group randomised "
    "trials. BMJ 2010;340:c332."
)

METHODS, RESULTS, DISCUSSION, OTHER = "Methods", "Results", "Discussion", "Of the trial itself"

ASKED = either(section("question", r"Question: "), section("estimands"))
MEASURED = either(section("question", r"Outcome: "), section("estimands"))
WHEN = either(figure("observed"), table("visits"), section("patients", r"outcome and visit"))
METHOD = either(section("methods"), section("model"))
SEEN = either(table("visits"), section("patients", r"outcome and visit"))
MISSING = either(
    section("question", r"Missing outcomes: "),
    section("estimands", r"missing (completely )?at random"),
    section("model", r"missing (completely )?at random"),
)
CONTRASTS = either(table("contrasts*"), table("secondary"), table("exploratory"))
MULTIPLE = either(section("question", r"Intervals: "), section("multiplicity"))
FURTHER_METHODS = section("sensitivity", r"jackknife|Rubin")
EVENTS = table("events")
FURTHER = either(table("sensitivity"), section("sensitivity", r"Under missing at random"))

CONSORT = (
    Item(METHODS, "2b", "Objectives: the question that is answered.", (ASKED,)),
    Item(METHODS, "6a", "The outcome, and when it was measured.", (MEASURED, WHEN)),
    Item(METHODS, "12a", "Statistical methods for the comparison of the arms.", (METHOD,)),
    Item(
        METHODS,
        "12b",
        "Methods of further analyses: here, of sensitivity to missing outcomes.",
        (FURTHER_METHODS,),
    ),
    Item(
        RESULTS,
        "13",
        "Participants analysed by arm and visit.",
        (either(section("participants", r"by visit and arm"), section("patients", r"outcome and visit")),),
    ),
    Item(
        RESULTS,
        "16",
        "Of each analysis, how many participants it is of, and in which arms.",
        (either(section("question", r"Arms: .*n = "), table("patients")),),
    ),
    Item(
        RESULTS,
        "17a",
        "Each arm\N{RIGHT SINGLE QUOTATION MARK}s result, and the difference with its interval.",
        (either(table("means"), figure("means*"), figure("panels")), CONTRASTS),
    ),
    Item(RESULTS, "18", "Results of further analyses, told apart from the main one.", (FURTHER,)),
    Item(RESULTS, "19", "Harms: each kind, in how many of each arm.", (EVENTS,), unmet="elsewhere"),
    Item(
        DISCUSSION,
        "20",
        "Limits of the analysis: what it assumes, how well it fits, multiplicity.",
        (MISSING, MULTIPLE, either(section("diagnostics"), section("checks"))),
    ),
    Item(OTHER, "1, 3\N{EN DASH}5", "Title and abstract; design, participants, settings, interventions."),
    Item(OTHER, "6b", "Changes to outcomes after the start."),
    Item(OTHER, "7\N{EN DASH}11", "Sample size, interim analyses, randomisation, allocation, blinding."),
    Item(OTHER, "13b\N{EN DASH}15", "Losses with their reasons, recruitment, participants at baseline."),
    Item(OTHER, "21\N{EN DASH}22", "Generalisability; interpretation, benefits against harms."),
    Item(OTHER, "23\N{EN DASH}25", "Registration, protocol, funding."),
)
