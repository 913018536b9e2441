"""The covariance parameters and what is read from them: variances, standard deviations, covariances, correlations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

VARIANCE = re.compile(r"(?P<before>.*?)\bvariance\b(?:\((?P<of>.*)\))?(?P<after>.*)")


@dataclass(frozen=True)
class VarianceFunction:
    """A function of theta (k,), the covariance parameters on the natural scale.

    name : as tables name it. positions : the parameters that it reads.
    kind : the scale on which its likelihood is profiled: 'sd' the root of theta_i; 'ratio' the correlation
    theta_i / sqrt(theta_j theta_k); 'log' the logarithm of theta_i; 'identity' theta_i itself.
    power : of an 'sd', 2 where the table shows the variance.
    low, high : bounds of the profiled scale.
    """

    name: str
    kind: Literal["sd", "ratio", "log", "identity"]
    positions: tuple[int, ...]
    power: int = 1
    low: float = -np.inf
    high: float = np.inf

    def value(self, theta: np.ndarray) -> float:
        """On the profiled scale."""
        x = theta[list(self.positions)]
        if self.kind == "sd":
            return float(np.sqrt(max(x[0], 0.0)))
        if self.kind == "ratio":
            size = np.sqrt(max(x[1], 0.0) * max(x[2], 0.0))
            return float(x[0] / size) if size > 0 else np.nan
        return float(np.log(x[0])) if self.kind == "log" else float(x[0])

    def derivatives(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient (k,) and Hessian (k, k) of `value`."""
        x = theta[list(self.positions)]
        if self.kind == "sd":
            slope, bend = np.array([0.5 / np.sqrt(x[0])]), np.array([[-0.25 * x[0] ** -1.5]])
        elif self.kind == "ratio":
            c, a, b = x
            root = np.sqrt(a * b)
            r = c / root
            slope = np.array([1 / root, -r / (2 * a), -r / (2 * b)])
            bend = np.array(
                [
                    [0.0, -0.5 / (a * root), -0.5 / (b * root)],
                    [-0.5 / (a * root), 0.75 * r / a**2, 0.25 * r / (a * b)],
                    [-0.5 / (b * root), 0.25 * r / (a * b), 0.75 * r / b**2],
                ]
            )
        elif self.kind == "log":
            slope, bend = np.array([1 / x[0]]), np.array([[-1 / x[0] ** 2]])
        else:
            slope, bend = np.ones(1), np.zeros((1, 1))
        gradient, hessian = np.zeros(theta.size), np.zeros((theta.size, theta.size))
        gradient[list(self.positions)] = slope
        hessian[np.ix_(self.positions, self.positions)] = bend
        return gradient, hessian

    def shown(self, value: float) -> float:
        """A value of the profiled scale as the table shows it."""
        return float(np.exp(value)) if self.kind == "log" else value**self.power


def variance_functions(names: Sequence[str]) -> tuple[VarianceFunction, ...]:
    """Every parameter by its name, then the standard deviation of every variance and the correlation of every
    covariance of which both variances are parameters."""
    functions = [_parameter(name, i) for i, name in enumerate(names)]
    position = {name: i for i, name in enumerate(names)}
    variances = {name: found for name in names if (found := VARIANCE.fullmatch(name))}
    sds = [
        VarianceFunction(_renamed(found, "sd", found["of"]), "sd", (position[name],), low=0.0)
        for name, found in variances.items()
    ]
    ratios = []
    for first, a in variances.items():
        for second, b in variances.items():
            pair = f"{a['of']}, {b['of']}"
            covariance = _renamed(a, "covariance", pair)
            if a["of"] and (a["before"], a["after"]) == (b["before"], b["after"]) and covariance in position:
                where = (position[covariance], position[first], position[second])
                ratios.append(
                    VarianceFunction(_renamed(a, "correlation", pair), "ratio", where, low=-1.0, high=1.0)
                )
    return (*functions, *sds, *ratios)


def _parameter(name: str, i: int) -> VarianceFunction:
    if VARIANCE.fullmatch(name):
        return VarianceFunction(name, "sd", (i,), power=2, low=0.0)
    if re.search(r"correlation\b", name):
        return VarianceFunction(name, "identity", (i,), low=-1.0, high=1.0)
    return VarianceFunction(name, "log" if re.search(r"\brange\b", name) else "identity", (i,))


def _renamed(found: re.Match[str], word: str, of: str | None) -> str:
    return f"{found['before']}{word}{f'({of})' if of else ''}{found['after']}"
