"""The results of a joint model: each outcome's fit, and what only all outcomes together can say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from msclong.design.joint_design import JointDesign
from msclong.engines.bayesian.joint.joint_fit import joint_model
from msclong.engines.bayesian.joint.pooled_changes import PooledChanges
from msclong.errors import (
    EngineError,
    HypothesisError,
    MsclongError,
    SpecError,
    UnknownOutcomeError,
    listing,
)
from msclong.printing.overview import Overview, Shown
from msclong.results.check import check_table
from msclong.results.effect_scale import SCALES, chosen_effect
from msclong.results.fit import Fit
from msclong.results.hypothesis_table import check_level
from msclong.results.outcome import Outcome
from msclong.results.posterior_draws import PosteriorDraws
from msclong.results.posterior_table import SampledMarginals, posterior_table
from msclong.results.stamp import stamped
from msclong.results.summary import fit_overview, summary_table

BY_OUTCOME = ("margin", "rope")
"""Arguments of `contrasts` that are in an outcome's unit: a mapping gives each outcome its own."""


@dataclass(frozen=True, eq=False, repr=False)
class JointFit(Shown, Mapping[str, Fit]):
    """One posterior of several outcomes; a mapping from their names to fits.

    `joint["ssdai"]` is a Fit like any other, the marginal posterior of that outcome in its own units; the draws of all
    fits belong together, row by row. Its tables and its predictions of means are those of the joint model; predicted
    random effects, and predictions for a subject, use that outcome's own observations alone.

    engine, design, outcome : as those of a Fit. estimate : all coefficients, named 'outcome: name', in outcome units.
    signs : +1 where higher values are a benefit, -1 where lower ones are, by outcome, where that is known.
    pooled_changes, pooled_draws : what is pooled, and draws (chains, draws, T + 1) of the mean changes and their
    heterogeneity.
    """

    engine: object
    design: JointDesign
    estimate: PosteriorDraws
    fits: Mapping[str, Fit]
    outcome: Outcome
    signs: Mapping[str, float]
    pooled_changes: PooledChanges | None = None
    pooled_draws: np.ndarray | None = None

    def __getitem__(self, name: str) -> Fit:
        if name not in self.fits:
            raise UnknownOutcomeError(f"There is no outcome {name!r}; the outcomes are {listing(self.fits)}.")
        return self.fits[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fits)

    def __len__(self) -> int:
        return len(self.fits)

    @property
    def n_obs(self) -> int:
        """Observed values of all outcomes."""
        return sum(fit.n_obs for fit in self.values())

    @property
    def n_subjects(self) -> int:
        """Subjects with an observed value of any outcome."""
        return self.design.n_subjects

    @property
    def facts(self) -> Mapping[str, str]:
        """What a notebook prints below the tables: the model, and the rule for missing outcomes."""
        return {
            "model": f"One model of {len(self)} outcomes: {listing(self, 20)}.",
            "missing": f"{self.n_obs:,} values of {self.n_subjects:,} subjects were observed; others are taken to be "
            "missing at random.",
        }

    @property
    @stamped
    def vcov(self) -> pd.DataFrame:
        """Posterior covariance of all coefficients, (p, p)."""
        names = list(self.estimate.names)
        return pd.DataFrame(self.estimate.vcov, index=names, columns=names)

    @property
    def synthetic(self) -> str | None:
        """What says that an outcome's table is of made-up subjects; every table of these results repeats it."""
        return next((fit.synthetic for fit in self.values() if fit.synthetic is not None), None)

    @stamped
    def coefficients(self, level: float = 0.95) -> pd.DataFrame:
        """Each fit's coefficients, under each other."""
        return self._each(lambda name, fit: fit.coefficients(level))

    @stamped
    def contrasts(self, *args: Any, **options: Any) -> pd.DataFrame:
        """Each fit's contrasts, under each other; arguments are those of `Fit.contrasts`.

        margin and rope are in the outcome's unit: {outcome: value} gives each its own (none: the spec's).
        """

        def table(name: str, fit: Fit) -> pd.DataFrame:
            own: dict[str, Any] = {
                key: value.get(name) if key in BY_OUTCOME and isinstance(value, Mapping) else value
                for key, value in options.items()
            }
            return fit.contrasts(*args, **own)

        for key in BY_OUTCOME:
            self._check_outcomes(options.get(key), key)
        return self._each(table)

    @stamped
    def means(self, *args: Any, **options: Any) -> pd.DataFrame:
        """Each fit's means, under each other; arguments are those of `Fit.means`."""
        return self._each(lambda name, fit: fit.means(*args, **options))

    @stamped
    def correlations(self, level: float = 0.95) -> pd.DataFrame:
        """Correlations of subject effects between outcomes: posterior mean, SD, interval, probability below zero.

        One row for each pair of effects of different outcomes. Raises EngineError where they are independent.
        """
        check_level(level)
        if not self.design.correlated:
            raise EngineError(
                "This joint model takes the outcomes to be independent; fit subject_effects='correlated'."
            )
        theta, whose = self.estimate.theta, self.design.effect_outcomes
        assert theta is not None
        names = [
            effect.replace(f" | {of}", "") for effect, of in zip(self.design.effects, whose, strict=True)
        ]
        labels = [f"{of}: {name}" for of, name in zip(whose, names, strict=True)]
        place = {pair: i for i, pair in enumerate(zip(*np.tril_indices(len(labels)), strict=True))}
        pairs = [(i, j) for i, j in place if whose[i] != whose[j]]
        draws = np.stack(
            [
                theta[..., place[i, j]] / np.sqrt(theta[..., place[i, i]] * theta[..., place[j, j]])
                for i, j in pairs
            ],
            axis=-1,
        )
        rows = pd.MultiIndex.from_tuples([(labels[j], labels[i]) for i, j in pairs], names=["effect", "with"])
        return self._table(draws, rows, level)

    @stamped
    def pooled(self, level: float = 0.95) -> pd.DataFrame:
        """The mean over outcomes of each pooled change, and 'heterogeneity', the SD of the outcomes about it.

        In SDs of the outcome, positive where it is a benefit. Raises EngineError where nothing was pooled.
        """
        check_level(level)
        if self.pooled_draws is None or self.pooled_changes is None:
            raise EngineError("Nothing was pooled; fit pool='time course'.")
        keys = self.pooled_changes.keys
        last = ("heterogeneity", *[""] * (keys.nlevels - 1))
        rows = keys.astype(object).append(
            pd.MultiIndex.from_tuples([last], names=keys.names)
            if keys.nlevels > 1
            else pd.Index([last[0]], name=keys.name, dtype=object)
        )
        return self._table(self.pooled_draws, rows, level)

    @stamped
    def probability(
        self, at_least: int | None = None, margin: Mapping[str, float] | None = None, **options: Any
    ) -> pd.DataFrame:
        """The probability that at least so many outcomes (None: all) improve, at each of the contrasts.

        From joint draws: the outcomes' correlation counts. margin : by outcome, signed and as in `contrasts`, how far a
        change must go to be an improvement (without one: beyond zero). options : those of `Fit.hypothesis`; None: the
        default contrasts.

        Columns: n_outcomes, those that have this contrast; at_least; probability, with its mcse; mean_improved, the
        expected number. Rows with fewer outcomes than asked for have no probability. Raises SpecError where an
        outcome's direction is unknown.
        """
        margin = {} if margin is None else margin
        if not isinstance(margin, Mapping):
            raise SpecError(f"margin is {{'outcome': value}}, each in its outcome's unit; got {margin!r}.")
        self._check_outcomes(margin, "margin")
        improved: dict[Any, list[np.ndarray]] = {}
        for name, fit in self.items():
            scale = SCALES[chosen_effect(fit.design.family, None)]
            distance = scale.distance(margin.get(name), "margin") or 0.0
            sign = self.signs.get(name)
            if sign is None:
                raise SpecError(
                    f"Is a higher {name!r} better or worse? Say it: fit_joint(..., directions={{{name!r}: 'lower'}}), "
                    "or ModelSpec(margin=...), whose sign tells."
                )
            if distance * sign < 0:
                raise SpecError(f"margin={margin[name]!r} of {name!r} is not in the direction of benefit.")
            hypothesis = fit.hypothesis(**options)
            names = list(hypothesis.rows.names)
            changes = self.estimate.draws[..., self.design.columns[name]] @ hypothesis.L.T
            for i, key in enumerate(hypothesis.rows):
                improved.setdefault(key, []).append(sign * changes[..., i] > sign * distance)
        most = max(map(len, improved.values()))
        wanted = most if at_least is None else at_least
        if not isinstance(wanted, int) or isinstance(wanted, bool) or not 1 <= wanted <= most:
            raise SpecError(f"at_least is a number of outcomes from 1 to {most}; got {at_least!r}.")
        counts = np.stack([np.sum(found, axis=0) for found in improved.values()], axis=-1)
        n = np.array([len(found) for found in improved.values()])
        enough = counts >= wanted
        checks = self.estimate.convergence(enough.astype(float))
        keys = list(improved)
        rows = (
            pd.MultiIndex.from_tuples(keys, names=names) if len(names) > 1 else pd.Index(keys, name=names[0])
        )
        table = pd.DataFrame(
            {
                "n_outcomes": n,
                "at_least": wanted,
                "probability": enough.mean(axis=(0, 1)),
                "mcse": np.nan_to_num(checks["mcse"]),
                "mean_improved": counts.mean(axis=(0, 1)),
            },
            index=rows,
        )
        table.loc[n < wanted, ["probability", "mcse"]] = np.nan
        return table

    def pymc_model(self) -> Any:
        """The posterior of all outcomes as a pm.Model: what `Bayesian(sampler="nuts")` samples.

        Its variables are standard deviations, correlations and, of pooled changes, `heterogeneity`; coefficients,
        random effects and mean changes are integrated out in the potential "log likelihood". See `Fit.pymc_model`.
        """
        return joint_model(self.design, self.pooled_changes)

    @stamped
    def checks(self) -> pd.DataFrame:
        """Whether the draws can be relied on, over the quantities of all outcomes; see `Fit.checks`."""
        return check_table(self.outcome.checks)

    def summary(self, level: float = 0.95) -> str:
        """The joint fit as text, at most 100 columns wide; print it."""
        check_level(level)
        return self._overview(level).text()

    def _overview(self, level: float = 0.95) -> Overview:
        """The models, each outcome's contrasts where all have some, what is pooled, coefficients, covariance."""
        facts = [
            *(f"{name}: {fit.spec.formula}" for name, fit in self.items()),
            f"engine: {self.engine!r}",
            f"{self.n_obs} observations of {self.n_subjects} subjects; subject effects "
            f"{'correlated' if self.design.correlated else 'independent'} between outcomes",
        ]
        tables = []
        with suppress(MsclongError):  # of models without visits or arms there are none
            tables.append(summary_table(self.contrasts(level=level), "Contrasts, each in its outcome's unit"))
        if self.pooled_draws is not None:
            caption = "Pooled changes, in SDs of the outcome; positive is a benefit"
            tables.append(summary_table(self.pooled(level), caption))
        coefficients = self.coefficients(level)
        caption = f"Fixed effects ({coefficients.attrs['interval']} intervals)"
        tables.append(summary_table(coefficients, caption))
        if self.design.correlated:
            caption = "Correlations of subject effects between outcomes"
            tables.append(summary_table(self.correlations(level), caption, own_unit=False))
        parameters = self._each(lambda name, fit: fit.covariance.parameters)
        tables.append(summary_table(parameters, "Covariance parameters", own_unit=True))
        title = f"Joint model of {len(self)} outcomes"
        return fit_overview(title, facts, tables, self.outcome, self.synthetic)

    def _table(self, draws: np.ndarray, rows: pd.Index, level: float) -> pd.DataFrame:
        marginals = SampledMarginals(draws, self.estimate.convergence)
        return posterior_table(marginals, rows, np.zeros(len(rows)), level).drop(columns="prob_beyond_margin")

    def _each(self, table: Callable[[str, Fit], pd.DataFrame]) -> pd.DataFrame:
        tables = {name: table(name, fit) for name, fit in self.items()}
        names = {tuple(found.index.names) for found in tables.values()}
        if len(names) > 1:
            raise HypothesisError(
                f"The rows of the outcomes are named differently ({listing(map(str, sorted(names)))}); ask each by "
                f"itself, such as joint[{next(iter(self))!r}].contrasts()."
            )
        together = pd.concat(tables, names=["outcome"])
        first = next(iter(tables.values())).attrs
        together.attrs = {
            key: first[key]
            if all(found.attrs.get(key) == first[key] for found in tables.values())
            else "by outcome"
            for key in first
        }
        return together

    def _check_outcomes(self, given: object, what: str) -> None:
        if isinstance(given, Mapping) and (unknown := [name for name in given if name not in self.fits]):
            raise SpecError(
                f"{what} names {listing(map(repr, unknown))}; the outcomes are {listing(self.fits)}."
            )
