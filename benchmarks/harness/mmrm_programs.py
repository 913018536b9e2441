"""The programs that fit an unstructured MMRM, each in the fastest way that it offers for the whole answer."""

from __future__ import annotations

from harness.program import Program, in_r

FIT = "fit and standard errors"
SATTERTHWAITE = "fit, Satterthwaite df, arms compared at each visit"
KENWARD_ROGER = "fit, Kenward-Roger, arms compared at each visit"

FIXED = "y ~ base * visit + arm * visit"
MODEL = f"{FIXED} + us(visit | patient)"

OURS = Program(
    "msclong",
    prepare=f"import msclong as ml\nMODEL = {MODEL!r}\n",
    run="fit = ml.fit(MODEL, table, engine)\ntold = fit.contrasts(versus='control', factor='arm', by='visit')",
    answer="{'loglik': fit.loglik, **{name: told[name] for name in ('estimate', 'se', 'df')}}",
    packages=("msclong",),
    profile=True,
)

GLS_EMMEANS = "R nlme::gls, emmeans"

LOGLIK = "list(loglik = as.numeric(logLik(fit)), "
OF_FIT = LOGLIK + "estimate = {fixef}[o <- order({fixef})], se = sqrt(diag(as.matrix({vcov})))[o])"
"""In order of size: R and patsy put the columns of a formula in different orders."""
OF_CONTRASTS = LOGLIK + "estimate = told$estimate, se = told$SE, df = told$df)"

GLS = (
    f"fit <- gls({FIXED}, table, correlation = corSymm(form = ~ at | patient), "
    "weights = varIdent(form = ~ 1 | visit))"
)
MMRM = f"fit <- mmrm({MODEL}, table"
COMPARED = 'told <- as.data.frame(contrast(emmeans(fit, ~ arm | visit{more}), "revpairwise"))'
AS_LMM = f"{FIXED} + (0 + visit | patient)"
"""Sigma as random effects of every visit and a residual variance: one parameter too many, the same likelihood."""


def ours(asks: str, ddf: str) -> Program:
    """msclong; asked for the fit alone, without contrasts."""
    program = OURS.but(asks=asks, prepare=OURS.prepare + f"engine = ml.Frequentist(ddf={ddf!r})")
    return (
        program.but(run=OURS.run.split("\n")[0] + "\ntold = fit.coefficients()").but(
            answer=OURS.answer.replace("told[name]", "told.sort_values('estimate')[name]")
        )
        if asks == FIT
        else program
    )


def with_fixed(programs: list[Program], fixed: str) -> tuple[Program, ...]:
    """The same programs with another fixed part than FIXED."""
    parts = ("prepare", "run")
    return tuple(
        program.but(**{part: getattr(program, part).replace(FIXED, fixed) for part in parts})
        for program in programs
    )


def fits() -> list[Program]:
    """Estimates and standard errors."""
    return [
        ours(FIT, "asymptotic"),
        in_r(
            "R mmrm",
            "mmrm",
            run=f"{MMRM})",
            answer=OF_FIT.format(fixef="coef(fit)", vcov="vcov(fit)"),
            asks=FIT,
        ),
        in_r(
            "R nlme::gls",
            "nlme",
            prepare="table$at <- as.integer(table$visit)",
            run=GLS,
            answer=OF_FIT.format(fixef="coef(fit)", vcov="vcov(fit)"),
            asks=FIT,
        ),
        in_r(
            "R glmmTMB",
            "glmmTMB",
            run=f"fit <- glmmTMB({FIXED} + us(0 + visit | patient), table, dispformula = ~ 0, REML = TRUE)",
            answer=OF_FIT.format(fixef="fixef(fit)$cond", vcov="vcov(fit)$cond"),
            asks=FIT,
        ),
    ]


