"""R's models as msclong fits: which ones, and under which names."""

from __future__ import annotations

from functools import cache
from typing import Any

import msclong as ml
from msclong.covariance.registry import known_structures
from msclong.results.fit import Fit
from parity.reference import frame, load, patsy_name

DATA = ("sleepstudy", "orthodont", "bodyweight", "chickweight", "btheb")
INFERENCE = {
    "satterthwaite": {"lme4/lmerTest": "satterthwaite", "mmrm": "satterthwaite_asymptotic"},
    "kenward-roger": {"lme4/lmerTest": "kenward_roger", "mmrm": "kenward_roger_kenward_roger_linear"},
}


def is_ours(model: dict[str, Any]) -> bool:
    """Whether msclong has this model (grouped covariances and further structures come later)."""
    if model["engine"] == "mmrm":
        return model["cov_type"] in known_structures() and "/" not in model["formula"]
    return model["engine"] == "lme4/lmerTest"


CASES = [(data, name) for data in DATA for name, model in load(data)["fits"].items() if is_ours(model)]
REML_CASES = [case for case in CASES if load(case[0])["fits"][case[1]]["method"] == "REML"]


def r_model(case: tuple[str, str]) -> dict[str, Any]:
    return load(case[0])["fits"][case[1]]


@cache
def our_fit(case: tuple[str, str], ddf: str = "satterthwaite") -> Fit:
    """The same model by msclong; Kenward-Roger with the information that R's program uses."""
    model = r_model(case)
    formula = model["formula"].replace("bdi.pre", "bdi_pre")
    visit = "visit" if case[0] == "btheb" and model["engine"] != "mmrm" else None
    # pbkrtest takes the expected information, mmrm (as SAS) the observed.
    expected = ddf == "kenward-roger" and model["engine"] != "mmrm"
    engine = ml.Frequentist(
        method=model["method"].lower(), ddf=ddf, information="expected" if expected else "observed"
    )
    return ml.fit(ml.ModelSpec(formula, visit=visit), frame(case[0]), engine=engine)


def our_names(case: tuple[str, str], r_names: list[str]) -> list[str]:
    """R's coefficient names as ours; patsy may write an interaction in the other order."""
    factors = load(case[0])["data"]["factor_levels"]
    ours = {frozenset(name.split(":")): name for name in our_fit(case).estimate.names}
    return [ours[frozenset(patsy_name(name, factors).split(":"))] for name in r_names]


def r_inference(case: tuple[str, str], ddf: str) -> dict[str, Any] | None:
    model = r_model(case)
    return model["inference"].get(INFERENCE[ddf][model["engine"]])
