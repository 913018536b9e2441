"""The PyMC model of a conditional design, and its sampling: outcomes independent given their linear predictors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from msclong.design.design import Design
from msclong.engines.bayesian.conditional.censored_model import CensoredOutcomes, censored_outcomes
from msclong.engines.bayesian.conditional.latent_terms import LatentTerm, latent_terms
from msclong.engines.bayesian.conditional.visit_coordinates import VisitCoordinates, visit_coordinates
from msclong.engines.bayesian.nuts.compiled import compiled_model, sample, step_stats
from msclong.engines.bayesian.nuts.declared import declare, hyperparameters, shapes
from msclong.engines.bayesian.nuts.tensors import TENSORS
from msclong.engines.bayesian.priors.conditional_priors import ConditionalPriors
from msclong.engines.bayesian.priors.family_priors import OrderedCutpoints
from msclong.engines.bayesian.priors.model_priors import CoefficientPrior

Components = Sequence[tuple[float, CoefficientPrior]]
"""Log weights and normal distributions of a mixture."""

PARTS = ("X", "X of zero")
"""Rows of the fixed parts of the linear predictors."""

LARGER = "larger"
"""s: coefficients and cutpoints are so many times what is sampled; see `visit_coordinates`."""


@dataclass(frozen=True, eq=False)
class Coefficients:
    """beta = origin + back gamma of one predictor, where gamma has posterior SDs of about one and little correlation.

    origin (p,), back (p, p), components of the prior: in model units.
    """

    origin: np.ndarray
    back: np.ndarray
    components: Components

    def packed(self) -> np.ndarray:
        """All numbers as one vector, in the order in which `_Vector` takes them."""
        mixture = [np.r_[w, prior.location, prior.sd] for w, prior in self.components]
        return np.concatenate([self.origin, self.back.ravel(), self.components[0][1].K.ravel(), *mixture])


@dataclass(frozen=True, eq=False)
class ConditionalData:
    """A conditional design as the model reads it, outcomes with an identity link counted in `unit`.

    rows : (k, N) arrays by name. coefficients : by predictor. hyper : of all other priors. censored : where outcomes
    are jointly normal, and there are no terms. coordinates : of categories with a deviation at each visit.
    """

    design: Design
    priors: ConditionalPriors
    unit: float
    terms: tuple[LatentTerm, ...]
    coefficients: tuple[Coefficients, ...]
    rows: Mapping[str, np.ndarray]
    hyper: np.ndarray
    censored: CensoredOutcomes | None = None
    coordinates: VisitCoordinates | None = None

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The model's `pm.Data`: two arrays, because each shared variable adds half a second to the compilation."""
        numbers = [self.hyper, *(array.ravel() for array in self.priors.covariance.data.values())]
        if self.coordinates is not None:
            numbers.append(self.coordinates.numbers)
        return {
            "rows": np.concatenate([*self.rows.values()]).astype(float),
            "numbers": np.concatenate([*numbers, *(part.packed() for part in self.coefficients)]),
        }

    @property
    def key(self) -> tuple[object, ...]:
        """All of the model but its numbers: the number of observations may vary, that of groups up to `slots`."""
        return (
            type(self.design.family),
            tuple((name, len(values)) for name, values in self.rows.items()),
            tuple(len(part.components) for part in self.coefficients),
            shapes(self.priors.covariance.variables),
            shapes(self.priors.family.variables),
            tuple(term.key for term in self.terms),
            None if self.censored is None else self.censored.key,
            self.coordinates is not None,
        )


@dataclass(frozen=True, eq=False)
class ConditionalSample:
    """Draws (chains, draws, ...) in outcome units. coefficients : by predictor. phi : by parameter.

    stats : of the steps, see `step_stats`.
    """

    coefficients: tuple[np.ndarray, ...]
    phi: dict[str, np.ndarray]
    theta: np.ndarray
    stats: dict[str, np.ndarray]


