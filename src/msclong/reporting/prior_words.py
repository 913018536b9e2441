"""Priors in words: every row of a fit's table of priors is in one of the clauses."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from msclong.design.design import Design
from msclong.engines.bayesian.priors.centred_columns import AT_MEANS
from msclong.engines.bayesian.priors.conditional_priors import ZERO
from msclong.engines.bayesian.priors.model_priors import MEAN_OUTCOME, outcome_scale
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.inline import said
from msclong.reporting.references import Description
from msclong.reporting.wording import listed, sentence
from msclong.spec.prior import ALLOWED

Rows = Sequence[tuple[str, str]]
"""Parameters, some of one name, with their priors."""

HALF_T = "half-Student-t("

STANDARD_DEVIATIONS = ("sd", "residual sd", "residual scale")

PLURALS = {
    "cutpoint": "cutpoints",
    "coefficient of variation": "coefficients of variation",
    "coefficient of variation of the rate": "coefficients of variation of the rate",
    "correlation matrix": "correlation matrices",
    "degrees of freedom": "degrees of freedom",
}
"""Those that do not end in an s alone."""

ALWAYS_SEVERAL = ("cutpoint", "correlation matrix", "degrees of freedom")
"""A row of the table stands for several of them, and grammar has others in the plural."""


def priors_in_words(design: Design, table: pd.DataFrame) -> Description:
    """What the fields of the spec's `Priors` mean for this design. table : the fit's priors, by parameter."""
    priors = design.spec.priors
    named = [name for group in ALLOWED for name in getattr(priors, group)]
    but = f" Priors of {listed(list(dict.fromkeys(named)))} were stated singly." if named else ""
    left = [(str(name), str(prior)) for name, prior in table["prior"].items() if name not in named]
    start, coefficients = f"on a scale s{_scale(design)}", _coefficients(design, left)
    if priors.covariance != "weakly informative":
        which = (
            "Jeffreys\u2019 prior"
            if priors.covariance == "jeffreys"
            else "the power of its determinant under which contrasts have Student\u2019s t"
        )
        clauses = [*coefficients, f"the covariance has {which} (Geisser and Cornfield 1963)"]
        return Description(f"Priors are {start}. {sentence('; '.join(clauses))}{but}", ("geisser",))
    own = [(name, prior) for name, prior in left if name not in _coefficient_names(design)]
    sds = [prior for name, prior in own if _is_sd(name, prior)]
    others = [(name, prior) for name, prior in own if not _is_sd(name, prior)]
    clauses = [*coefficients, *_sds(design, sds), *_others(others)]
    if clauses and any(name.startswith("sd(") and AT_MEANS in name for name, _ in own):
        clauses[-1] += "; both of random effects are those at their covariates\u2019 means"
    text = f"Priors are weakly informative, {start}. {sentence('; '.join(clauses)) if clauses else ''}{but}"
    lkj = any(prior.startswith("LKJ") for _, prior in others)
    return Description(text, (*(("gelman",) if sds else ()), *(("lewandowski",) if lkj else ())))


def typeset(table: pd.DataFrame) -> pd.DataFrame:
    """'Normal(−2, 1)': numbers below zero with a true minus sign."""
    return table.replace(r"(?<=[( ])-(?=[\d.])", numbers.MINUS, regex=True)


def _scale(design: Design) -> str:
    """': the standard deviation of the outcome in these data'."""
    stated, family = design.spec.priors.outcome_scale, design.family
    scale = f"the standard deviation of {family.measured} in these data"
    if stated is not None:
        scale = f"{say.stated(stated, 'prior.s')}, which was specified beforehand"
    elif design.linked:
        scale = say.stated(1, "prior.s")
    return f"{f' of the linear predictor ({family.link})' if design.linked else ''}: {scale}"


def _coefficient_names(design: Design) -> set[str]:
    own = [*design.fixed.names, MEAN_OUTCOME]
    own += [ZERO + name for name in (*design.zero.names, MEAN_OUTCOME)] if design.zero is not None else []
    return {*own, *(f"{name} {AT_MEANS}" for name in own)}


def _coefficients(design: Design, rows: Rows) -> list[str]:
    """A clause for the mean's coefficients, and one for those of zeros; nothing where all were stated singly."""
    measured = design.family.measured
    names = _coefficient_names(design)
    main = [(name, prior) for name, prior in rows if name in names and not name.startswith(ZERO)]
    zeros = [
        (name.removeprefix(ZERO), prior) for name, prior in rows if name in names and name.startswith(ZERO)
    ]
    found = [_of_predictor(design, main, design.linked, measured)] if main else []
    if zeros:
        told = _of_predictor(design, zeros, True, measured)
        found.append(f"for the odds of a zero, on the logit scale, where s is 1, {told}")
    return found


