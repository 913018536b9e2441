"""How does the cost grow with patients, visits, columns (unstructured MMRM) and patterns of missing visits (slopes)?"""

from __future__ import annotations

from harness.mmrm_programs import FIT, FIXED, MODEL, fits, fits_as_random_effects, ours, with_fixed
from harness.program import Program
from harness.question import Case, Question, ask
from harness.slope_programs import slope_programs
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

SLOPE_PEERS = (
    "R lme4::lmer",
    "R nlme::lme",
    "R glmmTMB",
    "statsmodels MixedLM",
    "mixedlm",
    "mixedlm-rs",
    "lme-python",
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


def patterns(count: int, quick: bool) -> Case:
    """Random slopes: an unstructured covariance has no estimate where each patient has a pattern of their own."""
    plain, *others = slope_programs("y ~ arm * time", "time", "id", tests=False)
    peers = [program for program in others if program.name in SLOPE_PEERS]
    tests = plain.but(
        name="msclong, Kenward-Roger",
        asks="fit and Kenward-Roger",
        prepare=plain.prepare + "\nengine = ml.Frequentist()",
    )
    return Case(
        f"{count:,} patterns",
        tuple(program.but(limit=LIMIT) for program in (plain, tests, *peers)),
        with_patterns(count),
        "y ~ arm * time + (1 + time | id)",
        axis="patterns",
        x=count,
        quick=quick,
        cut=5.0,
        budget=1.0,
    )


def columns(count: int) -> str:
    """Fixed effects of so many columns: an intercept, three visits, and covariates."""
    return "y ~ visit + " + " + ".join(f"x{i + 1:03d}" for i in range(count - 4))


QUESTION = Question(
    "growth",
    "How cost grows",
    "REML fit and standard errors of an unstructured MMRM (for patterns of random slopes); in a further line msclong "
    "with Kenward-Roger's df and standard errors. A program that took over 5 s, or was not done in 15 s, "
    "is not asked for more.",
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
        *(patterns(k, quick=k <= 10) for k in (1, 10, 100, 1000)),
    ),
)

if __name__ == "__main__":
    ask(QUESTION)