def conditional_data(design: Design, priors: ConditionalPriors) -> ConditionalData:
    """Raises EngineError for a covariance that the model cannot express; see `latent_terms`, `censored_outcomes`."""
    unit = priors.outcome_scale if design.family.link == "identity" else 1.0
    censored = censored_outcomes(design) if design.censored_normal else None
    terms = latent_terms(design) if censored is None else ()
    X = [design.fixed.X, *([] if design.zero is None else [design.zero.X])]
    rows = {name: values[None] for name, values in design.observation.items()}
    rows |= {name: rows[name] / unit for name in ("y", "upper") if name in rows}
    rows["offset"] = design.offset[None] / unit
    rows |= {name: part.T for name, part in zip(PARTS, X, strict=False)}
    if len(design.dispersion_levels) > 1:
        rows["dispersion"] = design.dispersion[None]
    for i, term in enumerate(terms):
        rows |= {f"{name} {i}": values for name, values in term.rows.items()}
    if censored is not None:
        rows |= censored.rows
    variables = (*priors.covariance.variables, *priors.family.variables)
    return ConditionalData(
        design=design,
        priors=priors,
        unit=unit,
        terms=terms,
        coefficients=tuple(
            _coefficients(part, components, unit)
            for part, components in zip(X, priors.coefficients, strict=True)
        ),
        rows=rows,
        hyper=hyperparameters(variables, unit),
        censored=censored,
        coordinates=visit_coordinates(design, terms),
    )


def conditional_model(data: ConditionalData) -> pm.Model:
    """The PyMC model.

    Coefficients are whitened, subject effects non-centred: L z with standard normal z and L L' = G(theta). Everything
    numeric is `pm.Data`, so that a compiled model serves all data and priors of its shape.
    """
    design, priors = data.design, data.priors
    family, n_predictors = design.family, len(data.coefficients)
    with pm.Model(check_bounds=False) as model:
        matrix, numbers = (pm.Data(name, array) for name, array in data.arrays.items())
        rows = _rows(matrix, data.rows)
        vector = _Vector(numbers)
        hyper, family_hyper = (
            vector.take(sum(len(v.labels) for v in variables))
            for variables in (priors.covariance.variables, priors.family.variables)
        )
        values = declare(priors.covariance.variables, hyper)
        values |= {name: vector.take(*array.shape) for name, array in priors.covariance.data.items()}
        theta = priors.covariance.theta(values, pt)
        factors = [term.factor(values, theta, pt) for term in data.terms]
        larger: Any = 1.0
        if data.coordinates is not None:
            of_visits = vector.take(len(data.coordinates.numbers))
            s, narrower = data.coordinates.scales(factors[0], of_visits)
            larger = pm.Deterministic(LARGER, s)
        eta = []
        for name, part in zip(PARTS, data.coefficients, strict=False):
            p, C = len(part.origin), len(part.components)
            origin, back, K = vector.take(p), vector.take(p, p), vector.take(p, p)
            gamma = pm.Flat(f"coefficients of {name}", shape=p, initval=np.zeros(p))
            beta = larger * (origin + back @ gamma)
            log_prior = _log_mixture(K @ beta, vector.take(C, 2 * p + 1))
            pm.Potential(f"prior of {name}", log_prior + p * pt.log(larger))
            eta.append(beta @ rows[name])
        # What cutpoints are counted from.
        centre = eta[0].mean()
        eta[0] = eta[0] + rows["offset"][0]
        family_values = declare(priors.family.variables, family_hyper, larger)
        z: dict[str, Any] = {}
        for i, (term, factor) in enumerate(zip(data.terms, factors, strict=True)):
            if term.name not in z:
                z[term.name] = pm.Normal(term.name, 0.0, 1.0, shape=(term.slots, term.width))
            own_z = z[term.name]
            if data.coordinates is not None:
                own_z, log_prior = data.coordinates.stretched(own_z, narrower, of_visits)
                pm.Potential(f"prior of {term.name}", log_prior)
            effects = own_z @ factor.T
            own = {name: rows[f"{name} {i}"] for name in term.rows}
            shares = term.share(effects, own, n_predictors)
            eta = [predictor + share for predictor, share in zip(eta, shares, strict=True)]
        phi = priors.family.phi(family_values, centre)
        if "dispersion" in rows:
            level = rows["dispersion"][0].astype("int64")
            varying = {parameter.name for parameter in family.parameters if parameter.varies}
            phi = {name: value[level] if name in varying else value for name, value in phi.items()}
        observed = {name: rows[name][0] for name in design.observation}
        pm.Potential(
            "log likelihood",
            family.log_density(observed, tuple(eta), phi, TENSORS).sum()
            if data.censored is None
            else data.censored.log_likelihood(observed, eta[0], theta, rows),
        )
    return model


