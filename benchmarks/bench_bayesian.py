"""How many effective draws a second give the posterior, from a table to contrasts, beside bambi and hand-written PyMC?

The peers: the best marginal PyMC model that its author could write for these very data (harness/pymc_by_hand.py),
sampled by nutpie, compiled beforehand and each time; msclong's own PyMC model, Bayesian(sampler="nuts"), which compiles
once in a process; bambi's default. bambi has no unstructured covariance, and its group effects are independent (0.21
has no LKJ prior): on HAMD17 the nearest to `us` that its formula can say is an intercept and an effect of each further
visit for every patient, a simpler model, whose means are not compared.
"""

from __future__ import annotations

import os

from harness.program import Program
from harness.question import Case, Question, ask
from harness.tables import example

CORES = os.cpu_count() or 1
ASKS = "posterior, contrasts against baseline"
FORMULAS = {
    "sleepstudy": "Reaction ~ Days + (1 + Days | Subject)",
    "hamd17": "change ~ basval + TRT * week + us(week | PATIENT)",
}
IN_BAMBI = {
    "sleepstudy": "Reaction ~ Days + (Days | Subject)",
    "hamd17": "change ~ basval + TRT * week + (1 + week | PATIENT)",
}
OF_BAMBI = """
import numpy as np
from arviz_stats.base.array import array_stats
def told(posterior):
    if "Days" in posterior:
        quantities = [9 * posterior["Days"].values]
    else:
        interaction = np.moveaxis(posterior["TRT:week"].values, -1, 0)
        quantities = [interaction[-1], *interaction[:-1]]
    for name in posterior:
        if name.endswith("sigma"):
            sds = posterior[name].values
            quantities += list(np.moveaxis(sds.reshape(*sds.shape[:2], -1) ** 2, -1, 0))
    values = np.stack(quantities)
    ess = array_stats.ess(values, chain_axis=1, draw_axis=2, method="bulk")
    return {"ess": float(np.min(ess)), "estimate": float(values[0].mean()), "se": float(values[0].std())}
"""


def programs(trial: str) -> tuple[Program, ...]:
    ours = Program(
        "msclong, importance sampling",
        asks=ASKS,
        threads=CORES,
        packages=("msclong",),
        prepare=f"import msclong as ml\nMODEL = {FORMULAS[trial]!r}\nsampler = 'importance'",
        run="fit = ml.fit(MODEL, table, engine=ml.Bayesian(seed=1, sampler=sampler))\n"
        "told = fit.contrasts()\nspread = fit.covariance.parameters.filter(like='variance', axis='index')",
        answer="{'ess': float(min(told['ess_bulk'].min(), spread['ess_bulk'].min())), "
        "'estimate': told['estimate'].iloc[-1], 'se': told['se'].iloc[-1]}",
        limit=120.0,
    )
    by_hand = ours.but(
        name="PyMC by hand, marginal, nutpie",
        packages=("pymc", "nutpie"),
        prepare=f"from harness.pymc_by_hand import compiled, sampled\nmodel = compiled({trial!r})",
        run="told = sampled(*model)",
        answer="told",
        note="compiled beforehand",
    )
    compiling = by_hand.but(
        name="PyMC by hand, marginal, nutpie, compiling",
        prepare="from harness.pymc_by_hand import compiled, sampled",
        run=f"told = sampled(*compiled({trial!r}))",
        note="a model compiles again for every new shape of data",
    )
    bambi = ours.but(
        name="bambi, default",
        environment="bambi",
        packages=("bambi", "pymc"),
        limit=180.0,
        prepare="import bambi" + OF_BAMBI,
        run=f"posterior = bambi.Model({IN_BAMBI[trial]!r}, table).fit(random_seed=1, progressbar=False).posterior",
        answer="told(posterior)",
        same=trial == "sleepstudy",
        note="" if trial == "sleepstudy" else "a simpler model: it has no unstructured covariance",
    )
    return (
        ours,
        by_hand,
        compiling,
        ours.but(
            name="msclong, NUTS",
            prepare=ours.prepare.replace("importance", "nuts") + f"\n{ours.run}",
            note="compiled beforehand, by one fit",
        ),
        bambi,
    )


QUESTION = Question(
    "bayesian",
    "The posterior",
    "From the table in memory to the posterior of contrasts and variances; effective draws are the least over both, by "
    "bulk ESS. Every program does what it does by default on this machine's cores.",
    tuple(Case(trial, programs(trial), example(trial), FORMULAS[trial], budget=5.0) for trial in FORMULAS),
)

if __name__ == "__main__":
    ask(QUESTION)