def fits_as_random_effects() -> list[Program]:
    """Those without an unstructured covariance: random effects of all visits, and a residual variance too many."""
    dummies = (
        "for level in table['visit'].cat.categories:\n    table[level] = 1.0 * (table['visit'] == level)\n"
        f"model = '{FIXED} + (0 + ' + ' + '.join(table['visit'].cat.categories) + ' | patient)'\n"
        "for name in ('patient', 'arm', 'visit'):\n    table[name] = table[name].astype(str)\n"
    )
    told = [
        in_r(
            "R lme4::lmer, (0 + visit | patient)",
            "lme4",
            prepare='more <- lmerControl(check.nobs.vs.nRE = "ignore", calc.derivs = FALSE)',
            run=f"fit <- lmer({AS_LMM}, table, control = more)",
            answer=OF_FIT.format(fixef="fixef(fit)", vcov="vcov(fit)"),
        ),
        Program(
            "statsmodels MixedLM, 0 + visit",
            packages=("statsmodels",),
            prepare="import warnings\nwarnings.simplefilter('ignore')\nimport statsmodels.formula.api as smf",
            run=f"fit = smf.mixedlm({FIXED!r}, table, groups='patient', re_formula='0 + visit').fit(method='lbfgs')\n"
            "se = fit.bse_fe",
            answer="{'loglik': fit.llf}",
        ),
        Program(
            "mixedlm, (0 + visit | patient)",
            environment="mixedlm",
            packages=("mixedlm",),
            prepare="import mixedlm, numpy as np",
            run=f"fit = mixedlm.lmer({AS_LMM!r}, table)\nse = np.sqrt(np.diag(fit.vcov()))",
            answer="{'loglik': float(fit.logLik().value)}",
        ),
        Program(
            "mixedlm-rs, 0 + visit",
            environment="mixedlm-rs",
            packages=("mixedlm-rs",),
            prepare="import mixedlm_rs",
            run=f"fit = mixedlm_rs.mixedlm({FIXED!r}, table, groups='patient', re_formula='0 + visit').fit()\n"
            "se = fit.bse_fe",
            answer="{'loglik': fit.llf}",
        ),
        Program(
            "lme-python, (0 + visit | patient)",
            environment="lme-python",
            packages=("lme-python",),
            prepare="import lme_python, polars\n" + dummies + "own = polars.from_pandas(table)",
            run="fit = lme_python.lmer(model, data=own, reml=True)\nse = fit.std_errors",
            answer="{'loglik': fit.log_likelihood}",
        ),
    ]
    return [program.but(asks=FIT) for program in told]


SLOWER = (
    'emmeans(mode = "satterthwaite") of gls is asked of the smallest trial alone: it takes many times the fit'
)


def tests(smallest: bool) -> list[Program]:
    """Small-sample tests of the arms at each visit; with `smallest` also gls's, whose df refit it again and again."""
    return [program for program in _tests() if smallest or program.name != GLS_EMMEANS]


def _tests() -> list[Program]:
    return [
        ours(SATTERTHWAITE, "satterthwaite"),
        in_r(
            "R mmrm, emmeans",
            "mmrm",
            "emmeans",
            run=f"{MMRM})\n{COMPARED.format(more='')}",
            answer=OF_CONTRASTS,
            asks=SATTERTHWAITE,
        ),
        in_r(
            GLS_EMMEANS,
            "nlme",
            "emmeans",
            prepare="table$at <- as.integer(table$visit)",
            note=SLOWER,
            run=GLS + "\n" + COMPARED.format(more=', mode = "satterthwaite", data = table'),
            answer=OF_CONTRASTS,
            asks=SATTERTHWAITE,
        ),
        ours(KENWARD_ROGER, "kenward-roger"),
        in_r(
            "R mmrm, emmeans",
            "mmrm",
            "emmeans",
            run=f'{MMRM}, method = "Kenward-Roger", vcov = "Kenward-Roger-Linear")\n{COMPARED.format(more="")}',
            answer=OF_CONTRASTS,
            asks=KENWARD_ROGER,
        ),
    ]