def draw_conditional(
    data: ConditionalData,
    *,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    target_accept: float,
    progress: bool,
) -> ConditionalSample:
    """Draws from the posterior by the No-U-Turn sampler; raises ConvergenceError where it cannot start or go on."""
    compiled = compiled_model(data.key, lambda: conditional_model(data), data.arrays, progress)
    trace = sample(
        compiled,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        target_accept=target_accept,
        progress=progress,
    )
    priors, structure = data.priors, data.design.structure
    larger = np.ones((chains, draws, 1))
    if data.coordinates is not None:
        larger = trace.posterior[LARGER].to_numpy()[..., None]
    natural = {
        v.name: v.natural(trace.posterior[v.name].to_numpy())
        * (larger if isinstance(v, OrderedCutpoints) else 1.0)
        for v in (*priors.covariance.variables, *priors.family.variables)
    }
    flat = {name: value.reshape(chains * draws, -1) for name, value in natural.items()}
    theta = np.stack(
        [
            structure.scale(priors.covariance.theta({n: v[i] for n, v in flat.items()}, np), data.unit)
            for i in range(chains * draws)
        ]
    )
    coefficients = [
        larger * (part.origin + trace.posterior[f"coefficients of {name}"].to_numpy() @ part.back.T)
        for name, part in zip(PARTS, data.coefficients, strict=False)
    ]
    centre = coefficients[0] @ data.rows[PARTS[0]].mean(axis=1)
    scales = {p.name for p in data.design.family.parameters if p.kind == "scale"}
    phi = {
        name: (value * (data.unit if name in scales else 1.0)).reshape(chains, draws, -1)
        for name, value in priors.family.phi(flat, centre.reshape(-1, 1)).items()
    }
    return ConditionalSample(
        coefficients=tuple(data.unit * beta for beta in coefficients),
        phi=phi,
        theta=theta.reshape(chains, draws, -1),
        stats=step_stats(trace),
    )


class _Vector:
    """A tensor vector that is read from its start to its end."""

    def __init__(self, vector: Any) -> None:
        self._left = vector

    def take(self, *shape: int) -> Any:
        size = int(np.prod(shape))
        taken, self._left = self._left[:size], self._left[size:]
        return taken.reshape(shape)


def _rows(matrix: Any, rows: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The rows of the data's matrix by name, (k, N) each."""
    ends = np.cumsum([len(values) for values in rows.values()])
    return {name: matrix[end - len(rows[name]) : end] for name, end in zip(rows, ends.tolist(), strict=True)}


def _coefficients(X: np.ndarray, components: Components, unit: float) -> Coefficients:
    """The prior in model units, and gamma in which prior precision plus X'X is the identity.

    X'X is the information of outcomes that tell their linear predictor to within one unit.
    """
    scaled = [(w, CoefficientPrior(c.names, c.K, c.location / unit, c.sd / unit)) for w, c in components]
    first = scaled[0][1]
    half = first.K / first.sd[:, None]
    root = np.linalg.cholesky(half.T @ half + X.T @ X)
    return Coefficients(
        origin=np.linalg.solve(first.K, first.location), back=np.linalg.inv(root).T, components=scaled
    )


def _log_mixture(at: Any, components: Any) -> Any:
    """Log density of K beta (p,), up to a constant; components (C, 1 + 2 p): log weights, means, SDs."""
    p = (components.shape[1] - 1) // 2
    mean, sd = components[:, 1 : 1 + p], components[:, 1 + p :]
    each = components[:, 0] - pt.log(sd).sum(axis=1) - 0.5 * (((at - mean) / sd) ** 2).sum(axis=1)
    return pt.logsumexp(each)
