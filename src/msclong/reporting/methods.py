"""Estimation methods in words, with their sources."""

from __future__ import annotations

from msclong.design.design import Design
from msclong.errors import listing
from msclong.reporting import say
from msclong.reporting.references import Description, Sourced
from msclong.results.fit import Fit
from msclong.results.posterior_draws import PosteriorDraws

KENWARD_ROGER = "Standard errors and denominator degrees of freedom are those of Kenward and Roger (1997)"

OWN_ERRORS: dict[str, Sourced] = {
    "kenward-roger": (
        f"{KENWARD_ROGER} in the linear form, without second derivatives of the covariance (SAS: ddfm=kr(linear)).",
        ("kenward",),
    ),
    "kenward-roger-second-order": (
        f"{KENWARD_ROGER} in full, with second derivatives of the covariance over variances, covariances and "
        "correlations (SAS: ddfm=kr).",
        ("kenward",),
    ),
    "modified-box": (
        "Estimates are those of ordinary least squares. Their standard errors use the covariance estimated by REML; "
        "joint tests have the modified Box correction of Skene and Kenward (2010) for very small samples, tests of one "
        "row Satterthwaite\u2019s degrees of freedom (Fai and Cornelius 1996).",
        ("skene", "satterthwaite"),
    ),
}
"""Methods for degrees of freedom that bring standard errors of their own: words and citations."""

ERRORS: dict[str, Sourced] = {
    "model": ("Standard errors are model-based", ()),
    "CR0": (
        "Standard errors are cluster-robust (the sandwich estimate of Liang and Zeger 1986, uncorrected: CR0)",
        ("liang",),
    ),
    "CR2": (
        "Standard errors are cluster-robust with the bias-reducing correction of Bell and McCaffrey (2002; CR2)",
        ("bell",),
    ),
    "CR3": (
        "Standard errors are cluster-robust with the jackknife correction of Mancl and DeRouen (2001; CR3)",
        ("mancl",),
    ),
}

DEGREES: dict[str, Sourced] = {
    "satterthwaite": (
        "Degrees of freedom are Satterthwaite\u2019s (Fai and Cornelius 1996)",
        ("satterthwaite",),
    ),
    "between-within": (
        "Degrees of freedom are the between-within ones: participants count for what differs between them, "
        "observations for what changes within them (Schluchter and Elashoff 1990)",
        ("schluchter",),
    ),
    "residual": ("Degrees of freedom are observations minus fixed effects", ()),
    "asymptotic": ("Tests and intervals use the normal distribution", ()),
}

PARETO_LIMIT = 0.7
"""Above it importance weights are not relied on (Vehtari et al. 2024)."""

ROBUST_DEGREES = (
    "Degrees of freedom are Satterthwaite\u2019s for this estimate (Bell and McCaffrey 2002; Pustejovsky and Tipton "
    "2018)",
    ("bell", "pustejovsky"),
)


def methods(fit: Fit, figures: bool = True) -> Description:
    """How a fit was estimated; an engine that is not known here is shown with its settings.

    figures : with what this fit's draws came out as; without, fits that were estimated alike have one description.
    """
    settings = vars(fit.engine)
    if isinstance(fit.estimate, PosteriorDraws):
        found = _bayesian(fit, fit.estimate, figures)
        if type(fit.engine).__name__ == "JointBayesian":
            outcomes = settings["outcomes"]
            together = f"One model of {say.count(len(outcomes))} outcomes: {listing(outcomes, 20)}."
            return Description(f"{together} {settings['shared']} {found.text}", found.cites)
        return found
    likelihood, cites = _likelihood(str(settings.get("method", "")))
    if type(fit.engine).__name__ == "Frequentist":
        inference = _inference(settings["ddf"], settings["vcov"])
        text = (
            f"{likelihood}. {inference.text} The covariance of the variance parameters is taken from the "
            f"{settings['information']} information."
        )
        return Description(text, (*cites, *inference.cites))
    if type(fit.engine).__name__ == "StatsmodelsMixedLM":
        text = (
            f"{likelihood}, by statsmodels\u2019 MixedLM (Seabold and Perktold 2010), as an independent second "
            f"opinion. {_inference('asymptotic', 'model').text}"
        )
        return Description(text, (*cites, "seabold"))
    return Description(f"{fit.engine!r}.")


def _inference(ddf: str, vcov: str) -> Description:
    """Standard errors and degrees of freedom."""
    if ddf in OWN_ERRORS:
        return Description(*OWN_ERRORS[ddf])
    errors, cites = ERRORS[vcov]
    if vcov != "model":
        errors += "; clusters are the independent units of the model"
    degrees, more = ROBUST_DEGREES if ddf == "satterthwaite" and vcov != "model" else DEGREES[ddf]
    return Description(f"{errors}. {degrees}.", (*cites, *more))


