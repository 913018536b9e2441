"""Influence of each subject: the model fitted again without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from msclong.covariance.identification import undetermined
from msclong.data.marks import synthetic
from msclong.design.coordinates import keys
from msclong.design.cross_moments import cross_moments
from msclong.design.crossed_moments import AnyMoments, CrossedMoments
from msclong.design.degeneracy import refuse_degenerate_unstructured
from msclong.design.design import Design
from msclong.design.fixed_effects import ALIAS_TOLERANCE
from msclong.design.grouped_effects import grouped_effects
from msclong.design.leave_one_out import leave_one_out
from msclong.design.restricted import restricted
from msclong.design.unit_names import level_names, unit_names
from msclong.diagnostics.deletions import refuse_least_squares
from msclong.engines.frequentist.arguments import check_fit
from msclong.engines.frequentist.crossed import climb_for
from msclong.engines.frequentist.engine import Frequentist
from msclong.engines.frequentist.maximum_likelihood import MaximumLikelihood, maximum_likelihood
from msclong.engines.frequentist.optimize import Optimum, maximise
from msclong.errors import DesignError, EngineError, MsclongError, SpecError, listing
from msclong.likelihood.gls import GeneralisedLeastSquares, generalised_least_squares
from msclong.likelihood.information import information
from msclong.printing.overview import Overview, Shown
from msclong.results.fit import Fit
from msclong.results.stamp import stamp
from msclong.results.summary import summary_table

FIGURES = ("cook_d", "mdffits", "covratio", "likelihood_distance")


@dataclass(frozen=True, eq=False, repr=False)
class Influence(Shown):
    """What each case (subject, site, ...) does to the fit; every case left out once, everything estimated again.

    All data give beta (p,) and its model-based covariance Phi = (X' V^-1 X)^-1; without case i they are beta_i, Phi_i.

    table : by case,
        n_obs : observations left out.
        cook_d, mdffits : (beta - beta_i)' Phi^-1 (beta - beta_i) / p, and the same with Phi_i.
        covratio : |Phi_i| / |Phi|, above 1 where the case adds precision.
        likelihood_distance : twice what the (restricted) log-likelihood of all data loses at case i's estimates.
        converged, note : whether there is a fit without the case; why not, or what was noticed.
    coefficients : beta_i, (cases, p). dfbetas : (beta - beta_i) / se(beta_i), (cases, p).
    theta : covariance parameters without the case, (cases, k).

    Names and definitions are those of SAS PROC MIXED's INFLUENCE option with ITER=.
    """

    table: pd.DataFrame
    coefficients: pd.DataFrame
    dfbetas: pd.DataFrame
    theta: pd.DataFrame

    def _overview(self) -> Overview:
        case = " and ".join(map(str, self.table.index.names))
        lost = int((~self.table["converged"]).sum())
        notes = [] if (self.table["note"] == "").all() else ["note"]
        ordered = self.table.sort_values("cook_d", ascending=False, kind="stable")[
            ["n_obs", *FIGURES, *notes]
        ]
        return Overview(
            title=f"Influence of each {case} on the fit",
            facts=(f"Without {lost} of {len(self.table)} there is no fit.",) if lost else (),
            tables=(summary_table(ordered, "Largest Cook\u2019s distance first"),),
            stamp=synthetic(self.table) or "",
        )


def influence(fit: Fit, by: str | None = None, cases: Iterable[object] | None = None) -> Influence:
    """Leave out each subject in turn and refit.

    Parameters
    ----------
    fit : of ml.Frequentist()
    by : column, optional
        Leave out the rows of each of its levels. None: each independent unit, that is each subject, or each
        site where random effects tie the subjects of a site together. Units are subtracted from the
        cross-moments, which is quick; other columns rebuild them.
    cases : names, optional
        Leave out these alone, such as those with the largest `deletions`; tables have their rows, in this order.

    A case without which the model has no estimate gets NaN and a note; the others are not touched by it.
    Raises EngineError for another engine's fit and for ddf='modified-box', DataError for an unknown column, SpecError
    for a single or an unknown case or for what is no fit.

    Examples
    --------
    >>> import msclong as ml
    >>> fit = ml.fit("Reaction ~ Days + (1 + Days | Subject)", ml.datasets.sleepstudy())
    >>> ml.influence(fit).table["cook_d"].nlargest(2).round(2)
    Subject
    309    0.15
    335    0.13
    Name: cook_d, dtype: float64
    """
    check_fit(fit)
    if not isinstance(fit.engine, Frequentist):
        raise EngineError(
            f"Influence refits by maximum likelihood; this fit is of {type(fit.engine).__name__}. Use ml.Frequentist()."
        )
    refuse_least_squares(fit)
    design, reml = fit.design, fit.engine.method == "reml"
    case, names = _cases(design, by)
    chosen = None if cases is None else _positions(cases, names)
    full = maximum_likelihood(design, reml)
    n, p, k = len(names), len(design.fixed.names), design.structure.n_parameters
    figures, beta, dfbetas, theta = (np.full((n, m), np.nan) for m in (len(FIGURES), p, p, k))
    notes = [""] * n
    for i, moments in _without(design, full, case, chosen):
        try:
            found = _refit(design, full, moments, case != i, reml)
        except (MsclongError, np.linalg.LinAlgError) as error:
            notes[i] = str(error)
            continue
        scale = full.standardised.scale
        figures[i] = _figures(full, found.gls, reml)
        beta[i] = full.standardised.coefficients(found.gls.beta)
        se = scale * np.linalg.norm(full.standardised.back @ found.gls.C, axis=1)
        dfbetas[i] = (full.standardised.coefficients(full.optimum.gls.beta) - beta[i]) / se
        theta[i] = design.structure.scale(full.there.theta @ found.gls.theta, scale)
        rms = np.sqrt(np.mean((design.coords[case != i] @ full.there.coords) ** 2, axis=0))
        if full.there.structure.is_singular(found.gls.theta, rms):
            notes[i] = "The covariance lies on its boundary."
    table = pd.DataFrame(figures, index=names, columns=list(FIGURES))
    table.insert(0, "n_obs", np.bincount(case))
    coefficients = pd.Index(design.fixed.names, name="coefficient")
    parameters = pd.Index(design.structure.parameter_names, name="parameter")
    rows = slice(None) if chosen is None else chosen
    return Influence(
        table=stamp(table.assign(converged=~np.isnan(beta[:, 0]), note=notes).iloc[rows], fit),
        coefficients=stamp(pd.DataFrame(beta, index=names, columns=coefficients).iloc[rows], fit),
        dfbetas=stamp(pd.DataFrame(dfbetas, index=names, columns=coefficients).iloc[rows], fit),
        theta=stamp(pd.DataFrame(theta, index=names, columns=parameters).iloc[rows], fit),
    )


def _cases(design: Design, by: str | None) -> tuple[np.ndarray, pd.Index]:
    """The case of each row (N,), and the cases' names."""
    if by is not None and not isinstance(by, str):
        raise SpecError(
            f"by is one column; got {by!r}. For cases by several columns, join these in a column of text."
        )
    if by is None:
        codes, names = design.unit, unit_names(design)
    else:
        codes, levels = pd.factorize(pd.Series(keys(design.fixed.frame, (by,))))
        names = pd.Index(level_names(levels), name=by)
    if len(names) < 2:
        raise SpecError(
            "All observations form one case, and nothing is left without it. Where crossed random effects tie them "
            "together, name what to leave out: influence(fit, by='subject')."
        )
    return codes, names


def _positions(cases: Iterable[object], names: pd.Index) -> np.ndarray:
    """Where in `names` each of some cases is; SpecError for one that is not there."""
    if isinstance(cases, str) or not isinstance(cases, Iterable):
        raise SpecError(f"cases is a list of them; got {cases!r}. Write cases=[{cases!r}].")
    wanted = list(cases)
    found = names.get_indexer(pd.Index(wanted, dtype=names.dtype if len(wanted) else None))
    if (found < 0).any():
        unknown = [case for case, place in zip(wanted, found, strict=True) if place < 0]
        raise SpecError(f"There is no case {listing(unknown)}; cases are {listing(names)}.")
    return found


def _without(
    design: Design, full: MaximumLikelihood, case: np.ndarray, chosen: np.ndarray | None
) -> Iterator[tuple[int, AnyMoments]]:
    """The standardised moments without each case, or without each of the chosen ones."""
    standardised = full.standardised
    W = np.column_stack(
        [
            design.fixed.X @ standardised.back,
            (design.y - design.fixed.X @ standardised.ols) / standardised.scale,
        ]
    )
    names = full.moments.names
    crossed = isinstance(full.moments, CrossedMoments)
    if chosen is None and np.array_equal(case, design.unit) and not crossed:
        for i, moments in leave_one_out(W, design.unit, design.pattern_coords, names):
            yield i, moments.with_coordinates(full.there.coords)
        return
    for i in range(case.max() + 1) if chosen is None else chosen.tolist():
        kept = case != i
        rest = restricted(design, kept)
        if crossed:
            coords = rest.coords @ full.there.coords
            effects = grouped_effects(full.there.structure, coords, rest.unit)
            assert effects is not None
            yield i, CrossedMoments(names, W[kept], full.there.structure, coords, effects)
            continue
        moments = cross_moments(W[kept], rest.unit, rest.pattern_coords, names)
        yield i, moments.with_coordinates(full.there.coords)


def _refit(
    design: Design,
    full: MaximumLikelihood,
    moments: AnyMoments,
    kept: np.ndarray,
    reml: bool,
) -> Optimum:
    """The optimum without a case, started at that of all data; raises a MsclongError where there is none."""
    p = moments.n_fixed
    # The columns of all rows are orthonormal here: what the case holds of a direction is its share of it.
    gone = design.fixed.X[~kept] @ full.standardised.back
    if 1 - np.linalg.norm(gone, ord=2) ** 2 < ALIAS_TOLERANCE or moments.n_obs <= p:
        raise DesignError(
            "Without it the other rows cannot estimate the fixed effects: it alone has some level."
        )
    refuse_degenerate_unstructured(restricted(design, kept))
    there, start = full.there, full.optimum
    at_start = generalised_least_squares(there.structure, start.gls.theta, moments)
    if at_start is not None:
        expected = information(there.structure, at_start, reml).expected
        if names := undetermined(expected, there.theta, design.structure.parameter_names):
            raise DesignError(f"Without it the other rows cannot tell {listing(names)} apart (or from zero).")
    return maximise(there.structure, moments, reml, start.w, climb_for(moments))


def _figures(full: MaximumLikelihood, without: GeneralisedLeastSquares, reml: bool) -> list[float]:
    """The columns FIGURES."""
    gls, p = full.optimum.gls, full.moments.n_fixed
    change = gls.beta - without.beta
    cook, mdffits = (float(np.sum(np.linalg.solve(C, change) ** 2)) / p for C in (gls.C, without.C))
    covratio = float(np.prod((np.diag(without.C) / np.diag(gls.C)) ** 2))
    there = generalised_least_squares(full.there.structure, without.theta, full.moments)
    if there is None:
        return [cook, mdffits, covratio, np.inf]
    distance = there.minus2(reml) - gls.minus2(reml)
    if not reml:  # the likelihood depends on beta too
        distance += float(np.sum(np.linalg.solve(there.C, there.beta - without.beta) ** 2))
    return [cook, mdffits, covratio, distance]
