"""Priors in words: every row of a fit's table of priors is in one of the clauses."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from msclong.design.design import Design
from msclong.engines.bayesian.priors.centred_columns import AT_MEANS
from msclong.engines.bayesian.priors.conditional_priors import ZERO
from msclong.engines.bayesian.priors.model_priors import MEAN_OUTCOME
from msclong.errors import listing
from msclong.printing import numbers
from msclong.reporting import say
from msclong.reporting.inline import said
from msclong.reporting.references import Description
from msclong.reporting.wording import listed
from msclong.spec.prior import ALLOWED

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
    but = f" Priors of {listing(named, 20)} were stated singly." if named else ""
    coefficients = f"on a scale s{_scale(design)}. {_coefficients(design, table)}"
    if priors.covariance != "weakly informative":
        which = (
            "Jeffreys\u2019 prior"
            if priors.covariance == "jeffreys"
            else "the power of its determinant under which contrasts have Student\u2019s t"
        )
        text = f"Priors are {coefficients}; the covariance has {which} (Geisser and Cornfield 1963).{but}"
        return Description(text, ("geisser",))
    own = {
        str(name): str(text)
        for name, text in table["prior"].items()
        if name not in _coefficient_names(design)
    }
    left = {name: text for name, text in own.items() if not _named(name, named)}
    sds = {n: t for n, t in left.items() if _stem(n) in STANDARD_DEVIATIONS and t.startswith(HALF_T)}
    others = {name: text for name, text in left.items() if name not in sds}
    clauses = [coefficients, *_sds(design, sds), *_others(others)]
    if any(name.startswith("sd(") and AT_MEANS in name for name in own):
        clauses[-1] += "; both of random effects are those at their covariates\u2019 means"
    text = f"Priors are weakly informative, {'; '.join(clauses)}.{but}"
    lkj = any(prior.startswith("LKJ") for prior in others.values())
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


def _coefficients(design: Design, table: pd.DataFrame) -> str:
    """How coefficients are distributed, and the intercept where the model has one."""
    priors = design.spec.priors
    text = (
        f"Coefficients are normal around zero with standard deviation "
        f"{say.stated(priors.coefficient_sd, 'prior.coefficient.sd')} s per standard deviation of the covariate"
    )
    linked = design.linked
    middle = (
        "linear predictor at the covariates\u2019 means" if linked else f"mean of {design.family.measured}"
    )
    if {MEAN_OUTCOME, "Intercept"} & set(table.index):
        sd = say.stated(priors.sd_of_intercept(linked), "prior.intercept.sd")
        text += f", the {middle} with {sd} s around that of the data"
    elif not all(str(table["prior"][name]).startswith("Normal(0,") for name in _left(design, table)):
        text = text.replace("around zero", "around what makes every mean that of the data")
    if design.zero is not None:
        text += "; those for the odds of a zero likewise on the logit scale, where s is 1"
    return text


def _left(design: Design, table: pd.DataFrame) -> list[str]:
    """Coefficients of the outcome itself whose priors were not stated singly."""
    return [
        name
        for name in design.fixed.names
        if name in table.index and name not in design.spec.priors.coefficients
    ]


def _sds(design: Design, sds: Mapping[str, str]) -> list[str]:
    if not sds:
        return []
    priors = design.spec.priors
    slopes = ", of a random slope per standard deviation of its covariate" if len({*sds.values()}) > 1 else ""
    return [
        f"standard deviations are half-Student-t with {say.stated(priors.sd_df, 'prior.sd.df')} degrees of freedom "
        f"and scale {say.stated(priors.sd_scale, 'prior.sd.scale')} s{slopes} (Gelman 2006)"
    ]


def _others(rows: Mapping[str, str]) -> list[str]:
    """'the correlation is Uniform(-0.33, 1)': what is of one kind and has one prior in one clause."""
    groups: dict[tuple[str, str], int] = {}
    for name, prior in rows.items():
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
    """'partial autocorrelation(lag 2) | arm B' is a partial autocorrelation."""
    return re.sub(r"\s*(\(.*\))?$", "", name.split(" | ")[0].replace(AT_MEANS, "").strip())


def _named(name: str, stated: list[str]) -> bool:
    """Whether the priors state this parameter; a name without its group stands for those of all groups."""
    return name in stated or name.split(" | ")[0] in stated


def _with_figures(prior: str) -> str:
    """The prior as its table has it, with its numbers as figures; that of correlation matrices with its source."""

    def figure(found: re.Match[str]) -> str:
        value = float(found[0])
        return said(found[0].replace("-", numbers.MINUS), value, "prior.parameter")

    text = re.sub(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", figure, prior)
    return f"{text} (Lewandowski, Kurowicka and Joe 2009)" if prior.startswith("LKJ") else text
