"""How long does a model with random slopes take, from a table to standard errors, and to Kenward-Roger tests?"""

from __future__ import annotations

from harness.question import Case, Question, Target, ask
from harness.slope_programs import TESTS, slope_programs
from harness.tables import example, slopes

QUESTION = Question(
    "random_slopes",
    "Random intercepts and slopes",
    "REML. The clock starts with the data in memory as the program's own data frame, subjects as factors, and stops "
    "with estimates and standard errors, or with Kenward-Roger tests of every coefficient.",
    (
        Case(
            "sleepstudy",
            slope_programs("Reaction ~ Days", "Days", "Subject"),
            example("sleepstudy"),
            "Reaction ~ Days + (1 + Days | Subject)",
            "18 subjects, 180 rows",
        ),
        Case(
            "1,000 x 6",
            slope_programs("y ~ arm * time", "time", "id"),
            slopes(1000, 6),
            "y ~ arm * time + (1 + time | id)",
            "planned times, complete",
        ),
        Case(
            "10,000 x 6",
            slope_programs("y ~ arm * time", "time", "id"),
            slopes(10_000, 6),
            "y ~ arm * time + (1 + time | id)",
            "planned times, complete",
        ),
        Case(
            "1,000 x 50, irregular",
            slope_programs("y ~ arm * time", "time", "id"),
            slopes(1000, 50, irregular=True),
            "y ~ arm * time + (1 + time | id)",
            "every subject at times of its own",
        ),
    ),
    (
        Target(
            "random slopes, 10,000 x 6, after the design matrix",
            0.030,
            lambda results: results.seconds("10,000 x 6", "msclong, after the design matrix"),
        ),
        Target(
            "irregular times, 1,000 subjects x 50, Kenward-Roger",
            1.0,
            lambda results: results.seconds("1,000 x 50, irregular", "msclong", TESTS),
        ),
    ),
)

if __name__ == "__main__":
    ask(QUESTION)
