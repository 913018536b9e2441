"""How long do crossed and nested random intercepts take: raters, batches, and lme4's 73,421 course evaluations?"""

from __future__ import annotations

import math

from harness.program import Program, in_r
from harness.question import Case, Question, Results, Target, ask
from harness.tables import of_lme4

REML, ML = "REML, fit and standard errors", "ML, fit and standard errors"
OF_R = "list(loglik = as.numeric(logLik(fit)), estimate = {fixef}, se = sqrt(diag(as.matrix({vcov}))))"


def programs(
    fixed: str, random: str, groups: tuple[str, ...], factors: tuple[str, ...], variances: str = ""
) -> tuple:
    """All that fit `fixed + random`; gpboost has maximum likelihood only.

    groups : the grouping columns; factors : all columns that are labels; variances : the groupings for statsmodels,
    which takes all rows as one group and holds their covariance as a full matrix: '' where that is too large.
    """
    model = f"{fixed} + {random}"
    outcome, _, terms = fixed.partition(" ~ ")
    categories = "".join(
        f"table[{name!r}] = table[{name!r}].astype(str).astype('category')\n" for name in factors
    )
    in_r_factors = "".join(f"table${name} <- factor(table${name})\n" for name in factors)
    lmer = in_r(
        "R lme4::lmer",
        "lme4",
        asks=REML,
        limit=300.0,
        prepare=in_r_factors,
        run=f"fit <- lmer({model}, table)",
        answer=OF_R.format(fixef="fixef(fit)", vcov="vcov(fit)"),
    )
    quicker = "control = lmerControl(calc.derivs = FALSE)"
    found = [
        ours("reml", model, categories),
        lmer,
        lmer.but(name=f"{lmer.name}, calc.derivs = FALSE", run=f"fit <- lmer({model}, table, {quicker})"),
        in_r(
            "R glmmTMB",
            "glmmTMB",
            asks=REML,
            prepare=in_r_factors,
            run=f"fit <- glmmTMB({model}, table, REML = TRUE)",
            answer=OF_R.format(fixef="fixef(fit)$cond", vcov="vcov(fit)$cond"),
        ),
        Program(
            "mixedlm",
            asks=REML,
            environment="mixedlm",
            packages=("mixedlm",),
            prepare="import mixedlm, numpy as np\n" + categories,
            run=f"fit = mixedlm.lmer({model!r}, table)\nse = np.sqrt(np.diag(fit.vcov()))",
            answer="{'loglik': float(fit.logLik().value), 'estimate': list(fit.fixef().values()), 'se': se}",
        ),
        Program(
            "lme-python",
            asks=REML,
            environment="lme-python",
            packages=("lme-python",),
            prepare="import lme_python, polars\n"
            + "".join(f"table[{name!r}] = table[{name!r}].astype(str)\n" for name in factors)
            + "own = polars.from_pandas(table)",
            run=f"fit = lme_python.lmer({model!r}, data=own, reml=True)\nse = fit.std_errors",
            answer="{'loglik': fit.log_likelihood, 'estimate': fit.coefficients, 'se': se}",
        ),
    ]
    if variances:
        found.append(
            Program(
                "statsmodels MixedLM",
                asks=REML,
                packages=("statsmodels",),
                prepare="import warnings\nwarnings.simplefilter('ignore')\nimport statsmodels.formula.api as smf\n"
                "table['all'] = 1",
                run=f"fit = smf.mixedlm({fixed!r}, table, groups='all', re_formula='0', vc_formula={variances})"
                ".fit(reml=True, method='lbfgs')\nse = fit.bse_fe",
                answer="{'loglik': fit.llf, 'estimate': fit.fe_params.to_numpy(), 'se': se.to_numpy()}",
            )
        )
    dummies = "".join(
        f", *pd.get_dummies(table[{term!r}], drop_first=True, dtype=float).to_numpy().T"
        for term in terms.split(" + ")
        if term != "1"
    )
    found += [
        ours("ml", model, categories),
        lmer.but(
            name=f"{lmer.name}, calc.derivs = FALSE",
            run=f"fit <- lmer({model}, table, REML = FALSE, {quicker})",
            asks=ML,
        ),
        gpboost := Program(
            "gpboost",
            asks=ML,
            note="by default iterative: its log-likelihood of crossed effects is itself an approximation",
            environment="gpboost",
            packages=("gpboost",),
            prepare=f"import gpboost, numpy as np, pandas as pd\nX = np.column_stack([np.ones(len(table)){dummies}])\n"
            f"groups = np.column_stack([{', '.join(f'table[{name!r}].astype(str)' for name in groups)}])\n"
            f"y = table[{outcome!r}].to_numpy(float)",
            run="fit = gpboost.GPModel(group_data=groups, likelihood='gaussian')\n"
            "fit.fit(y=y, X=X)\nse = fit.get_coef(std_err=True, format_pandas=True)",
            answer="{'loglik': -fit.get_current_neg_log_likelihood(), 'estimate': se.iloc[0].to_numpy(), "
            "'se': se.iloc[1].to_numpy()}",
        ),
        gpboost.but(
            name="gpboost, cholesky",
            run=gpboost.run.replace("'gaussian'", "'gaussian', matrix_inversion_method='cholesky'"),
            note="",
        ),
    ]
    return tuple(found)


