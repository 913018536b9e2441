"""How long does the power of the next trial take: 5,000 simulated trials of 24 patients at 5 visits, each analysed?"""

from __future__ import annotations

import os

from harness.program import Program, in_r
from harness.question import Case, Question, Target, ask
from harness.tables import small_trials

CORES = os.cpu_count() or 1
TRIALS, SAMPLE = 5000, 40
SHARE = SAMPLE / TRIALS * CORES
NOTE = f"measured on {SAMPLE} trials in one process, and told for {TRIALS:,} spread over {CORES} cores without loss"
ASKS = f"{TRIALS:,} trials, every visit against baseline"

SCENARIO = (
    "scenario = ml.Scenario(visits=[0, 1, 3, 6, 12], means=[5.6, 4.9, 4.4, 4.1, 4.3], sd=[1.4, 1.5, 1.6, 1.6, 1.7], "
    "correlation=0.5, structure='ar1')"
)
EACH = "[part.drop(columns='trial').reset_index(drop=True) for _, part in table.groupby('trial')]"
COLLECTED = "{'loglik': sum(loglik), 'estimate': estimate, 'se': se, 'df': df}"


def ours(covariance: str, ddf: str) -> Program:
    """ml.power; its answers are compared on the sample that the peers fit, by ml.fit."""
    model = f"y ~ month + {covariance}"
    return Program(
        "msclong ml.power",
        asks=ASKS,
        threads=CORES,
        packages=("msclong",),
        prepare=f"import msclong as ml, numpy as np\n{SCENARIO}\n"
        f"spec = 'score ~ C(month) + {covariance}'\nengine = ml.Frequentist(ddf={ddf!r}, information='expected')\n"
        f"def each(tables):\n    fits = [ml.fit({model!r}, one, engine) for one in tables]\n"
        "    told = [fit.coefficients().iloc[1:] for fit in fits]\n"
        "    columns = {name: np.concatenate([one[name] for one in told]) for name in ('estimate', 'se', 'df')}\n"
        "    return {'loglik': sum(fit.loglik for fit in fits), **columns}\n"
        "ml.power(spec, scenario, n=24, dropout=0.15, n_sim=4, seed=2, engine=engine, progress=False)",
        note="compiled beforehand; 'The first fit in a fresh process' has what that takes",
        limit=300.0,
        run=f"found = ml.power(spec, scenario, n=24, dropout=0.15, n_sim={TRIALS}, seed=1, engine=engine, "
        "progress=False)",
        answer=f"{{**each({EACH}), 'power': float(found.table['power'].iloc[-1])}}",
        profile=True,
    )


def in_r_each(name: str, *packages: str, fit: str, table: str, columns: str, **fields: object) -> Program:
    """An R loop over the sample: `fit`, then `table` of coefficients, of which `columns` holds estimate, SE and df."""
    return in_r(
        name,
        *packages,
        asks=ASKS,
        share=SHARE,
        note=NOTE,
        limit=180.0,
        prepare="table$at <- as.integer(table$month)\neach <- split(table, table$trial)",
        run="found <- lapply(each, function(d) {\n"
        f"  fit <- {fit}\n  told <- {table}\n  list(as.numeric(logLik(fit)), {columns})\n}})",
        answer="list(loglik = sum(sapply(found, `[[`, 1)), estimate = unlist(lapply(found, `[[`, 2)), "
        "se = unlist(lapply(found, `[[`, 3)), df = unlist(lapply(found, `[[`, 4)))",
        **fields,
    )


def in_python_each(
    name: str, package: str, environment: str, imports: str, convert: str, body: str
) -> Program:
    """A Python loop over the sample, whose `body` appends to loglik, estimate, se and df."""
    return Program(
        name,
        asks=ASKS,
        share=SHARE,
        note=NOTE,
        limit=180.0,
        environment=environment,
        packages=(package,),
        prepare=f"import warnings\nwarnings.simplefilter('ignore')\n{imports}\neach = {EACH}\n{convert}",
        run="loglik, estimate, se, df = [], [], [], []\nfor one in each:\n"
        + "".join(f"    {line}\n" for line in body.splitlines()),
        answer=COLLECTED,
    )