def _likelihood(method: str) -> tuple[str, tuple[str, ...]]:
    if method == "reml":
        return "Restricted maximum likelihood (REML; Patterson and Thompson 1971)", ("patterson",)
    return "Maximum likelihood", ()


def _bayesian(fit: Fit, estimate: PosteriorDraws, figures: bool) -> Description:
    random = bool(fit.spec.parsed.random)
    own = type(fit.engine).__name__ in ("Bayesian", "JointBayesian")
    if own and fit.outcome.diagnostics.get("sampler") == "importance":
        return _by_importance(fit, random, figures)
    chains, draws, _ = estimate.draws.shape
    text = (
        f"{say.count(chains, 'n.chains')} chains of {say.count(draws, 'n.draws')} draws after tuning "
        "from the joint posterior of coefficients and covariance, under the same likelihood. "
    )
    cites: tuple[str, ...] = ("vehtari",)
    if own:
        integrated = "Coefficients and random effects" if random else "Coefficients"
        nuts = (
            "by the No-U-Turn sampler (Hoffman and Gelman 2014) with PyMC (Abril-Pla et al. 2023) and nutpie"
        )
        text += (
            f"All parameters and the {'censored outcomes' if fit.design.censored_normal else 'latent effects'} are "
            f"sampled {nuts}. "
            if fit.design.conditional
            else f"{integrated} are integrated out, the covariance parameters are sampled {nuts}, and coefficients are "
            "then drawn exactly. "
        )
        cites = ("hoffman", "pymc", *cites)
    text += (
        f"{_estimates(fit.design)}, intervals are equal-tailed, and probabilities are shares of draws. "
        "Convergence is judged by the rank-normalised R\N{COMBINING CIRCUMFLEX ACCENT} and the bulk and tail "
        "effective sample sizes of every reported quantity (Vehtari et al. 2021)."
    )
    return Description(text, cites)


def _estimates(design: Design) -> str:
    """What the estimates of coefficients, means and contrasts are."""
    family = design.family
    if family.link == "identity":
        return "Estimates are posterior means"
    if family.transformed_gaussian:
        return f"Estimates are posterior means of {family.measured}, transformed back"
    if family.link == "log":
        return (
            "Estimates are posterior means of coefficients, exp of those of logarithms for ratios, and posterior "
            "medians for means and their differences"
        )
    return "Estimates are posterior means (of odds ratios, exp of that of the logarithm)"


def _by_importance(fit: Fit, random: bool, figures: bool) -> Description:
    found = fit.outcome.diagnostics
    draws, efficiency = int(found["draws"]), float(found["efficiency"])
    number = f"{say.count(draws, 'n.draws')} draws" if figures else "Draws"
    cites = ("psis", "pinheiro") if fit.design.conditional else ("psis",)
    if fit.design.conditional:
        what = (
            "coefficients, covariance and the distribution\u2019s own parameters, with random effects integrated out "
            "by adaptive Gauss-Hermite quadrature (Pinheiro and Bates 1995)"
        )
        if "integration points" in found:
            cites = ("psis", "tran")
            what = (
                "coefficients, covariance and the distribution\u2019s own parameters, with the likelihood of each "
                "participant estimated without bias from random points at each draw (Tran et al. 2021)"
            )
        if fit.design.censored_normal:
            cites = ("psis", "genz")
            what = (
                "coefficients and covariance, with censored outcomes integrated out between their limits, given the "
                "participant\u2019s others (Genz 1992)"
            )
        shown = (
            f"{_estimates(fit.design)}, intervals are equal-tailed, and probabilities are shares of draws."
        )
    else:
        integrated = "coefficients and random effects" if random else "coefficients"
        what = f"the covariance parameters, with {integrated} integrated out"
        shown = (
            "Given these, the coefficients are normal: estimates, equal-tailed intervals and probabilities of "
            "coefficients and contrasts are those of the resulting mixture of normal distributions. "
            f"{_estimates(fit.design)}."
        )
    text = (
        f"{number} of {what}, by importance sampling under the same likelihood, from a split-t distribution "
        "around the posterior mode, with Pareto-smoothed weights (Vehtari et al. 2024)"
    )
    if figures:
        text += (
            f": k\N{COMBINING CIRCUMFLEX ACCENT} {say.fixed(float(found['Pareto k-hat']), 2, 'pareto.k')} (limit "
            f"{say.stated(PARETO_LIMIT, 'pareto.k.limit')}), {say.count(efficiency * draws, 'ess')} effective draws"
        )
    return Description(f"{text}. {shown}", cites)
