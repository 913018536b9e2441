"""How long do thousands of outcomes of one design take: proteins of 24 patients at 5 visits, each with its own gaps?"""

from __future__ import annotations

import os

from harness.program import Program, in_r
from harness.question import Case, Question, Target, ask
from harness.tables import assay

CORES = os.cpu_count() or 1
SAMPLE = 40
ASKS = "every visit against baseline for every outcome, adjusted p-values"


def ours(covariance: str, ddf: str, sample: int) -> Program:
    """ml.fit_many of all columns; its answers are compared on the first `sample` outcomes."""
    return Program(
        "msclong ml.fit_many",
        asks=ASKS,
        threads=CORES,
        packages=("msclong",),
        prepare="import warnings\nwarnings.simplefilter('ignore')\nimport msclong as ml\n"
        f"engine = ml.Frequentist(ddf={ddf!r}, information='{'expected' if ddf == 'kenward-roger' else 'observed'}')\n"
        f"names = list(table.columns[2:])\nfirst = set(names[:{sample}])\n"
        f"ml.fit_many('outcome ~ month + {covariance}', table, names[:1], engine, progress=False)",
        note="compiled beforehand; 'The first fit in a fresh process' has what that takes",
        run=f"fits = ml.fit_many('outcome ~ month + {covariance}', table, names, engine, progress=False)\n"
        "told = fits.contrasts()",
        answer="(lambda own: {name: own[name].to_numpy() for name in ('estimate', 'se', 'df')})"
        "(told[told.index.get_level_values('outcome').isin(first)])",
        profile=True,
        limit=300.0,
    )


def loop(program: Program, outcomes: int, sample: int) -> Program:
    """A peer's loop over `sample` of the outcomes, told for all, in as many processes as there are cores."""
    processes = min(CORES, outcomes)
    told = (
        f"measured on {sample} of {outcomes:,} outcomes in one process"
        if sample < outcomes
        else "in one process"
    )
    shared = f", and told for {processes} cores without loss" if processes > 1 else ""
    return program.but(
        asks=ASKS,
        limit=120.0,
        share=sample / outcomes * processes,
        note=told + shared,
        prepare=f"{'sample <- ' if program.language == 'r' else 'sample = '}{sample}\n" + program.prepare,
    )


EACH_IN_R = """names_ <- names(table)[2 + seq_len(sample)]
each <- lapply(names_, function(name) {
  d <- table[!is.na(table[[name]]), c("patient", "month", name)]
  names(d)[3] <- "y"
  d$at <- as.integer(d$month)
  droplevels(d)
})
"""
OF_R = (
    "list(estimate = unlist(lapply(found, function(t) t[-1, 1])), se = unlist(lapply(found, function(t) t[-1, 2])), "
    "df = unlist(lapply(found, function(t) t[-1, 3])))"
)
EACH = """import warnings
warnings.simplefilter('ignore')
each = [
    table[['patient', 'month', name]].dropna().rename(columns={name: 'y'}).reset_index(drop=True)
    for name in table.columns[2 : 2 + sample]
]
"""
OF_PYTHON = "{'estimate': estimate, 'se': se, 'df': df}"


def looped(name: str, package: str, environment: str, before: str, body: str) -> Program:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return Program(
        name,
        run=f"estimate, se, df = [], [], []\nfor one in each:\n{lines}",
        answer=OF_PYTHON,
        prepare=EACH + before,
        packages=(package,),
        environment=environment,
    )


