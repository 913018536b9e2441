"""How often 95 % intervals hold the truth in small trials, how wide they are, and how often improvement is claimed.

Truths are stated, not drawn from a prior: the frequentist properties of Bayesian answers, beside Kenward-Roger's on the
same trials. `PYTHONPATH=tests python -m calibration.operating_characteristics` stores them in
tests/calibration/operating_characteristics.json, from which it continues, and writes the table of docs/validation.md.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import msclong as ml
from calibration.docs_table import in_markdown, print_table

STORED = Path(__file__).with_suffix(".json")
ROUND = 50
"""Trials of a setting that are run and stored at a time."""

VISITS = (0, 1, 3, 6, 12)
CHANGE = np.array([0.0, 0.0, 0.0, -0.5, -0.8])
"""True changes from baseline, in units of the SD at baseline: none at two visits, moderate ones at two."""

SUBJECTS, MISSING = (11, 24), (0.0, 0.2)
CUTPOINTS = (-1.5, 0.0, 1.5)
FIGURES = ("coverage, no change", "coverage, change", "false claims", "true claims", "width / Kenward-Roger")
IMPORTANCE = ml.Bayesian(draws=500, sampler="importance")
STATED = ml.Priors(outcome_scale=1)

Answer = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Lower and upper limits of the four changes, and whether improvement (a fall) is claimed."""


@dataclass(frozen=True)
class Setting:
    """outcome : 'us', 'random intercept' or 'ordinal': how trials are drawn, and what is fitted. trials : how many."""

    outcome: str
    n: int
    missing: float
    trials: int

    @property
    def name(self) -> str:
        return f"{self.outcome}, {self.n} subjects, {self.missing:.0%} missing"


SETTINGS = (
    *(Setting(o, n, m, 1000) for o, n, m in product(("us", "random intercept"), SUBJECTS, MISSING)),
    *(Setting("lognormal", n, 0.2, 500) for n in SUBJECTS),
    *(Setting("ordinal", n, 0.2, 300) for n in SUBJECTS),
)


def trial(setting: Setting, number: int) -> pd.DataFrame:
    """One arm; visits after baseline are missing completely at random.

    us: SDs 1, 1.1, ..., 1.4, correlation 0.75 between neighbours. random intercept: variance 1, of which subjects
    have 0.6. lognormal: the exponential of half of that. ordinal: four grades of a logistic variable about a
    subject's effect (SD 1.5) and twice the change.
    """
    rng = np.random.default_rng([SETTINGS.index(setting), number])
    n, T = setting.n, len(VISITS)
    at = np.arange(T)
    if setting.outcome == "us":
        sd = 1 + 0.1 * at
        covariance = 0.75 ** np.abs(np.subtract.outer(at, at)) * np.outer(sd, sd)
        y = CHANGE + rng.normal(size=(n, T)) @ np.linalg.cholesky(covariance).T
    elif setting.outcome == "ordinal":
        latent = 2 * CHANGE + 1.5 * rng.normal(size=(n, 1)) + rng.logistic(size=(n, T))
        y = np.searchsorted(CUTPOINTS, latent).astype(float)
    else:
        y = CHANGE + np.sqrt(0.6) * rng.normal(size=(n, 1)) + np.sqrt(0.4) * rng.normal(size=(n, T))
        if setting.outcome == "lognormal":
            y = np.exp(y / 2)
    y[:, 1:][rng.random((n, T - 1)) < setting.missing] = np.nan
    return pd.DataFrame({"id": np.repeat(np.arange(n), T), "month": np.tile(VISITS, n), "y": y.ravel()})


def methods(setting: Setting) -> dict[str, tuple[ml.ModelSpec, Any]]:
    """What is fitted to each trial, and with which engine."""
    term = "us(month | id)" if setting.outcome == "us" else "(1 | id)"
    family = {"lognormal": "lognormal", "ordinal": "cumulative_logit"}.get(setting.outcome, "gaussian")
    spec = ml.ModelSpec(f"y ~ C(month) + {term}", visit="month", family=family)
    if setting.outcome == "ordinal":
        return {"default priors": (spec, IMPORTANCE)}
    stated = STATED if setting.outcome != "lognormal" else ml.Priors(outcome_scale=0.5)
    found = {
        "Kenward-Roger": (spec, ml.Frequentist()),
        "default priors, s stated": (spec.replace(priors=stated), IMPORTANCE),
        "default priors, s from the data": (spec, IMPORTANCE),
    }
    if setting.outcome == "us":
        for name in ("matching", "jeffreys"):
            found[f"covariance='{name}'"] = (spec.replace(priors=ml.Priors(covariance=name)), IMPORTANCE)
    return found


