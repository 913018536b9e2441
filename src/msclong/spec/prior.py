"""Prior distributions of a Bayesian fit, as data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from msclong.errors import SpecError


@dataclass(frozen=True)
class Priors:
    """Weakly informative priors on a stated outcome scale s.

    beta_j, after centring the covariates and in units of one standard deviation of covariate j:
    Normal(0, coefficient_sd * s); the mean outcome (intercept) Normal(m, intercept_sd * s) with m the data's mean;
    every standard deviation: half-Student-t(sd_df, 0, sd_scale * s), a random slope's per SD of its covariate;
    correlation matrices (us, random effects): LKJ(correlation_eta). Where a structure has few correlations, they are
    uniform on what is positive definite: cs the correlation, ar1 and ar1h that of neighbours, toeph the partial
    autocorrelations. A model of means without an intercept has them centred on m, not on zero.

    Parameters
    ----------
    outcome_scale : float or None
        s in outcome units, best pre-specified from earlier trials; None takes the standard deviation
        of the outcome in the data at hand, and the report says so.
    coefficient_sd, intercept_sd, sd_scale : float
        Multiples of s. sd_df : degrees of freedom of the half-t. correlation_eta : LKJ shape; 1 is uniform.
    covariance : 'weakly informative' or 'jeffreys'
        As above; or, for `us` only, |Sigma|^(-(T + 1) / 2), under which no covariance is shrunk and posterior means
        of coefficients are the REML estimates, very nearly; it needs as many subjects as REML does.

    Sources: Gelman (2006), Bayesian Analysis 1:515 (half-t); Lewandowski, Kurowicka and Joe (2009) (LKJ); Geisser and
    Cornfield (1963), JRSS B 25:368 (Jeffreys).
    Raises SpecError for a value that is not positive.
    """

    outcome_scale: float | None = None
    coefficient_sd: float = 2.5
    intercept_sd: float = 10.0
    sd_df: float = 3.0
    sd_scale: float = 1.0
    correlation_eta: float = 2.0
    covariance: Literal["weakly informative", "jeffreys"] = "weakly informative"

    def __post_init__(self) -> None:
        if self.covariance not in ("weakly informative", "jeffreys"):
            raise SpecError(
                f"Priors.covariance must be 'weakly informative' or 'jeffreys'; got {self.covariance!r}."
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "covariance" or (value is None and field.name == "outcome_scale"):
                continue
            if not isinstance(value, (int, float)) or not 0 < value < float("inf"):
                raise SpecError(f"Priors.{field.name} must be a positive number; got {value!r}.")
