"""How long, and in how much memory, is a folder of Parquet files fitted that is larger than memory?"""

from __future__ import annotations

import os

from harness.program import Program
from harness.question import Case, Question, Target, ask
from harness.tables import beyond_memory

ASKS = "from the folder: Kenward-Roger and contrasts"
IN_MEMORY = "msclong, read into memory by pandas"
CORES = os.cpu_count() or 1
MODEL = "y ~ age + sex + arm * visit + us(visit | patient)"
COLUMNS = ["patient", "arm", "sex", "age", "visit", "y"]

OURS = Program(
    "msclong",
    asks=ASKS,
    load=False,
    threads=CORES,
    packages=("msclong",),
    prepare=f"import msclong as ml\nMODEL = {MODEL!r}",
    run="fit = ml.fit(MODEL, path)\ntold = fit.contrasts(versus='placebo', factor='arm', by='visit')",
    answer="{'loglik': fit.loglik, 'rows': fit.n_obs, **{name: told[name] for name in ('estimate', 'se', 'df')}}",
    limit=600.0,
    profile=True,
)

PROGRAMS = (
    OURS,
    OURS.but(
        name=IN_MEMORY,
        prepare=OURS.prepare + "\nimport pandas as pd",
        run=OURS.run.replace("path", f"pd.read_parquet(path, columns={COLUMNS})"),
        profile=False,
    ),
    Program(
        "polars: a mean by visit of each column, streamed",
        asks=ASKS,
        load=False,
        threads=CORES,
        packages=("polars",),
        prepare="import polars as pl",
        run="told = (pl.scan_parquet(path + '/*.parquet').group_by('visit', 'arm', 'sex')"
        ".agg(pl.col('y').mean(), pl.col('age').mean(), pl.col('patient').n_unique()).collect(engine='streaming'))",
        answer="{}",
        same=False,
        note="no model: what reading alone costs",
        limit=600.0,
    ),
)


def case(rows: str, patients: int, programs: tuple[Program, ...], full: bool, quick: bool) -> Case:
    return Case(f"{rows} rows", programs, beyond_memory(patients), MODEL, full=full, quick=quick, budget=1.0)


QUESTION = Question(
    "stream",
    "Larger than memory",
    "A folder of 25 Parquet files, of which the model reads six columns of eight. The clock starts before the first is "
    "opened, and stops with Kenward-Roger tests and contrasts. No peer takes a file: they need the table in memory.",
    (
        case("1 million", 186_000, PROGRAMS, full=False, quick=True),
        case("10 million", 1_860_000, PROGRAMS, full=False, quick=False),
        case("50 million", 9_300_000, (PROGRAMS[0], PROGRAMS[2]), full=True, quick=False),
    ),
    (
        Target(
            "50 million rows, peak memory", 2.0, lambda r: r.peak("50 million rows", "msclong"), unit="GB"
        ),
        Target(
            "10 million rows, peak memory", 2.0, lambda r: r.peak("10 million rows", "msclong"), unit="GB"
        ),
        *(
            Target(
                f"{rows} rows: apart from the fit in memory, relatively",
                1e-10,
                lambda results, rows=rows: results.apart(f"{rows} rows", IN_MEMORY),
                unit="",
            )
            for rows in ("1 million", "10 million")
        ),
    ),
)

if __name__ == "__main__":
    ask(QUESTION)
