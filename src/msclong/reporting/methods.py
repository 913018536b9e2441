"""Estimation methods in words, with their sources."""

from __future__ import annotations

from dataclasses import dataclass

from msclong.results.fit import Fit
from msclong.results.posterior_draws import PosteriorDraws
from msclong.spec.prior import Priors

REFERENCES = {
    "geisser": "Geisser S, Cornfield J. Posterior distributions for multivariate normal parameters. J R Stat Soc "
    "B 1963;25:368–376.",
    "gelman": "Gelman A. Prior distributions for variance parameters in hierarchical models. Bayesian "
    "Analysis 2006;1:515–534.",
    "hoffman": "Hoffman MD, Gelman A. The No-U-Turn sampler: adaptively setting path lengths in Hamiltonian "
    "Monte Carlo. J Mach Learn Res 2014;15:1593–1623.",
    "lewandowski": "Lewandowski D, Kurowicka D, Joe H. Generating random correlation matrices based on vines "
    "and extended onion method. J Multivar Anal 2009;100:1989–2001.",
    "pymc": "Abril-Pla O, Andreani V, Carroll C, et al. PyMC: a modern, and comprehensive probabilistic "
    "programming framework in Python. PeerJ Comput Sci 2023;9:e1516.",
    "vehtari": "Vehtari A, Gelman A, Simpson D, Carpenter B, Bürkner P-C. Rank-normalization, folding, and "
    "localization: an improved R\N{COMBINING CIRCUMFLEX ACCENT} for assessing convergence of MCMC. Bayesian "
    "Analysis 2021;16:667–718.",
    "kenward": "Kenward MG, Roger JH. Small sample inference for fixed effects from restricted maximum "
    "likelihood. Biometrics 1997;53:983–997.",
    "laird": "Laird NM, Ware JH. Random-effects models for longitudinal data. Biometrics 1982;38:963–974.",
    "patterson": "Patterson HD, Thompson R. Recovery of inter-block information when block sizes are "
    "unequal. Biometrika 1971;58:545–554.",
    "satterthwaite": "Fai AH-T, Cornelius PL. Approximate F-tests of multiple degree of freedom hypotheses "
    "in generalized least squares analyses of unbalanced split-plot experiments. J Stat Comput Simul "
    "1996;54:363–378.",
    "seabold": "Seabold S, Perktold J. statsmodels: econometric and statistical modeling with Python. Proc "
    "9th Python in Science Conf 2010.",
}

COVARIANCE_WORDS = {
    "us": "The outcomes of one participant have an unstructured covariance: a variance of its own for each "
    "visit and a covariance of its own for each pair of visits. Participants are independent.",
    "cs": "The outcomes of one participant have a compound symmetric covariance: the same variance at every "
    "visit and the same covariance for every pair of visits. Participants are independent.",
    "ar1": "The outcomes of one participant have a first-order autoregressive covariance: the same variance "
    "at every visit, and a correlation that falls by the same factor with each visit between two. "
    "Participants are independent.",
    "ar1h": "The outcomes of one participant have a heterogeneous first-order autoregressive covariance: a "
    "variance of its own for each visit, and a correlation that falls by the same factor with each visit "
    "between two. Participants are independent.",
    "toeph": "The outcomes of one participant have a heterogeneous Toeplitz covariance: a variance of its "
    "own for each visit, and a correlation that depends on the number of visits between two. Participants "
    "are independent.",
}
"""Structures by keyword; a structure that is not here is described by its own `description`."""

DF_WORDS = {
    "kenward-roger": "Standard errors and denominator degrees of freedom are those of Kenward and Roger "
    "(1997) in the linear form, without second derivatives of the covariance (SAS: ddfm=kr(linear)).",
    "satterthwaite": "Degrees of freedom are Satterthwaite's; standard errors are model-based (Fai and "
    "Cornelius 1996).",
    "residual": "Degrees of freedom are observations minus fixed effects; standard errors are model-based.",
    "asymptotic": "Inference is asymptotic: the normal distribution with model-based standard errors.",
}
DF_CITES = {"kenward-roger": ("kenward",), "satterthwaite": ("satterthwaite",)}