def _of_predictor(design: Design, rows: Rows, linked: bool, measured: str) -> str:
    """How the coefficients of one linear predictor are distributed, and its intercept where it has one."""
    priors, own = design.spec.priors, dict(rows)
    parts = []
    if slopes := [prior for name, prior in rows if name != MEAN_OUTCOME]:
        at_zero = all(prior.startswith("Normal(0,") for prior in slopes)
        parts.append(
            f"coefficients are normal around {'zero' if at_zero else 'what makes every mean that of the data'} with "
            f"standard deviation {say.stated(priors.coefficient_sd, 'prior.coefficient.sd')} s per standard deviation "
            "of the covariate"
        )
    if MEAN_OUTCOME in own:
        middle = "linear predictor at the covariates\u2019 means" if linked else f"mean of {measured}"
        sd = f"{say.stated(priors.sd_of_intercept(linked), 'prior.intercept.sd')} s around that of the data"
        parts.append(
            f"the {middle} with {sd}" if parts else f"the {middle} is normal with standard deviation {sd}"
        )
    return ", ".join(parts)


def _is_sd(name: str, prior: str) -> bool:
    return _stem(name) in STANDARD_DEVIATIONS and prior.startswith(HALF_T)


def _sds(design: Design, sds: list[str]) -> list[str]:
    if not sds:
        return []
    priors = design.spec.priors
    common = f"{HALF_T}{priors.sd_df:.4g}, 0, {priors.sd_scale * outcome_scale(design):.4g})"
    slopes = ", of a random slope per standard deviation of its covariate" if {*sds} != {common} else ""
    return [
        f"standard deviations are half-Student-t with {say.stated(priors.sd_df, 'prior.sd.df')} degrees of freedom "
        f"and scale {say.stated(priors.sd_scale, 'prior.sd.scale')} s{slopes} (Gelman 2006)"
    ]


def _others(rows: Rows) -> list[str]:
    """'the correlation is Uniform(-0.33, 1)': what is of one kind and has one prior in one clause."""
    groups: dict[tuple[str, str], int] = {}
    for name, prior in rows:
        groups[_stem(name), prior] = groups.get((_stem(name), prior), 0) + 1
    by_prior: dict[str, list[str]] = {}
    many: dict[str, bool] = {}
    for (stem, prior), count in groups.items():
        several = count > 1 or stem in ALWAYS_SEVERAL
        by_prior.setdefault(prior, []).append(PLURALS.get(stem, f"{stem}s") if several else f"the {stem}")
        many[prior] = several or prior in many
    return [
        f"{listed(stems)} {'are' if many[prior] else 'is'} {_with_figures(prior)}"
        for prior, stems in by_prior.items()
    ]


def _stem(name: str) -> str:
    """'partial autocorrelation(lag 2) | arm B' is a partial autocorrelation, 'sd(C(x) | id)' an SD."""
    text, inner = name.replace(AT_MEANS, ""), 1
    while inner:
        text, inner = re.subn(r"\s*\([^()]*\)", "", text)
    return text.split(" | ")[0].strip()


def _with_figures(prior: str) -> str:
    """The prior as its table has it, with its numbers as figures; that of correlation matrices with its source."""

    def figure(found: re.Match[str]) -> str:
        value = float(found[0])
        return said(found[0].replace("-", numbers.MINUS), value, "prior.parameter")

    text = re.sub(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", figure, prior)
    return f"{text} (Lewandowski, Kurowicka and Joe 2009)" if prior.startswith("LKJ") else text
