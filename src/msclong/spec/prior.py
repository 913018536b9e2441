"""Prior distributions of a Bayesian fit, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from msclong.errors import SpecError, listing
from msclong.spec.distributions import (
    LKJ,
    Distribution,
    HalfNormal,
    HalfT,
    LogNormal,
    Mixture,
    Normal,
    distribution_from_dict,
)

ALLOWED: dict[str, tuple[type, ...]] = {
    "coefficients": (Normal, Mixture),
    "sds": (HalfT, HalfNormal, LogNormal),
    "correlations": (LKJ,),
    "ranges": (LogNormal,),
}
"""The distributions of each group of parameters that can be named."""

INTERCEPT_SD, LINKED_INTERCEPT_SD = 10.0, 2.5
"""Default prior SD of the intercept in units of s: of an outcome, and of the logit or logarithm of its mean."""

WHY = {
    "coefficients": " (coefficients are integrated out exactly, which normal distributions and their mixtures allow)"
}


class Named[Prior: Distribution | Mixture](Mapping[str, Prior]):
    """Priors by parameter name; immutable, equal to a dict of the same items."""

    def __init__(self, items: Mapping[str, Prior]) -> None:
        self._items = dict(items)

    def __getitem__(self, name: str) -> Prior:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)


@dataclass(frozen=True)
class Priors:
    """Weakly informative priors on a stated outcome scale s, and priors of single parameters by name.

    beta_j, after centring the covariates (in products too: beside arm:year the coefficient of arm is the difference in
    the mean year) and in units of one standard deviation of covariate j: Normal(0, coefficient_sd * s); the mean
    outcome (intercept) Normal(m, intercept_sd * s) with m the data's mean;
    every standard deviation: half-Student-t(sd_df, 0, sd_scale * s), a random slope's per SD of its covariate, that of
    an intercept correlated with slopes at the covariates' means; correlation matrices (us, random effects, these at the
    covariates' means too): LKJ(correlation_eta). Where a structure has few correlations, they are
    uniform on what is positive definite: cs the correlation, ar1 and ar1h that of neighbours, toeph the partial
    autocorrelations. A model of means without an intercept has them centred on m, not on zero.

    Parameters
    ----------
    outcome_scale : float or None
        s in outcome units, best pre-specified from earlier trials; None takes the standard deviation
        of the outcome in the data at hand, and the report says so.
    coefficient_sd, intercept_sd, sd_scale : float
        Multiples of s. intercept_sd None: 10, and 2.5 where the linear predictor is a logit, probit or logarithm of the
        mean: there N(0, 10) would put most of its mass on probabilities near 0 and 1.
    sd_df, correlation_eta : float
        Degrees of freedom of the half-t; shape of the LKJ distribution, 1 is uniform.
    covariance : 'weakly informative', 'jeffreys' or 'matching'
        As above; or, for `us` only, |Sigma|^(-(T + 1) / 2) or |Sigma|^(-T), under which no covariance is shrunk and
        posterior means of coefficients are the REML estimates, very nearly; they need as many subjects as REML does.
        Of n complete subjects, differences between visits then have Student's t with n - T degrees of freedom
        ('jeffreys'), or with n - 1 as in a paired t-test ('matching').
    coefficients : {name: Normal or Mixture}
        Priors of single coefficients, named as in `fit.coefficients()`, in outcome units per unit of the covariate;
        they take the place of the default of that coefficient and leave the others'. "Intercept" is the mean where all
        covariates are zero; the mean at the covariates' means goes by its name in `fit.priors`.
    sds, correlations, ranges : {name: HalfT, HalfNormal or LogNormal}, {name: LKJ}, {name: LogNormal}
        Likewise, named as in `fit.priors`: "residual sd", "correlation matrix", "range". A name that stands for several
        parameters sets them all. "sd(Intercept)" is that of the intercept where all covariates are zero, and the
        correlations are then those there.

    Sources: Gelman (2006), Bayesian Analysis 1:515 (half-t); Lewandowski, Kurowicka and Joe (2009) (LKJ); Geisser and
    Cornfield (1963), JRSS B 25:368 (Jeffreys, matching).
    Raises SpecError for a value that is not positive, or a distribution that the group does not take.

    Examples
    --------
    >>> import msclong as ml
    >>> priors = ml.Priors(coefficients={"Days": ml.Normal(0, 5)}, sds={"residual sd": ml.HalfT(3, 20)})
    >>> spec = ml.ModelSpec("Reaction ~ Days + (1 + Days | Subject)", priors=priors)
    >>> fit = ml.fit(spec, ml.datasets.sleepstudy(), engine=ml.Bayesian(seed=1))
    >>> print(fit.priors.loc["Days"].to_string())
    prior    Normal(0, 5)
    """

    outcome_scale: float | None = None
    coefficient_sd: float = 2.5
    intercept_sd: float | None = None
    sd_df: float = 3.0
    sd_scale: float = 1.0
    correlation_eta: float = 2.0
    covariance: Literal["weakly informative", "jeffreys", "matching"] = "weakly informative"
    coefficients: Mapping[str, Normal | Mixture] = field(default_factory=dict)
    sds: Mapping[str, HalfT | HalfNormal | LogNormal] = field(default_factory=dict)
    correlations: Mapping[str, LKJ] = field(default_factory=dict)
    ranges: Mapping[str, LogNormal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.covariance not in ("weakly informative", "jeffreys", "matching"):
            raise SpecError(
                f"Priors.covariance must be 'weakly informative', 'jeffreys' or 'matching'; got {self.covariance!r}."
            )
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name in ALLOWED:
                object.__setattr__(self, entry.name, Named(_checked(entry.name, value)))
            elif entry.name == "covariance" or (value is None and entry.default is None):
                continue
            elif not isinstance(value, (int, float)) or not 0 < value < float("inf"):
                raise SpecError(f"Priors.{entry.name} must be a positive number; got {value!r}.")
        if self.covariance != "weakly informative" and (self.sds or self.correlations):
            raise SpecError(
                f"covariance={self.covariance!r} is a prior of the whole covariance matrix; leave sds and "
                "correlations out."
            )

    def sd_of_intercept(self, linked: bool) -> float:
        """`intercept_sd`, or its default; linked : whether the linear predictor is a logit, probit or logarithm."""
        if self.intercept_sd is not None:
            return self.intercept_sd
        return LINKED_INTERCEPT_SD if linked else INTERCEPT_SD

    def to_dict(self) -> dict[str, Any]:
        """All settings and the named priors, as plain data."""
        record = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        for group in ALLOWED:
            record[group] = {name: prior.to_dict() for name, prior in record[group].items()}
        return {name: value for name, value in record.items() if name not in ALLOWED or value}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Priors:
        """The priors of `to_dict`. Raises SpecError for what cannot be read."""
        known = {entry.name for entry in fields(cls)}
        if not isinstance(record, Mapping) or (set(record) - known):
            raise SpecError(
                f"The priors of this spec cannot be read: {record!r}; known are {listing(sorted(known), 20)}."
            )
        values = dict(record)
        for group in ALLOWED:
            if isinstance(given := values.get(group), Mapping):
                values[group] = {name: distribution_from_dict(prior) for name, prior in given.items()}
        return cls(**values)


def _checked(group: str, given: object) -> Mapping[str, Any]:
    """Raises SpecError unless `given` maps names to distributions that the group takes."""
    kinds = [kind.__name__ for kind in ALLOWED[group]]
    takes = f"{' or '.join(kinds)}{WHY.get(group, '')}"
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise SpecError(f"Priors.{group} is a dict from parameter names to {takes}; got {given!r}.")
    for name, prior in given.items():
        if not isinstance(prior, ALLOWED[group]):
            raise SpecError(f"Priors.{group}[{name!r}] takes {takes}; got {prior!r}.")
    return given
