"""Covariances over visits as analytic functions of their parameters: SAS's and R mmrm's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

CORRELATIONS = {
    "cs": lambda rho, s, t: rho[0],
    "ar1": lambda rho, s, t: rho[0] ** (t - s),
    "toep": lambda rho, s, t: rho[t - s - 1],
    "ad": lambda rho, s, t: np.prod(rho[s:t]),
}
"""The correlation of visits s < t."""

FAMILY = {
    "cs": "cs",
    "csh": "cs",
    "ar1": "ar1",
    "ar1h": "ar1",
    "toep": "toep",
    "toeph": "toep",
    "ad": "ad",
    "adh": "ad",
}
HETEROGENEOUS = ("csh", "ar1h", "toeph", "adh")
POWER = {"sp_exp": 1, "sp_gau": 2}


def correlation(keyword: str, rho: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Correlations (T, T); of spatial structures, rho to the power of the distance (squared)."""
    if keyword in POWER:
        return rho[0] ** (np.abs(np.subtract.outer(times, times)) ** POWER[keyword])
    rule, visits = CORRELATIONS[FAMILY[keyword]], len(times)
    result = np.eye(visits, dtype=rho.dtype)
    for t in range(visits):
        for s in range(t):
            result[s, t] = result[t, s] = rule(rho, s, t)
    return result


def sas(keyword: str, times: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """As PROC MIXED prints csh ar(1) arh(1) toeph ante(1) sp(exp): variances (one, or by visit), correlations, range.

    times : (T,), positions of visits where distances do not matter.
    """
    m = len(times) if keyword in HETEROGENEOUS else 1

    def sigma(theta: np.ndarray) -> np.ndarray:
        sd = np.sqrt(theta[:m]) * np.ones(len(times))
        rho = np.exp(-(theta[m:] ** -POWER[keyword])) if keyword in POWER else theta[m:]
        return sd[:, None] * correlation(keyword, rho, times) * sd

    return sigma


def mmrm(keyword: str, times: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Log standard deviations, then r with rho = r / sqrt(1 + r^2); for us, the unit triangle of a Cholesky factor.

    A logit of cs's correlation between its bounds, and of spatial structures'. R mmrm 0.3.18, from its vignette
    'Covariance structures' and, for cs, from its figures.
    """
    visits = len(times)
    m = visits if keyword in (*HETEROGENEOUS, "us") else 1

    def sigma(phi: np.ndarray) -> np.ndarray:
        sd = np.exp(phi[:m]) * np.ones(visits)
        r = phi[m:]
        if keyword == "us":
            lower = np.eye(visits, dtype=phi.dtype)
            lower[np.tril_indices(visits, -1)] = r
            factor = sd[:, None] * lower
            return factor @ factor.T
        rho = r / np.sqrt(1 + r**2)
        if keyword in POWER:
            rho = 1 / (1 + np.exp(-r))
        elif FAMILY[keyword] == "cs":  # between -1 / (visits - 1) and 1
            rho = (visits / (1 + np.exp(-r)) - 1) / (visits - 1)
        return sd[:, None] * correlation(keyword, rho, times) * sd

    return sigma


def mmrm_parameters(keyword: str, S: np.ndarray, times: np.ndarray) -> np.ndarray:
    """R mmrm's parameters of a fitted covariance S (T, T)."""
    visits = len(S)
    if keyword == "us":
        factor = np.linalg.cholesky(S)
        sd = np.diag(factor)
        return np.append(np.log(sd), (factor / sd[:, None])[np.tril_indices(visits, -1)])
    sd = np.sqrt(np.diag(S))
    R = S / np.outer(sd, sd)
    if keyword in POWER:
        rho = R[0, 1:2] ** (1 / (times[1] - times[0]) ** POWER[keyword])
        return np.append(np.log(sd[:1]), np.log(rho / (1 - rho)))
    rho = {"cs": R[0, 1:2], "ar1": R[0, 1:2], "toep": R[0, 1:], "ad": np.diag(R, 1)}[FAMILY[keyword]]
    r = rho / np.sqrt(1 - rho**2)
    if FAMILY[keyword] == "cs":
        share = (1 + (visits - 1) * rho) / visits
        r = np.log(share / (1 - share))
    return np.append(np.log(sd if keyword in HETEROGENEOUS else sd[:1]), r)