def answer(spec: ml.ModelSpec, engine: Any, frame: pd.DataFrame) -> Answer | None:
    """The contrasts against baseline, on the linear scale; None where there is no fit, or none that is reliable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ml.errors.MsclongWarning)
            fit = ml.fit(spec, frame, engine=engine)
            table = fit.contrasts(effect="link") if spec.family != "gaussian" else fit.contrasts()
    except ml.errors.MsclongError:
        return None
    if fit.outcome.diagnostics.get("Pareto k-hat", 0.0) > 0.7 or not np.isfinite(table["lower"]).all():
        return None
    if "p_value" in table:
        claimed = (table["p_value"] < 0.05) & (table["estimate"] < 0)
    else:
        claimed = table["prob_negative"] > 0.975
    return table["lower"].to_numpy(), table["upper"].to_numpy(), claimed.to_numpy()


def figures(found: Answer, kenward_roger: Answer | None, truth: np.ndarray) -> dict[str, float]:
    lower, upper, claimed = found
    covered = (lower < truth) & (truth < upper)
    none = truth == 0
    shares = (covered[none], covered[~none], claimed[none], claimed[~none])
    values = {name: float(share.mean()) for name, share in zip(FIGURES, shares, strict=False)}
    if kenward_roger is not None:
        values[FIGURES[4]] = float((upper - lower).sum() / (kenward_roger[1] - kenward_roger[0]).sum())
    return values


def simulate(setting: Setting, first: int, trials: int) -> dict[str, dict[str, list[float]]]:
    """For each method and figure: trials with an answer, their sum, their sum of squares."""
    size = {"lognormal": 0.5, "ordinal": 2.0}.get(setting.outcome, 1.0)
    truth = size * CHANGE[1:]
    sums = {name: {figure: np.zeros(3) for figure in FIGURES} for name in methods(setting)}
    for number in range(first, first + trials):
        frame = trial(setting, number)
        kenward_roger = None
        for name, (spec, engine) in methods(setting).items():
            if isinstance(engine, ml.Bayesian):
                engine = ml.Bayesian(draws=engine.draws, sampler=engine.sampler, seed=number)
            found = answer(spec, engine, frame)
            if found is None:
                continue
            if name == "Kenward-Roger":
                kenward_roger = found
            for figure, value in figures(found, kenward_roger, truth).items():
                sums[name][figure] += (1, value, value**2)
    return {name: {figure: one.tolist() for figure, one in each.items()} for name, each in sums.items()}


def summary(record: Mapping[str, Any]) -> pd.DataFrame:
    """Mean and Monte Carlo standard error of each figure, by method; `answered`: the share of trials with an answer."""
    rows = {}
    for name, each in record["sums"].items():
        rows[name] = {"answered": each[FIGURES[0]][0] / record["trials"]}
        for figure, (n, total, squares) in each.items():
            mean = total / n if n else np.nan
            error = np.sqrt(max(squares / n - mean**2, 0) / n) if n else np.nan
            rows[name] |= {figure: mean, f"error of {figure}": error}
    return pd.DataFrame(rows).T


def table(records: Mapping[str, Any]) -> str:
    """A row for each setting and method, in Markdown; in brackets Monte Carlo standard errors."""
    rows = [["trial", "method", "answered, %", *(f"{name}, %" for name in FIGURES[:4]), FIGURES[4]]]
    for name, record in records.items():
        for i, (method, row) in enumerate(summary(record).iterrows()):
            shares = [f"{100 * row[f]:.1f} ({100 * row[f'error of {f}']:.1f})" for f in FIGURES[:4]]
            width = f"{row[FIGURES[4]]:.2f}" if np.isfinite(row[FIGURES[4]]) else ""
            trial_name = f"{name}; {record['trials']} trials" if i == 0 else ""
            rows.append([trial_name, str(method), f"{100 * row['answered']:.1f}", *shares, width])
    return in_markdown(rows)


def stored() -> dict[str, Any]:
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}


def main() -> None:
    """Continue what is stored until every setting has its trials, ROUND by ROUND of each."""
    for target in range(ROUND, max(s.trials for s in SETTINGS) + 1, ROUND):
        for setting in SETTINGS:
            records = stored()
            record = records.get(setting.name, {"trials": 0, "sums": {}})
            if record["trials"] >= min(target, setting.trials):
                continue
            sums = simulate(setting, record["trials"], ROUND)
            for name, each in sums.items():
                before = record["sums"].get(name, {})
                sums[name] = {f: np.add(one, before.get(f, 0)).round(6).tolist() for f, one in each.items()}
            records[setting.name] = {"trials": record["trials"] + ROUND, "sums": sums}
            records = {one.name: records[one.name] for one in SETTINGS if one.name in records}
            STORED.write_text(json.dumps(records, indent=0) + "\n", encoding="utf-8")
            print(setting.name, records[setting.name]["trials"])
            print(summary(records[setting.name]).filter(regex="^(?!error)").round(3).to_string(), flush=True)


if __name__ == "__main__":
    main()
    print_table("operating characteristics", table(stored()))
