"""Simulation-based calibration of every covariance structure and family: is the truth anywhere in its posterior?

Parameters are drawn from the priors, outcomes from the parameters, and the posterior is computed; over many trials the
rank of each true value among posterior draws is uniform if prior, likelihood and sampler are those of one model (Talts
et al. 2018, arXiv:1804.06788). The log-likelihood is ranked too: it tells a posterior that forgets the data, which
parameters alone do not (Modrak et al. 2023, Bayesian Analysis).

`PYTHONPATH=tests python -m calibration.simulation_based [NAME ...]` runs all models, or those named, and stores what it
finds in tests/calibration/simulation_based.json, from which it continues. Delete that file to begin anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from calibration.ecdf import binned, uniformity_p_value
from calibration.joint_trials import JointModel
from calibration.sbc_models import MODELS
from calibration.simulated_trials import LOG_LIKELIHOOD, Model, replicate

STORED = Path(__file__).with_suffix(".json")
ROUND = 50
"""Replicates of a model that are run and stored at a time."""


def calibrate(model: Model | JointModel, replicates: int, first: int = 0) -> dict[str, Any]:
    """Counts of ranks by quantity, and how the fits went, of replicates `first`, ..., `first + replicates - 1`.

    Fits whose k-hat is above 0.7 ("unreliable"), or where no mode was found ("refused"), are left out of the ranks;
    'auto' gives both to NUTS. Which fits they are depends on the outcomes alone, not on the truth: the ranks of the
    others are uniform all the same. "not converged": reliable ones that missed another criterion; they are ranked.
    """
    ranks: list[dict[str, float]] = []
    record = empty(model)
    for number in range(first, first + replicates):
        one = replicate(model, number)
        record["replicates"] += 1
        record["drawn again"] += one.drawn_again
        record["seconds"] += one.seconds
        if one.ranks is None:
            record["refused"].append(number)
        elif not one.reliable:
            record["unreliable"].append(number)
        else:
            record["not converged"] += not one.converged
            ranks.append(one.ranks)
    values = {name: np.array([one[name] for one in ranks]) for name in ranks[0]}
    seen: set[bytes] = set()
    for name, value in values.items():
        if (
            value.tobytes() not in seen
        ):  # a difference between means may be a coefficient, an SD is a variance's root
            seen.add(value.tobytes())
            record["counts"][name] = binned(value).tolist()
    return record


def empty(model: Model | JointModel) -> dict[str, Any]:
    start = {
        "replicates": 0,
        "unreliable": [],
        "refused": [],
        "not converged": 0,
        "drawn again": 0,
        "seconds": 0.0,
    }
    return {"formula": model.formula, "family": model.family, **start, "counts": {}}


def added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The record of both runs."""
    total = {name: value + other[name] for name, value in one.items() if not isinstance(value, (str, dict))}
    counts = {
        name: np.add(count, one["counts"].get(name, 0)).tolist() for name, count in other["counts"].items()
    }
    return {**other, **total, "counts": counts}


def p_values(record: dict[str, Any]) -> dict[str, float]:
    """Of uniform ranks, by quantity."""
    return {name: uniformity_p_value(np.array(counts)) for name, counts in record["counts"].items()}


def told(name: str, record: dict[str, Any]) -> str:
    p = p_values(record)
    worst = min(p, key=p.__getitem__)
    return (
        f"{name}: {record['replicates']} replicates, {len(record['unreliable'])} unreliable, "
        f"{len(record['refused'])} refused, {record['not converged']} not converged, {record['drawn again']} drawn "
        f"again, {record['seconds'] / record['replicates']:.2f} s; {len(p)} quantities, least p {p[worst]:.2g} "
        f"({worst}), log-likelihood {p.get(LOG_LIKELIHOOD, np.nan):.2g}"
    )


def stored() -> dict[str, dict[str, Any]]:
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}


def store(records: dict[str, dict[str, Any]]) -> None:
    lines = [
        f"{json.dumps(name)}: {json.dumps(record, separators=(',', ':'))}" for name, record in records.items()
    ]
    STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main(names: list[str]) -> None:
    """Continue what is stored until every model has its replicates, ROUND by ROUND of each."""
    chosen = [model for model in MODELS if not names or model.name in names]
    for target in range(ROUND, max(model.replicates for model in chosen) + 1, ROUND):
        for model in chosen:
            records = stored()
            record = records.get(model.name, empty(model))
            if record["replicates"] >= min(target, model.replicates):
                continue
            found = added(record, calibrate(model, ROUND, record["replicates"]))
            records = {**stored(), model.name: {**found, "seconds": round(found["seconds"], 2)}}
            store({one.name: records[one.name] for one in MODELS if one.name in records})
            print(told(model.name, records[model.name]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