US = (
    ours("us(month | patient)", "kenward-roger"),
    in_r_each(
        "R mmrm",
        "mmrm",
        fit='mmrm(y ~ month + us(month | patient), d, method = "Kenward-Roger", vcov = "Kenward-Roger-Linear")',
        table="coef(summary(fit))[-1, ]",
        columns="told[, 1], told[, 2], told[, 3]",
    ),
    in_r_each(
        "R nlme::gls, N - p df",
        "nlme",
        fit="gls(y ~ month, d, correlation = corSymm(form = ~ at | patient), weights = varIdent(form = ~ 1 | month))",
        table="summary(fit)$tTable[-1, ]",
        columns="told[, 1], told[, 2], rep(nrow(d) - 5, 4)",
    ),
)

LMER = "lmer(y ~ month + (1 | patient), d)"
INTERCEPT = (
    ours("(1 | patient)", "kenward-roger"),
    in_r_each(
        "R lmerTest, pbkrtest",
        "lmerTest",
        "pbkrtest",
        fit=LMER,
        table='coef(summary(fit, ddf = "Kenward-Roger"))[-1, ]',
        columns="told[, 1], told[, 2], told[, 3]",
    ),
    in_r_each(
        "R lmerTest, Satterthwaite",
        "lmerTest",
        fit=LMER,
        table="coef(summary(fit))[-1, ]",
        columns="told[, 1], told[, 2], told[, 3]",
    ),
    in_python_each(
        "statsmodels MixedLM, normal theory",
        "statsmodels",
        "",
        "import statsmodels.formula.api as smf",
        "",
        "fit = smf.mixedlm('y ~ month', one, groups='patient').fit()\n"
        "loglik.append(fit.llf)\nestimate.extend(fit.fe_params[1:])\nse.extend(fit.bse_fe[1:])",
    ),
    in_python_each(
        "mixedlm, Kenward-Roger",
        "mixedlm",
        "mixedlm",
        "import mixedlm",
        "",
        "fit = mixedlm.lmer('y ~ month + (1 | patient)', one)\ntold = mixedlm.kenward_roger_df(fit)\n"
        "loglik.append(float(fit.logLik().value))\nestimate.extend(list(fit.fixef().values())[1:])\n"
        "df.extend(list(told.as_dict().values())[1:])",
    ),
    in_python_each(
        "lme-python, Kenward-Roger",
        "lme-python",
        "lme-python",
        "import lme_python, polars",
        "each = [polars.from_pandas(one.astype({'patient': str, 'month': str})) for one in each]",
        "fit = lme_python.lmer('y ~ month + (1 | patient)', data=one, reml=True)\nfit.with_kenward_roger(one)\n"
        "loglik.append(fit.log_likelihood)\nestimate.extend(fit.coefficients[1:])\ndf.extend(fit.kenward_roger_dfs[1:])",
    ),
)

QUESTION = Question(
    "power",
    "The power of the next trial",
    f"{TRIALS:,} trials of 24 patients at 5 visits, of whom 15 % leave: simulated, fitted by REML, each visit tested "
    "against baseline with Kenward-Roger's df (expected information, as pbkrtest takes it). The peers are given their "
    "trials ready made.",
    (
        Case("unstructured", US, small_trials(SAMPLE), "y ~ month + us(month | patient)", budget=5.0),
        Case("random intercept", INTERCEPT, small_trials(SAMPLE), "y ~ month + (1 | patient)", budget=5.0),
    ),
    (
        Target("5,000 trials, unstructured", 10.0, lambda r: r.seconds("unstructured", "msclong ml.power")),
        Target(
            "5,000 trials, random intercept",
            10.0,
            lambda r: r.seconds("random intercept", "msclong ml.power"),
        ),
    ),
)

if __name__ == "__main__":
    ask(QUESTION)
