"""How long does an unstructured MMRM take, from a table to standard errors, and to small-sample tests of the arms?"""

from __future__ import annotations

from harness.mmrm_programs import KENWARD_ROGER, MODEL, fits, fits_as_random_effects, tests
from harness.question import Case, Question, Target, ask
from harness.tables import trial

QUESTION = Question(
    "mmrm",
    "Unstructured MMRM",
    "REML, a fifth of the patients drop out, 3 % of the other visits are missed, a covariate has a value of its own "
    "for each patient. The clock starts with the data in memory, text made factors, and stops with what is asked.",
    (
        Case(
            "200 x 4",
            (*fits(), *fits_as_random_effects(), *tests(smallest=True)),
            trial(200, 4),
            MODEL,
            "12 coefficients, 10 covariance parameters",
        ),
        Case(
            "1,000 x 6",
            (*fits(), *tests(smallest=False)),
            trial(1000, 6),
            MODEL,
            "18 coefficients, 21 covariance parameters",
        ),
        Case(
            "1,000 x 10",
            (*fits(), *tests(smallest=False)),
            trial(1000, 10),
            MODEL,
            "30 coefficients, 55 covariance parameters",
        ),
        Case(
            "10,000 x 6",
            (*fits(), *tests(smallest=False)),
            trial(10_000, 6),
            MODEL,
            "18 coefficients, 21 covariance parameters",
        ),
    ),
    (
        Target(
            "200 x 4, Kenward-Roger and contrasts",
            0.015,
            lambda results: results.seconds("200 x 4", "msclong", KENWARD_ROGER),
        ),
        Target(
            "1,000 x 10, Kenward-Roger and contrasts",
            0.4,
            lambda results: results.seconds("1,000 x 10", "msclong", KENWARD_ROGER),
        ),
    ),
)

if __name__ == "__main__":
    ask(QUESTION)
