"""How long does an MMRM of a million patients take, beside reading and pivoting their file?"""

from __future__ import annotations

from harness.mmrm_programs import MODEL, OURS, fits_as_random_effects
from harness.program import Program
from harness.question import Case, Question, Target, ask
from harness.tables import trial

FROM_FILE, IN_MEMORY = "from the Parquet file", "from a data frame in memory"

FILE = OURS.but(
    asks=FROM_FILE,
    load=False,
    prepare=OURS.prepare + "engine = None",
    run=OURS.run.replace("table", "path"),
    limit=300.0,
)
PIVOT = "wide = table.pivot(index='patient', columns='visit', values='y')"


def floors() -> tuple[Program, ...]:
    """Reading the columns that the model needs and laying the outcome out by patient and visit: no model at all."""
    pandas = Program(
        "pandas: read and pivot",
        asks=FROM_FILE,
        load=False,
        packages=("pandas",),
        prepare="import pandas as pd",
        run="table = pd.read_parquet(path, columns=['patient', 'arm', 'visit', 'base', 'y'])\n" + PIVOT,
        answer="{}",
        same=False,
    )
    polars = pandas.but(
        name="polars: read and pivot",
        packages=("polars",),
        prepare="import polars as pl",
        run="table = pl.read_parquet(path, columns=['patient', 'arm', 'visit', 'base', 'y'])\n"
        "wide = table.pivot(on='visit', index='patient', values='y')",
    )
    return pandas, polars


READ = "msclong, read by pandas"
PEERS = ("mixedlm, (0 + visit | patient)", "mixedlm-rs, 0 + visit")

WHY = (
    "The path is read twice, for levels and for sums, in parts of half a million rows, each while another is summed. "
    "Two passes of Arrow over a million names as text are the floor; for a table in memory one read is enough."
)

QUESTION = Question(
    "million",
    "A million patients",
    "The unstructured MMRM with Kenward-Roger tests and contrasts of 1,000,000 patients at 6 visits. From the file the "
    "clock starts before it is opened.",
    tuple(
        Case(
            f"{patients:,} x 6",
            (
                FILE,
                FILE.but(
                    name=READ,
                    prepare=FILE.prepare + "\nimport pandas as pd",
                    run=OURS.run.replace("table", "pd.read_parquet(path)"),
                    profile=False,
                ),
                *floors(),
                OURS.but(asks=IN_MEMORY, prepare=OURS.prepare + "engine = None", limit=300.0),
                *(
                    program.but(asks=IN_MEMORY, limit=90.0)
                    for program in fits_as_random_effects()
                    if program.name in PEERS
                ),
            ),
            trial(patients, 6),
            MODEL,
            "peers: fit and standard errors, no small-sample inference",
            quick=patients < 1_000_000,
            full=patients < 1_000_000,
        )
        for patients in (100_000, 1_000_000)
    ),
    tuple(
        Target(
            f"1,000,000 x 6, {how}: time over that of reading and pivoting by pandas",
            2.0,
            lambda results, program=program: results.ratio(
                "1,000,000 x 6", program, "pandas: read and pivot", FROM_FILE
            ),
            unit="times",
            why=WHY,
        )
        for how, program in (("from the file", "msclong"), ("pd.read_parquet and ml.fit", READ))
    ),
)

if __name__ == "__main__":
    ask(QUESTION)
