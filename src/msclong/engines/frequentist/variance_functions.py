"""The covariance parameters and what is read from them: variances, standard deviations, covariances, correlations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from msclong.covariance.structure import CovarianceStructure
from msclong.covariance.working import Role


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


def variance_functions(structure: CovarianceStructure) -> tuple[VarianceFunction, ...]:
    """Every parameter by its name, then the standard deviation of every variance and the correlation of every
    covariance of which both variances are parameters. What a parameter is the structure declares, not its name."""
    named = list(enumerate(zip(structure.parameter_names, structure.working.roles, strict=True)))
    parameters = [_parameter(name, role, i) for i, (name, role) in named]
    sds = [
        VarianceFunction(_renamed(name, "variance", "sd"), "sd", (i,), low=0.0)
        for i, (name, role) in named
        if role.kind == "variance"
    ]
    ratios = [
        VarianceFunction(
            _renamed(name, "covariance", "correlation"), "ratio", (i, *role.variances), low=-1.0, high=1.0
        )
        for i, (name, role) in named
        if role.variances
    ]
    return (*parameters, *sds, *ratios)


def _parameter(name: str, role: Role, i: int) -> VarianceFunction:
    if role.kind == "variance":
        return VarianceFunction(name, "sd", (i,), power=2, low=0.0)
    if role.kind == "correlation":
        return VarianceFunction(name, "identity", (i,), low=-1.0, high=1.0)
    return VarianceFunction(name, "log" if role.kind == "range" else "identity", (i,))


def _renamed(name: str, word: str, other: str) -> str:
    """`name` with its first `word` replaced; other(name) where it has none."""
    renamed, n = re.subn(rf"\b{word}\b", other, name, count=1)
    return renamed if n else f"{other}({name})"
