"""Priors that a spec states by the parameter's name, put in the place of the default ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import groupby
from typing import Any

from msclong.engines.bayesian.priors.covariance_variables import (
    CovariancePrior,
    HalfNormal,
    HalfT,
    LogNormal,
    LogNormalSd,
    StretchedBeta,
    Values,
    Variable,
)
from msclong.engines.bayesian.priors.family_priors import FamilyPrior
from msclong.errors import SpecError, listing
from msclong.spec import distributions
from msclong.spec.prior import Priors

GROUPS: dict[type[Variable], str] = {HalfT: "sds", StretchedBeta: "correlations", LogNormal: "ranges"}
"""The field of `Priors` that names the elements of each kind of default variable."""


def with_named_variables(
    prior: CovariancePrior, priors: Priors, family: Sequence[Variable] = ()
) -> CovariancePrior:
    """`prior` with the standard deviations, correlations and ranges that `priors` names.

    A vector of standard deviations of which some are named falls into pieces, one for each run of equal distributions.
    Raises SpecError for a name that neither the prior nor the variables of the `family` have.
    """
    pieces = {
        v.name: _pieces(v, getattr(priors, GROUPS[type(v)])) for v in prior.variables if type(v) in GROUPS
    }
    for group in GROUPS.values():
        nameable = [v for v in prior.variables if GROUPS.get(type(v)) == group]
        nameable += [v for v in family if isinstance(v, HalfT) and group == "sds"]
        have = [label for v in nameable for label, _ in v.described()]
        check_names(getattr(priors, group), have, group)
    split = {name: parts for name, parts in pieces.items() if len(parts) > 1}
    variables = tuple(part for v in prior.variables for part in pieces.get(v.name, (v,)))
    if not split:
        return replace(prior, variables=variables)

    def theta(values: Values, xp: Any) -> Any:
        whole = {name: xp.concatenate([values[p.name] for p in parts]) for name, parts in split.items()}
        return prior.theta({**values, **whole}, xp)

    def inverse(theta: Any) -> dict[str, Any]:
        values = prior.values(theta)
        for name, parts in split.items():
            whole, start = values.pop(name), 0
            for part in parts:
                values[part.name] = whole[:, start : start + len(part.labels)]
                start += len(part.labels)
        return values

    return replace(prior, variables=variables, theta=theta, values=inverse)


def with_named_family(prior: FamilyPrior, priors: Priors) -> FamilyPrior:
    """`prior` with the scales and dispersions of the family that `priors.sds` names.

    Raises SpecError where one parameter's levels have distributions of several kinds.
    """
    variables: list[Variable] = []
    for variable in prior.variables:
        found = _sds(variable, priors.sds) if isinstance(variable, HalfT) else (variable,)
        if len(found) > 1:
            raise SpecError(
                f"Priors.sds states {listing(map(repr, variable.labels))} by distributions of several kinds; these are "
                "one parameter at several levels: state one kind for all of them, with scales of their own."
            )
        variables += found
    return replace(prior, variables=tuple(variables))


def check_names(named: Iterable[str], have: Sequence[str], group: str) -> None:
    """Raise SpecError for names that are not in `have`, with the nearest that are."""
    for name in named:
        if name not in have:
            near = get_close_matches(name, have, n=4, cutoff=0.5)
            hint = (
                f"near names are {listing(map(repr, near))}"
                if near
                else f"the names are {listing(map(repr, have), 20)}"
            )
            raise SpecError(
                f"Priors.{group} names {name!r}, which this model does not have; "
                f"{hint if have else 'it has no such parameters'}."
            )


def _pieces(variable: Variable, named: Mapping[str, Any]) -> tuple[Variable, ...]:
    """The variable with its named elements replaced, in as many variables as that takes."""
    match variable:
        case HalfT():
            return _sds(variable, named)
        case StretchedBeta() if variable.joint:
            label = variable.joint[0][0]
            if label not in named:
                return (variable,)
            eta = named[label].eta
            # The last column of the vine has shape eta: the others stand in fixed distances above it.
            shape = tuple(old - min(variable.shape) + eta for old in variable.shape)
            return (replace(variable, shape=shape, joint=((label, f"LKJ({eta:.4g})"),)),)
        case StretchedBeta():
            shapes = zip(variable.labels, variable.shape, strict=True)
            shape = tuple(named[label].eta if label in named else old for label, old in shapes)
            return (replace(variable, shape=shape),)
        case LogNormal() if variable.labels[0] in named:
            stated = named[variable.labels[0]]
            return (replace(variable, median=(stated.median,), sd=stated.sd),)
    return (variable,)


def _sds(variable: HalfT, named: Mapping[str, Any]) -> tuple[Variable, ...]:
    defaults = [distributions.HalfT(variable.df, scale) for scale in variable.scale]
    stated = [named.get(label, own) for label, own in zip(variable.labels, defaults, strict=True)]
    runs = [list(run) for _, run in groupby(range(len(stated)), key=lambda i: _shared(stated[i]))]
    return tuple(
        _standard_deviations(
            variable.name if len(runs) == 1 else f"{variable.name}_from_{run[0]}",
            tuple(variable.labels[i] for i in run),
            [stated[i] for i in run],
            tuple(variable.per[i] for i in run),
        )
        for run in runs
    )


def _shared(stated: distributions.Distribution) -> tuple[object, ...]:
    """What all elements of one variable have in common: the distribution but for its scale."""
    return type(stated), getattr(stated, "df", None), getattr(stated, "sd", None)


def _standard_deviations(
    name: str, labels: tuple[str, ...], stated: list[Any], per: tuple[float, ...]
) -> Variable:
    match stated[0]:
        case distributions.HalfT(df=df):
            return HalfT(name, labels, tuple(d.scale for d in stated), df, per)
        case distributions.LogNormal(sd=sd):
            return LogNormalSd(name, labels, tuple(d.median for d in stated), sd, per)
    return HalfNormal(name, labels, tuple(d.scale for d in stated), per)
