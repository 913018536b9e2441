"""How does the cost of an unstructured MMRM grow with patients, visits, columns, and patterns of missing visits?"""

from __future__ import annotations

from harness.mmrm_programs import FIT, FIXED, MODEL, fits, fits_as_random_effects, ours, with_fixed
from harness.program import Program
from harness.question import Case, Question, ask
from harness.tables import Table, trial, with_columns, with_patterns

PEERS = (
    "R mmrm",
    "R nlme::gls",
    "R glmmTMB",
    "R lme4::lmer, (0 + visit | patient)",
    "statsmodels MixedLM, 0 + visit",
    "mixedlm, (0 + visit | patient)",
    "mixedlm-rs, 0 + visit",
)

LIMIT = 15.0
"""Seconds for start, reading and fit; the same for every program."""


def programs(fixed: str = FIXED) -> tuple[Program, ...]:
    """Fits and standard errors, and msclong with Kenward-Roger and contrasts as a line of its own."""
    told = [program for program in fits() + fits_as_random_effects() if program.name in ("msclong", *PEERS)]
    tests = ours(FIT, "kenward-roger").but(name="msclong, Kenward-Roger", asks="fit and Kenward-Roger")
    chosen = [program.but(limit=LIMIT) for program in (told[0], tests, *told[1:])]
    return with_fixed(chosen, fixed)


def point(axis: str, x: int, table: Table, fixed: str = FIXED, quick: bool = True, cut: float = 5.0) -> Case:
    return Case(
        f"{x:,} {axis}",
        programs(fixed),
        table,
        MODEL if len(fixed) < 100 else "y ~ visit + x001 + ... + us(visit | patient)",
        axis=axis,
        x=x,
        quick=quick,
        cut=cut,
        budget=1.0,
    )


def columns(count: int) -> str:
    """Fixed effects of so many columns: an intercept, three visits, and covariates."""
    return "y ~ visit + " + " + ".join(f"x{i + 1:03d}" for i in range(count - 4))


QUESTION = Question(
    "growth",
    "How cost grows",
    "REML fit and standard errors of an unstructured MMRM; in a further line msclong with Kenward-Roger's df "
    "and standard errors. A program that took over 5 s, or was not done in 15 s, is not asked for more.",
    (
        *(
            point("patients", n, trial(n, 4), quick=n <= 1000)
            for n in (100, 1000, 10_000, 100_000, 1_000_000)
        ),
        *(
            point("visits", visits, trial(1000, visits), quick=visits <= 5)
            for visits in (3, 5, 8, 12, 20, 30)
        ),
        *(point("columns", p, with_columns(p - 4), columns(p), quick=p <= 20) for p in (5, 20, 50, 100, 200)),
        *(point("patterns", k, with_patterns(k), quick=k <= 1) for k in (1, 10, 100, 500)),
    ),
)

if __name__ == "__main__":
    ask(QUESTION)
