"""The programs that fit random intercepts and slopes, each in the fastest way that it offers for the whole answer."""

from __future__ import annotations

from harness.program import Program, in_r

FIT, TESTS = "fit and standard errors", "fit and Kenward-Roger tests"

OURS = Program(
    "msclong",
    run="fit = ml.fit(MODEL, table, engine)\ntold = fit.coefficients()",
    answer="{'loglik': fit.loglik, **{name: told[name] for name in ('estimate', 'se', 'df')}}",
    packages=("msclong",),
    profile=True,
)
"""With MODEL and engine to be set by `prepare`."""

OF_R = "list(loglik = as.numeric(logLik(fit)), estimate = {fixef}, se = sqrt(diag(as.matrix({vcov}))))"
LME4 = OF_R.format(fixef="fixef(fit)", vcov="vcov(fit)")


def slope_programs(fixed: str, time: str, subject: str, tests: bool = True) -> tuple[Program, ...]:
    """All that fit `fixed + (1 + time | subject)`; with `tests` also the peers that have Kenward-Roger's."""
    model = f"{fixed} + (1 + {time} | {subject})"
    factor = f"table${subject} <- factor(table${subject})\n"
    category = f"table['{subject}'] = table['{subject}'].astype('category')\n"
    ours = OURS.but(prepare=f"import msclong as ml\nMODEL = {model!r}\n")
    lmer = f"fit <- lmer({model}, table"
    found = [
        ours.but(asks=FIT, prepare=ours.prepare + "engine = ml.Frequentist(ddf='asymptotic')"),
        Program(
            "msclong, after the design matrix",
            asks=FIT,
            prepare=f"import msclong as ml\nfrom msclong.api import long_data\n"
            f"from msclong.design.design import build_design\nspec = ml.ModelSpec({model!r})\n"
            "design = build_design(spec, long_data(spec, table))\nengine = ml.Frequentist(ddf='asymptotic')",
            run="fit = engine.fit(design)\ntold = fit.coefficients()",
            answer=OURS.answer,
            packages=("msclong",),
            profile=True,
        ),
        in_r("R lme4::lmer", "lme4", prepare=factor, run=f"{lmer})", answer=LME4, asks=FIT),
        in_r(
            "R lme4::lmer, calc.derivs = FALSE",
            "lme4",
            prepare=factor,
            run=f"{lmer}, control = lmerControl(calc.derivs = FALSE))",
            answer=LME4,
            asks=FIT,
        ),
        in_r(
            "R nlme::lme",
            "nlme",
            prepare=factor,
            run=f"fit <- lme({fixed}, table, random = ~ {time} | {subject})",
            answer=LME4,
            asks=FIT,
        ),
        in_r(
            "R nlme::lme, opt = optim",
            "nlme",
            prepare=factor,
            run=f'fit <- lme({fixed}, table, random = ~ {time} | {subject}, control = lmeControl(opt = "optim"))',
            answer=LME4,
            asks=FIT,
        ),
        in_r(
            "R glmmTMB",
            "glmmTMB",
            prepare=factor,
            run=f"fit <- glmmTMB({model}, table, REML = TRUE)",
            answer=OF_R.format(fixef="fixef(fit)$cond", vcov="vcov(fit)$cond"),
            asks=FIT,
        ),
        Program(
            "statsmodels MixedLM",
            asks=FIT,
            packages=("statsmodels",),
            prepare="import warnings\nwarnings.simplefilter('ignore')\nimport statsmodels.formula.api as smf\n"
            + category,
            run=f"fit = smf.mixedlm({fixed!r}, table, groups={subject!r}, re_formula='~{time}').fit(reml=True, "
            "method='lbfgs')\nse = fit.bse_fe",
            answer="{'loglik': fit.llf, 'estimate': fit.fe_params.to_numpy(), 'se': se.to_numpy()}",
        ),
        Program(
            "mixedlm",
            asks=FIT,
            environment="mixedlm",
            packages=("mixedlm",),
            prepare="import mixedlm, numpy as np\n" + category,
            run=f"fit = mixedlm.lmer({model!r}, table)\nse = np.sqrt(np.diag(fit.vcov()))",
            answer="{'loglik': float(fit.logLik().value), 'estimate': list(fit.fixef().values()), 'se': se}",
        ),
        Program(
            "mixedlm-rs",
            asks=FIT,
            environment="mixedlm-rs",
            packages=("mixedlm-rs",),
            prepare="import mixedlm_rs\n" + category,
            run=f"fit = mixedlm_rs.mixedlm({fixed!r}, table, groups={subject!r}, re_formula='~{time}').fit()\n"
            "se = fit.bse_fe",
            answer="{'loglik': fit.llf, 'estimate': fit.fe_params, 'se': se}",
        ),
        Program(
            "lme-python",
            asks=FIT,
            environment="lme-python",
            packages=("lme-python",),
            prepare=f"import lme_python, polars\ntable['{subject}'] = table['{subject}'].astype(str)\n"
            "for name in table.columns[table.dtypes == 'category']:\n    table[name] = table[name].astype(str)\n"
            "own = polars.from_pandas(table)",
            run=f"fit = lme_python.lmer({model!r}, data=own, reml=True)\nse = fit.std_errors",
            answer="{'loglik': fit.log_likelihood, 'estimate': fit.coefficients, 'se': se}",
        ),
    ]
    tested = _tests(found, ours, fixed, time, subject, factor)
    return (*found, *(tested if tests else tested[:1]))


def _tests(
    found: list[Program], ours: Program, fixed: str, time: str, subject: str, factor: str
) -> list[Program]:
    """Kenward-Roger: pbkrtest takes the expected information, and so must msclong, to give the same df."""
    model = f"{fixed} + (1 + {time} | {subject})"
    by_name = {program.name: program for program in found}
    rust = by_name["lme-python"]
    return [
        ours.but(asks=TESTS, prepare=ours.prepare + "engine = ml.Frequentist(information='expected')"),
        in_r(
            "R lmerTest, pbkrtest",
            "lmerTest",
            "pbkrtest",
            prepare=factor,
            run=f'fit <- lmer({model}, table)\ntold <- coef(summary(fit, ddf = "Kenward-Roger"))',
            answer="list(loglik = as.numeric(logLik(fit)), estimate = told[, 1], se = told[, 2], df = told[, 3])",
            asks=TESTS,
        ),
        by_name["mixedlm"].but(
            asks=TESTS,
            run=f"fit = mixedlm.lmer({model!r}, table)\ntold = mixedlm.kenward_roger_df(fit)",
            answer="{'loglik': float(fit.logLik().value), 'estimate': list(fit.fixef().values()), "
            "'df': list(told.as_dict().values())}",
        ),
        rust.but(
            asks=TESTS,
            run=f"fit = lme_python.lmer({model!r}, data=own, reml=True)\nfit.with_kenward_roger(own)",
            answer="{'loglik': fit.log_likelihood, 'estimate': fit.coefficients, 'df': fit.kenward_roger_dfs}",
        ),
    ]
