"""Fits of lme4, mmrm and nlme in tests/reference beside msclong's: likelihoods, coefficients, errors, df, means.

Models, names and fits are those of tests/parity, so that the page Validation and the tests show the same figures.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import msclong as ml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from parity import test_composed, test_inference_against_mmrm  # noqa: E402
from parity.r_models import CASES, INFERENCE, our_fit, our_names, r_inference, r_model  # noqa: E402
from parity.reference import frame, load  # noqa: E402

COEFFICIENT, MODEL_SE = "coefficient", "standard error, model-based"
KINDS = {"satterthwaite": "Satterthwaite", "kenward-roger": "Kenward-Roger"}


class Figure(NamedTuple):
    """One figure: whose, of what, and both values. row : the coefficient, term, mean or contrast."""

    program: str
    data: str
    model: str
    quantity: str
    row: str
    reference: float
    msclong: float


def each(
    head: tuple[str, str, str], quantity: str, rows: Iterable[Any], theirs: Any, ours: Any
) -> Iterator[Figure]:
    """A record for each row whose reference is a finite number."""
    for row, reference, value in zip(rows, theirs, ours, strict=True):
        if isinstance(reference, (int, float)) and np.isfinite(reference):
            name = ", ".join(map(str, row)) if isinstance(row, tuple) else str(row)
            yield Figure(*head, quantity, name, float(reference), float(value))


def fits_of_r() -> Iterator[Figure]:
    """Models of lme4 and mmrm: likelihood, coefficients, both df methods, F tests of terms, LS means."""
    for case in CASES:
        model = r_model(case)
        data, name = case
        of_mmrm = model["engine"] == "mmrm"
        fitter = "mmrm" if of_mmrm else "lme4"
        method = f", {model['method']}"
        yield Figure(fitter, data, name, "log-likelihood" + method, "", model["logLik"], our_fit(case).loglik)
        for ddf, kind in KINDS.items():
            theirs = r_inference(case, ddf)
            if theirs is None:
                continue
            program = "mmrm" if of_mmrm else {"Satterthwaite": "lmerTest", "Kenward-Roger": "pbkrtest"}[kind]
            fit = our_fit(case, ddf)
            names = our_names(case, model["coef_names"])
            ours = fit.coefficients().loc[names]
            if kind == "Satterthwaite":
                yield from each(
                    (fitter, data, name), COEFFICIENT, names, theirs["estimate"], ours["estimate"]
                )
                yield from each((fitter, data, name), MODEL_SE, names, theirs["se"], ours["se"])
            else:
                yield from each((program, data, name), f"{kind} SE", names, theirs["se"], ours["se"])
            yield from each((program, data, name), f"{kind} df", names, theirs["df"], ours["df"])
            yield from _term_tests_of(case, ddf, (program, data, name), kind)
            yield from _means_of(case, ddf, (program if of_mmrm else "emmeans", data, name), kind)


def _term_tests_of(case: Any, ddf: str, head: tuple[str, str, str], kind: str) -> Iterator[Figure]:
    model, fit = r_model(case), our_fit(case, ddf)
    for term, theirs in model["term_tests"].get(INFERENCE[ddf][model["engine"]], {}).items():
        numbers = {key.lower().replace(" ", "_"): value for key, value in theirs.items()}
        ours = fit.test(term.replace("bdi.pre", "bdi_pre")).iloc[0]
        statistic = numbers.get("f_stat", numbers.get("f_value"))
        yield from each(head, f"{kind} F", [term], [statistic], [ours["statistic"]])
        df = numbers.get("denom_df", numbers.get("dendf"))
        yield from each(head, f"{kind} F, denominator df", [term], [df], [ours["den_df"]])


def _means_of(case: Any, ddf: str, head: tuple[str, str, str], kind: str) -> Iterator[Figure]:
    model = r_model(case)
    theirs = model.get("emmeans", {}).get("tables", {}).get(INFERENCE[ddf][model["engine"]])
    if theirs is None:
        return
    by = re.findall(r"\w+", model["emmeans"]["specs"])
    numeric = {name: sorted(set(theirs[name])) for name in by if not isinstance(theirs[name][0], str)}
    keys = list(zip(*(theirs[name] for name in by), strict=True)) if len(by) > 1 else theirs[by[0]]
    ours = our_fit(case, ddf).means(by=by, at=numeric).loc[keys]
    for quantity, column, key in (
        ("LS mean", "estimate", "emmean"),
        ("LS mean, SE", "se", "SE"),
        ("LS mean, df", "df", "df"),
    ):
        yield from each(head, f"{kind}: {quantity}", keys, theirs[key], ours[column])


def inference_of_mmrm() -> Iterator[Figure]:
    """Sandwich covariances and the other df methods of mmrm."""
    names = {"CR0": "sandwich CR0", "CR2": "sandwich CR2", "CR3": "sandwich CR3"}
    for case, method in test_inference_against_mmrm.BOTH:
        ddf, vcov = test_inference_against_mmrm.METHODS[method]
        if method == "satterthwaite_asymptotic":  # among the fits above
            continue
        model = r_model(case)
        theirs = model["inference"][method]
        ours = (
            test_inference_against_mmrm.our_fit(case, method)
            .coefficients()
            .loc[our_names(case, model["coef_names"])]
        )
        head = ("mmrm", case[0], case[1])
        if vcov in names:
            yield from each(head, f"{names[vcov]} SE", ours.index, theirs["se"], ours["se"])
        label = f"Bell-McCaffrey df, {vcov}" if ddf == "satterthwaite" and vcov != "model" else f"{ddf} df"
        yield from each(head, label, ours.index, theirs["df"], ours["df"])


def covariance_by_arm() -> Iterator[Figure]:
    """mmrm's unstructured covariance for each arm."""
    name, data = "mmrm_us_by_treatment_reml", "btheb"
    theirs = load(data)["fits"][name]
    for ddf, kind in KINDS.items():
        fit = ml.fit(theirs["formula"].replace("bdi.pre", "bdi_pre"), frame(data), ml.Frequentist(ddf=ddf))
        names = our_names((data, name), theirs["coef_names"])
        ours, inference = fit.coefficients().loc[names], theirs["inference"][INFERENCE[ddf]["mmrm"]]
        head = ("mmrm", data, name)
        if kind == "Satterthwaite":
            yield Figure(*head, "log-likelihood, REML", "", theirs["logLik"], fit.loglik)
            yield from each(head, COEFFICIENT, names, inference["estimate"], ours["estimate"])
        yield from each(
            head, MODEL_SE if kind == "Satterthwaite" else f"{kind} SE", names, inference["se"], ours["se"]
        )
        yield from each(head, f"{kind} df", names, inference["df"], ours["df"])