@dataclass(frozen=True)
class Description:
    """A method in sentences. cites : keys of REFERENCES."""

    text: str
    cites: tuple[str, ...] = ()


def methods(fit: Fit) -> Description:
    """How a fit was estimated; an engine that is not known here is shown with its settings."""
    random = ("laird",) if fit.spec.parsed.covariance[0].is_random else ()
    settings = vars(fit.engine)
    if isinstance(fit.estimate, PosteriorDraws):
        return _bayesian(fit.engine, fit.estimate, random)
    likelihood, cites = _likelihood(str(settings.get("method", "")))
    if type(fit.engine).__name__ == "Frequentist":
        information = settings["information"]
        text = (
            f"{likelihood}. {DF_WORDS[settings['ddf']]} The "
            f"covariance of the variance parameters is taken from the {information} information."
        )
        return Description(text, (*cites, *DF_CITES.get(settings["ddf"], ()), *random))
    if type(fit.engine).__name__ == "StatsmodelsMixedLM":
        text = f"{likelihood}, by statsmodels' MixedLM, as an independent second opinion. {DF_WORDS['asymptotic']}"
        return Description(text, (*cites, "seabold", *random))
    return Description(f"{fit.engine!r}.", random)


def _likelihood(method: str) -> tuple[str, tuple[str, ...]]:
    if method == "reml":
        return "Restricted maximum likelihood (REML; Patterson and Thompson 1971)", ("patterson",)
    return "Maximum likelihood", ()


def _bayesian(engine: object, estimate: PosteriorDraws, random: tuple[str, ...]) -> Description:
    chains, draws, _ = estimate.draws.shape
    text = (
        f"{chains:,} chains of {draws:,} draws after tuning from the joint posterior of coefficients and "
        "covariance, under the same likelihood. "
    )
    cites = ("vehtari", *random)
    if type(engine).__name__ == "Bayesian":
        integrated = "Coefficients and random effects" if random else "Coefficients"
        text += (
            f"{integrated} are integrated out, the covariance parameters are sampled by the No-U-Turn sampler "
            "(Hoffman and Gelman 2014) with PyMC (Abril-Pla et al. 2023) and nutpie, and coefficients are then "
            "drawn exactly. "
        )
        cites = ("hoffman", "pymc", *cites)
    text += (
        "Estimates are posterior means, intervals are equal-tailed, and probabilities are shares of draws. "
        "Convergence is judged by the rank-normalised R\N{COMBINING CIRCUMFLEX ACCENT} and the bulk "
        "effective sample size (Vehtari et al. 2021)."
    )
    return Description(text, cites)


def priors_in_words(priors: Priors) -> Description:
    """What the fields of `Priors` mean."""
    scale = "the standard deviation of the outcome in these data"
    if priors.outcome_scale is not None:
        scale = f"{priors.outcome_scale:g}, which was specified beforehand"
    coefficients = (
        f"on an outcome scale s: {scale}. Coefficients are normal around zero with standard deviation "
        f"{priors.coefficient_sd:g} s per standard deviation of the covariate, the mean outcome with "
        f"{priors.intercept_sd:g} s around the mean of the data"
    )
    if priors.covariance == "jeffreys":
        text = f"Priors are {coefficients}; the covariance has Jeffreys\u2019 prior (Geisser and Cornfield 1963)."
        return Description(text, ("geisser",))
    text = (
        f"Priors are weakly informative, {coefficients}; standard deviations are "
        f"half-Student-t with {priors.sd_df:g} degrees of freedom and scale {priors.sd_scale:g} s (Gelman "
        f"2006), correlation matrices LKJ({priors.correlation_eta:g}) (Lewandowski, Kurowicka and Joe 2009)."
    )
    return Description(text, ("gelman", "lewandowski"))
