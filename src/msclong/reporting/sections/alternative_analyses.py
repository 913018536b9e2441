"""The contrasts by other analyses: other errors, likelihood or covariance, or complete participants alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from msclong.covariance.registry import structure_class
from msclong.data.long_data import LongData
from msclong.design.design import Design, build_design
from msclong.engines.frequentist.engine import OWN_ERRORS, Frequentist
from msclong.errors import MsclongError, MsclongWarning
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.cautions import structure_name
from msclong.results.fit import Fit
from msclong.spec.formula import parse_formula

OTHER_STRUCTURES = ("us", "toeph", "ar1h", "csh")
"""What a covariance between visits is replaced by: the first that it is not."""


def alternatives(given: Analysis, fit: Fit) -> Iterator[tuple[str, pd.DataFrame]]:
    """Names of other analyses, with their contrasts; those that have no estimate are left out.

    Each changes one thing of the fit's own, a frequentist one, and no more than its degrees of freedom beside, where
    the fit's are not to be had with it: the name says so.
    """
    design, engine = fit.design, fit.engine
    if not isinstance(engine, Frequentist):
        raise TypeError("other analyses are those of a frequentist fit")
    seen = np.bincount(design.subject)[design.subject] == len(given.times)
    ddf: Any = "satterthwaite" if engine.ddf in OWN_ERRORS else engine.ddf
    so = "" if ddf == engine.ddf else " (Satterthwaite df)"
    attempts: list[tuple[str, Callable[[], Fit]]] = []
    if engine.vcov != "CR2":
        robust = replace(engine, ddf=ddf, vcov="CR2")
        attempts.append((f"Cluster-robust standard errors, CR2{so}", lambda: robust.fit(design)))
    other = replace(engine, method="reml") if engine.method == "ml" else replace(engine, method="ml", ddf=ddf)
    swap = (
        "REML in place of maximum likelihood"
        if engine.method == "ml"
        else f"Maximum likelihood in place of REML{so}"
    )
    attempts.append((swap, lambda: other.fit(design)))
    if (structures := _other_structure(design)) is not None:
        used, structure = structures
        spec = design.spec.replace(
            formula=str(parse_formula(design.spec.formula).with_structure(structure)), fallback=()
        )
        name = f"{structure_name(structure)} covariance in place of {structure_name(used)}"
        name = name[:1].upper() + name[1:]
        attempts.append((name, lambda: engine.fit(build_design(spec, design.data))))
    if not seen.all():
        name = "Participants seen at every visit alone"
        attempts.append((name, lambda: engine.fit(_of_rows(design, seen))))
    for name, attempt in attempts:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", MsclongWarning)
                table = attempt().contrasts(at=given.at, level=LEVEL)
        except (MsclongError, np.linalg.LinAlgError):
            continue
        yield name, table


def _of_rows(design: Design, kept: np.ndarray) -> Design:
    """The same model of the subjects of some of the observed rows; levels that nobody has any more leave it."""
    data = design.data
    whose = design.fixed.frame.loc[kept, data.subject].unique()
    rows = data.frame[data.frame[data.subject].isin(whose)]
    part = LongData(
        rows, subject=data.subject, outcome=data.outcome, visit=data.visit, time=data.time, arm=data.arm,
        baseline=data.baseline, visit_order=data.visits,
    )  # fmt: skip
    return build_design(design.spec, part)


def _other_structure(design: Design) -> tuple[str, str] | None:
    """A covariance between visits and the first of OTHER_STRUCTURES that it is not; None of another kind."""
    term = design.spec.parsed.structure
    if term is None or structure_class(term.structure).reads != "visit":
        return None
    return term.structure, next(name for name in OTHER_STRUCTURES if name != term.structure)
