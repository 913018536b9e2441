"""Bayesian analysis reporting guidelines, in our words.

Kruschke JK (2021), Nature Human Behaviour 5:1282, table 1. What a report cannot know (why a method was chosen, where
files are kept) is left to its authors.
"""

from __future__ import annotations

from msclong.reporting.checklists.consort import CONTRASTS, FURTHER
from msclong.reporting.checklists.item import Item, either, figure, section, table

SOURCE = "Kruschke JK. Bayesian analysis reporting guidelines. Nat Hum Behav 2021;5:1282\N{EN DASH}1291."

START = "Preamble"
MODEL = "1. The model"
COMPUTATION = "2. The computation"
POSTERIOR = "3. The posterior"
DECISIONS = "4. Decisions"
SENSITIVITY = "5. Sensitivity"
AGAIN = "6. Reproducibility"
AUTHORS = "The authors\N{RIGHT SINGLE QUOTATION MARK} text"

INTERVALS = either(CONTRASTS, table("coefficients-*"))

BARG = (
    Item(START, "A", "Why the analysis is Bayesian.", otherwise=AUTHORS),
    Item(
        START,
        "B",
        "What the analysis is to find out.",
        (either(section("question", r"Question: "), section("estimands")),),
    ),
    Item(
        MODEL,
        "1A",
        "The outcome and the variables that explain it.",
        (either(section("question", r"Outcome: "), section("estimands")), section("model")),
    ),
    Item(
        MODEL,
        "1B",
        "The likelihood and all its parameters, with the levels of a hierarchical model and its covariance.",
        (
            section("model", r"\[i,t\]"),
            either(section("covariance"), section("model", r"Covariance: ")),
        ),
    ),
    Item(
        MODEL,
        "1C",
        "The prior of every parameter (why it was chosen: the authors\N{RIGHT SINGLE QUOTATION MARK} text).",
        (either(table("priors-*"), table("priors")),),
    ),
    Item(
        MODEL,
        "1D",
        "The model in full, as mathematics or as code.",
        (section("model", r"\[i,t\] = "),),
    ),
    Item(
        MODEL,
        "1E",
        "What the priors imply before any outcome is seen.",
        (either(figure("prior-posterior*"), table("prior-posterior*")),),
    ),
    Item(
        COMPUTATION, "2A", "Software, with versions.", (section("reproducibility", r"Software: .*msclong"),)
    ),
    Item(
        COMPUTATION,
        "2B",
        "Evidence that chains converged, or for another method that its answer can be relied on.",
        (either(table("checks-*"), table("convergence", r"^Checks met$")),),
    ),
    Item(
        COMPUTATION,
        "2C",
        "Effective sample sizes of what is reported.",
        (either(table("checks-*", r"\bESS\b|effective"), table("convergence", r"^Least ESS$")),),
    ),
    Item(
        COMPUTATION,
        "2D",
        "The method of computation, MCMC or another.",
        (section("model", r"chains of|importance sampling|No-U-Turn"),),
    ),
    Item(
        POSTERIOR,
        "3A",
        "Whether the model predicts data like those observed.",
        (either(figure("predictive*"), table("predictive*")),),
    ),
    Item(
        POSTERIOR,
        "3B",
        "Centre and interval of every quantity of interest, and what kind of interval it is.",
        (
            INTERVALS,
            section("model", r"equal-tailed"),
        ),
    ),
    Item(
        POSTERIOR,
        "3C",
        "Bayes factors and probabilities of models.",
        otherwise="None is computed",
        unmet="not used",
    ),
    Item(
        DECISIONS,
        "4A",
        "By what rule decisions are made.",
        (section("answer", r"by (a posterior probability above|(un)?adjusted p below)"),),
        otherwise="No decision is made by rule",
        unmet="not used",
    ),
    Item(
        DECISIONS,
        "4B",
        "The difference that matters, or the region of practical equivalence (its reason: the "
        "authors\N{RIGHT SINGLE QUOTATION MARK} text).",
        (either(section("question", r"Relevant difference: (?!None)"), table("outcomes", r"^Margin$")),),
    ),
    Item(
        DECISIONS,
        "4C",
        "Estimates with their uncertainty, whatever is decided.",
        (INTERVALS,),
    ),
    Item(SENSITIVITY, "5A", "How far conclusions depend on the priors.", (table("prior-sensitivity*"),)),
    Item(
        SENSITIVITY,
        "5B",
        "How far they depend on what is assumed of missing outcomes.",
        (FURTHER,),
    ),
    Item(AGAIN, "6A", "Software, versions and seeds.", (section("reproducibility", r"Random seed: "),)),
    Item(AGAIN, "6B", "The code, and what it is run with.", (section("reproducibility", r"import msclong"),)),
    Item(
        AGAIN,
        "6C",
        "Data: a fingerprint here; where they are kept.",
        (either(section("reproducibility", r"SHA-256"), table("hashes")),),
    ),
    Item(AGAIN, "6D", "An archive of data, code and results that others can reach.", otherwise=AUTHORS),
)