def nested_and_crossed() -> Iterator[Figure]:
    """Nested and crossed groupings of lme4, a variance of zero among them."""
    for data, name in test_composed.NESTED:
        theirs = load(data)["fits"][name]
        engines = _engines(theirs["method"].lower())
        for ddf, inference in theirs["inference"].items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ml.errors.ConvergenceWarning)
                fit = ml.fit(theirs["formula"], frame(data), engine=engines[ddf])
            ours = fit.coefficients()
            if ddf == "asymptotic":
                head = ("lme4", data, name)
                yield Figure(*head, f"log-likelihood, {theirs['method']}", "", theirs["logLik"], fit.loglik)
                yield from each(head, COEFFICIENT, ours.index, inference["estimate"], ours["estimate"])
                yield from each(head, MODEL_SE, ours.index, inference["se"], ours["se"])
                continue
            program, kind = {
                "satterthwaite": ("lmerTest", "Satterthwaite"),
                "kenward_roger": ("pbkrtest", "Kenward-Roger"),
            }[ddf]
            head = (program, data, name)
            if kind == "Kenward-Roger":
                yield from each(head, f"{kind} SE", ours.index, inference["se"], ours["se"])
            yield from each(head, f"{kind} df", ours.index, inference["df"], ours["df"])


def _engines(method: str) -> dict[str, ml.Frequentist]:
    return {
        "asymptotic": ml.Frequentist(method=method, ddf="asymptotic"),
        "satterthwaite": ml.Frequentist(method=method, ddf="satterthwaite"),
        "kenward_roger": ml.Frequentist(information="expected"),
    }


def sums_and_weights() -> Iterator[Figure]:
    """Sums of covariance terms, groups and weights, by nlme and lme4 on orthodont."""
    names = {"(Intercept)": "Intercept", "SexFemale": "Sex[T.Female]", "age:SexFemale": "age:Sex[T.Female]"}
    for name, theirs in test_composed.COMPOSED["fits"].items():
        weights = "weight" if name in test_composed.COMPOSED["source"]["weighted"] else None
        spec = ml.ModelSpec(f"distance ~ age * Sex + {theirs['formula']}", weights=weights)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ml.errors.ConvergenceWarning)
            fit = ml.fit(spec, test_composed.composed_table(), engine=ml.Frequentist(ddf="asymptotic"))
        ours = fit.coefficients().loc[[names.get(n, n) for n in theirs["coef_names"]]]
        head = (theirs["program"].split("::")[0], "orthodont", theirs["formula"])
        yield Figure(*head, "log-likelihood, REML", "", theirs["logLik"], fit.loglik)
        yield from each(head, COEFFICIENT, ours.index, theirs["beta"], ours["estimate"])
        yield from each(head, MODEL_SE, ours.index, theirs["se"], ours["se"])