GLS = in_r(
    "R nlme::gls, N - p df",
    "nlme",
    prepare=EACH_IN_R,
    run="found <- lapply(each, function(d) { fit <- gls(y ~ month, d, correlation = corSymm(form = ~ at | patient), "
    "weights = varIdent(form = ~ 1 | month)); cbind(summary(fit)$tTable[, 1:2], nrow(d) - 5) })",
    answer=OF_R,
)
MMRM = in_r(
    "R mmrm, Kenward-Roger",
    "mmrm",
    prepare=EACH_IN_R,
    run="found <- lapply(each, function(d) coef(summary(mmrm(y ~ month + us(month | patient), d, "
    'method = "Kenward-Roger", vcov = "Kenward-Roger-Linear")))[, 1:3])',
    answer=OF_R,
)
LMERTEST = in_r(
    "R lmerTest, Satterthwaite",
    "lmerTest",
    prepare=EACH_IN_R,
    run="found <- lapply(each, function(d) coef(summary(lmer(y ~ month + (1 | patient), d)))[, 1:3])",
    answer=OF_R,
)
STATSMODELS = looped(
    "statsmodels MixedLM, normal theory",
    "statsmodels",
    "",
    "import statsmodels.formula.api as smf",
    "fit = smf.mixedlm('y ~ month', one, groups='patient').fit()\n"
    "estimate.extend(fit.fe_params[1:])\nse.extend(fit.bse_fe[1:])",
)
MIXEDLM = looped(
    "mixedlm, Satterthwaite",
    "mixedlm",
    "mixedlm",
    "import mixedlm, numpy as np",
    "fit = mixedlm.lmer('y ~ month + (1 | patient)', one)\ntold = mixedlm.satterthwaite_df(fit)\n"
    "estimate.extend(list(fit.fixef().values())[1:])\nse.extend(np.sqrt(np.diag(fit.vcov()))[1:])\n"
    "df.extend(list(told.as_dict().values())[1:])",
)
RUST = looped(
    "lme-python, Satterthwaite",
    "lme-python",
    "lme-python",
    "import lme_python, polars\n"
    "each = [polars.from_pandas(one.astype({'patient': str, 'month': str})) for one in each]",
    "fit = lme_python.lmer('y ~ month + (1 | patient)', data=one, reml=True)\nfit.with_satterthwaite(one)\n"
    "estimate.extend(fit.coefficients[1:])\nse.extend(fit.std_errors[1:])\ndf.extend(fit.satterthwaite_dfs[1:])",
)
LOOPS = (LMERTEST, STATSMODELS, MIXEDLM, RUST)


def whole(covariance: str, ddf: str, loops: tuple[Program, ...], outcomes: int) -> Case:
    name = f"{outcomes:,} outcomes, {'unstructured' if covariance.startswith('us') else 'random intercept'}"
    told = (ours(covariance, ddf, SAMPLE), *(loop(program, outcomes, SAMPLE) for program in loops))
    return Case(
        name, told, assay(outcomes), f"outcome ~ month + {covariance}", quick=outcomes < 20_000, budget=5.0
    )


def point(outcomes: int) -> Case:
    sample = min(outcomes, SAMPLE)
    programs = (
        ours("(1 | patient)", "satterthwaite", sample),
        ours("us(month | patient)", "kenward-roger", sample).but(
            name="msclong ml.fit_many, unstructured, Kenward-Roger", same=False, asks=ASKS + " (unstructured)"
        ),
        *(loop(program, outcomes, sample) for program in LOOPS),
    )
    return Case(
        f"{outcomes:,} outcomes",
        programs,
        assay(outcomes),
        "outcome ~ month + (1 | patient)",
        axis="outcomes",
        x=outcomes,
        budget=1.0,
        quick=outcomes <= 10,
    )


QUESTION = Question(
    "many_outcomes",
    "Thousands of outcomes",
    "24 patients at 5 visits, each outcome with its own 5 % missing: REML, every visit against baseline with "
    "Kenward-Roger's (unstructured) or Satterthwaite's df (random intercept), adjusted p-values (msclong only).",
    (
        *(
            whole(covariance, ddf, loops, outcomes)
            for outcomes in (1000, 20_000)
            for covariance, ddf, loops in (
                ("us(month | patient)", "kenward-roger", (MMRM, GLS)),
                ("(1 | patient)", "satterthwaite", LOOPS),
            )
        ),
        *(point(outcomes) for outcomes in (1, 10, 100, 1000, 20_000)),
    ),
    tuple(
        Target(
            f"20,000 outcomes, {which}",
            20.0,
            lambda results, which=which: results.seconds(f"20,000 outcomes, {which}", "msclong ml.fit_many"),
        )
        for which in ("unstructured", "random intercept")
    ),
)

if __name__ == "__main__":
    ask(QUESTION)