def ours(method: str, model: str, categories: str) -> Program:
    return Program(
        "msclong",
        asks=REML if method == "reml" else ML,
        packages=("msclong",),
        prepare=f"import msclong as ml\n{categories}engine = ml.Frequentist(method={method!r}, ddf='asymptotic')",
        run=f"fit = ml.fit({model!r}, table, engine)\ntold = fit.coefficients()",
        answer="{'loglik': fit.loglik, 'estimate': told['estimate'], 'se': told['se']}",
        profile=True,
    )


def as_good(results: Results, lmer: str) -> float | None:
    """The ratio of times where msclong's log-likelihood is not below lme4's; else infinite."""
    row = results.row("InstEval", lmer, REML)
    if row is None or "loglik_difference" not in row:
        return None
    return results.ratio("InstEval", "msclong", lmer, REML) if row["loglik_difference"] < 1e-3 else math.inf


def apart(results: Results, case: str) -> float | None:
    row = results.row(case, "R lme4::lmer", REML)
    return abs(row["loglik_difference"]) if row and "loglik_difference" in row else None


INSTEVAL = ("s", "d", "dept", "service")

QUESTION = Question(
    "crossed",
    "Crossed and nested random effects",
    "Random intercepts of raters, batches, lecturers. The clock starts with the data in memory, text made factors, and "
    "stops with estimates and standard errors.",
    (
        Case(
            "Penicillin",
            programs(
                "diameter ~ 1",
                "(1 | plate) + (1 | sample)",
                ("plate", "sample"),
                ("plate", "sample"),
                "{'plate': '0 + C(plate)', 'sample': '0 + C(sample)'}",
            ),
            of_lme4("Penicillin", ("plate", "sample")),
            "diameter ~ 1 + (1 | plate) + (1 | sample)",
            "144 rows, 24 plates crossed with 6 samples",
        ),
        Case(
            "Pastes",
            programs(
                "strength ~ 1",
                "(1 | batch) + (1 | sample)",
                ("batch", "sample"),
                ("batch", "sample"),
                "{'batch': '0 + C(batch)', 'sample': '0 + C(sample)'}",
            ),
            of_lme4("Pastes", ("batch", "sample")),
            "strength ~ 1 + (1 | batch) + (1 | sample)",
            "60 rows, 30 samples (casks) nested in 10 batches",
        ),
        Case(
            "InstEval",
            programs("y ~ service", "(1 | s) + (1 | d) + (1 | dept)", INSTEVAL[:3], INSTEVAL),
            of_lme4("InstEval", INSTEVAL),
            "y ~ service + (1 | s) + (1 | d) + (1 | dept)",
            "73,421 rows, 2,972 students, 1,128 lecturers, 14 departments; statsmodels would need a matrix of 43 GB",
            quick=False,
        ),
    ),
    (
        *(
            Target(
                f"InstEval: time over that of {lmer}, at its log-likelihood",
                1.0,
                lambda results, lmer=lmer: as_good(results, lmer),
                unit="times",
            )
            for lmer in ("R lme4::lmer", "R lme4::lmer, calc.derivs = FALSE")
        ),
        *(
            Target(
                f"{name}: log-likelihood apart from lme4's",
                1e-6,
                lambda results, name=name: apart(results, name),
                unit="",
            )
            for name in ("Penicillin", "Pastes")
        ),
    ),
)

if __name__ == "__main__":
    ask(QUESTION)
