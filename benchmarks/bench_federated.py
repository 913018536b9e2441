"""Is a fit from hospitals' sums the pooled fit, and how many bytes travel?"""

from __future__ import annotations

from harness.program import Program
from harness.question import Case, Question, Target, ask
from harness.tables import trial

MODEL = "y ~ base + arm * visit + us(visit | patient)"
ASKS = "Kenward-Roger and contrasts"
TOLD = "told = fit.contrasts(versus='control', factor='arm', by='visit')"
ANSWER = "'loglik': fit.loglik, **{name: told[name] for name in ('estimate', 'se', 'df')}"

POOLED = Program(
    "msclong, the pooled table",
    asks=ASKS,
    packages=("msclong",),
    prepare=f"import msclong as ml\nspec = ml.ModelSpec({MODEL!r}, arm='arm')",
    run="fit = ml.fit(spec, table)\n" + TOLD,
    answer="{" + ANSWER + ", 'bytes': int(table.memory_usage(deep=True).sum())}",
)


def hospitals(count: int) -> Program:
    """Patients dealt out to so many hospitals; each saves its sums, the coordinator reads, adds and fits."""
    return POOLED.but(
        name=f"msclong, sums of {count} hospitals",
        prepare=POOLED.prepare
        + f"\nimport os, tempfile\nfolder = tempfile.mkdtemp()\nsite = table['patient'].cat.codes % {count}\n"
        f"tables = [table[site == i].reset_index(drop=True) for i in range({count})]\n"
        "schema = ml.schema_of(spec, table)\n"
        "files = [f'{folder}/{i}.sums' for i in range(len(tables))]",
        run="for i, (own, file) in enumerate(zip(tables, files)):\n"
        "    ml.cross_moments(spec, own, schema, site=f'hospital {i}', minimum_count=1).save(file)\n"
        "sums = [ml.SharedMoments.load(file) for file in files]\ntotal = sums[0]\n"
        "for one in sums[1:]:\n    total = total + one\nfit = ml.fit(spec, total)\n" + TOLD,
        answer="{" + ANSWER + ", 'bytes': sum(os.path.getsize(file) for file in files)}",
    )


QUESTION = Question(
    "federated",
    "Hospitals that share no rows",
    "Every hospital sums its patients and saves the sums; a coordinator adds them and fits. The clock runs over all of "
    "that. What is sent: the pooled table, as it is in memory; the hospitals' files, as they are on disk.",
    tuple(
        Case(
            f"{patients:,} x 4",
            (POOLED, hospitals(2), hospitals(10)),
            trial(patients, 4),
            MODEL,
            quick=patients < 10_000,
        )
        for patients in (2000, 100_000)
    ),
    tuple(
        Target(
            f"{patients:,} x 4, sums of 10 hospitals: apart from the pooled fit, relatively",
            1e-10,
            lambda results, case=f"{patients:,} x 4": results.apart(case, "msclong, sums of 10 hospitals"),
            unit="",
        )
        for patients in (2000, 100_000)
    ),
)

if __name__ == "__main__":
    ask(QUESTION)
