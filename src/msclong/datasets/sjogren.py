"""The founding study, patient by patient: synthetic, because only summaries were published."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from msclong.data.marks import SYNTHETIC
from msclong.datasets.sjogren_measures import GRADINGS, MEASURES, Grading, Measure
from msclong.errors import SpecError
from msclong.published.matched_sample import VisitTarget, matched_sample

MONTHS = (0, 0.5, 1, 3, 6, 12)
GRADED_AT = (0, 12)

MADE_FROM = (
    "Synthetic: generated to reproduce the published summary figures of Sun, Wang, Xu and Wang (ACR/ARHP Annual "
    "Meeting 2012, allogeneic mesenchymal stem cells in Sjögren's syndrome); no patient-level data are public."
)

ASSAY_LIMIT = 200
"""U/mL; a titre above it is recorded as it, and marked."""

END_OF_SCALE = 4
"""mm; a mark on the visual analogue scale this near to its end is read as the end."""

LOADING = 0.6
"""Correlation of a patient's standing in each outcome with the severity that all outcomes share."""

Values = NDArray[np.float64]


def sjogren_msct(seed: int | np.integer = 1) -> pd.DataFrame:
    """Mesenchymal stem cells in 24 patients with primary Sjögren's syndrome: synthetic, from the published figures.

    One arm, infused with umbilical-cord cells, over 12 months. Only an abstract was published. Each seed gives other
    patients, and all of them have every mean, SD and n that it prints, to the digits printed, and make every printed
    p-value a true statement about a two-sided paired t-test against baseline. The antibodies' P < 0.001 with n = 5
    holds for that test alone: no exact test of ranks or signs can give less than 0.0625.

    24 patients x 6 months: 144 rows. An outcome is missing at months for which it was not scheduled, and in patients
    other than the 11 or 5 in whom it was measured: `table.dropna(subset=["ssdai"])` has the rows of one outcome.

    Columns
    -------
    patient : str
        "P01" to "P24".
    month : float
        Months after the first infusion: 0, 0.5, 1, 3, 6, 12.
    age, sex : int, categorical
        27 to 68 years, mean 45; 23 "female", 1 "male".
    ssdai : float
        Sjögren's syndrome disease activity index, whole points 0 to 21, lower is better. Months 0, 1, 3, 6, 12.
    vas : float
        Global assessment on a visual analogue scale, mm of 100, lower is better; 0 occurs. Months 0, 1, 3, 6, 12.
    unstimulated_flow, stimulated_flow : float
        Salivary flow, mL per 10 min, above 0, skewed, higher is better. All months, 11 patients.
    tess : float
        Modified treatment emergent symptom scale, whole points from 0, lower is better. All months.
    anti_ssa, anti_ssb : float
        Serum titres, U/mL, lower is better. Months 0 and 1, 5 patients.
    anti_ssa_limit, anti_ssb_limit : categorical
        "right" where the titre is above the assay's limit, which then stands in its place, else "none".
    th17, treg : float
        Percent of CD4+ cells; fewer Th17, more regulatory T cells are better. Months 0 and 1.
    tgf_beta, il_17 : float
        Serum concentrations, ng/mL and pg/mL; more TGF-β, less IL-17 is better. Months 0 and 1.
    sialectasia, duct_dilation : ordered categorical
        Parotid sialography: "none" < "mild" < "moderate" < "severe". Months 0 and 12.
    excretory_function : ordered categorical
        Parotid sialography: "absent" < "poor" < "reduced" < "normal". Months 0 and 12.
    adverse_event : int
        0 throughout.

    The table's `attrs`: `synthetic`, `source`, `seed`, `call`; `published`, the figures that were printed; `outcomes`,
    the label, unit, kind, better, months and n of each; `assumptions`, a sentence for each thing that was not printed.

    Raises SpecError for a seed that is no whole number from 0.

    Source: Sun L, Wang D, Xu J, Wang S, Allogenic mesenchymal stem cells transplantation alleviates clinical Sjogren's
    syndrome, ACR/ARHP Annual Meeting 2012, abstract.

    Examples
    --------
    >>> import msclong as ml
    >>> trial = ml.datasets.sjogren_msct(seed=1)
    >>> trial.query("month == 12")["ssdai"].agg(["mean", "std"]).round(2).tolist()  # as printed
    [3.08, 1.21]
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise SpecError(f"seed must be a whole number from 0; got {seed!r}.")
    seed = int(seed)
    rng = np.random.default_rng(seed)
    text = (files("msclong.datasets") / "files" / "sjogren_msct.json").read_text(encoding="utf-8")
    published: dict[str, Any] = json.loads(text)
    design = published["design"]
    patients = [f"P{i:02d}" for i in range(1, design["n_patients"] + 1)]
    severity = rng.normal(size=len(patients))
    with_flow = np.sort(rng.choice(len(patients), 11, replace=False))
    groups = {24: np.arange(24), 11: with_flow, 5: np.sort(rng.choice(with_flow, 5, replace=False))}

    grid = pd.MultiIndex.from_product([patients, map(float, MONTHS)], names=["patient", "month"])
    table = pd.DataFrame(index=grid)
    table["age"] = np.repeat(_ages(design["age_years"], len(patients), rng), len(MONTHS))
    sex = np.where(np.arange(len(patients)) == rng.integers(len(patients)), "male", "female")
    table["sex"] = pd.Categorical(np.repeat(sex, len(MONTHS)))
    months: dict[str, list[float]] = {}
    for name, measure in MEASURES.items():
        targets = measure.targets(published["outcomes"][name])
        sample, above = _sample(measure, targets, rng)
        who = groups[measure.n]
        worse = -1 if measure.better == "higher" else 1
        order = _standing(worse * sample.mean(axis=1), severity[who], rng)
        months[name] = [float(target.visit) for target in targets]
        table[name] = _placed(sample[order], who, months[name])
        if measure.kind == "titre":
            limit = _placed(above[order].astype(float), who, months[name])
            table[f"{name}_limit"] = pd.Categorical(np.where(limit == 1, "right", "none"), ["none", "right"])
    for name, grading in GRADINGS.items():
        codes = _placed(_graded(grading, severity, rng), groups[24], GRADED_AT)
        table[name] = pd.Categorical.from_codes(
            np.nan_to_num(codes, nan=-1).astype(int), pd.Index(grading.grades), ordered=True
        )
    table["adverse_event"] = published["safety"]["adverse_events"]
    table = table.reset_index()
    table.attrs = {
        SYNTHETIC: MADE_FROM,
        "source": published["source"],
        "seed": seed,
        "call": f"ml.datasets.sjogren_msct(seed={seed})",
        "published": published,
        "outcomes": _outcomes(months),
        "assumptions": _assumptions(),
    }
    return table


def _sample(measure: Measure, targets: list[VisitTarget], rng: np.random.Generator) -> tuple[Values, Any]:
    """Values, a row per patient, and which titres lie above the assay's limit."""
    while True:
        sample = matched_sample(targets, measure.n, rng, measure.correlation, measure.bounds, measure.step)
        above = np.zeros(sample.shape, bool)
        if measure.kind == "bounded":
            sample[sample <= END_OF_SCALE] = 0
            if sample.all():
                continue
        if measure.kind != "titre":
            return sample, above
        above = sample > ASSAY_LIMIT
        sample = sample.clip(max=ASSAY_LIMIT)
        # The paper's test was of the titres as recorded.
        t = abs(stats.ttest_rel(sample[:, 1], sample[:, 0]).statistic)
        if 1 <= above[:, 0].sum() <= 2 and not above[:, 1].any() and t >= targets[1].t[0]:
            return sample, above


def _standing(worst: Values, severity: Values, rng: np.random.Generator) -> NDArray[np.intp]:
    """Which row of a sample each patient gets, so that who is ill in one outcome tends to be so in the others."""
    blurred = LOADING * severity + np.sqrt(1 - LOADING**2) * rng.normal(size=len(severity))
    return np.argsort(worst)[np.argsort(np.argsort(blurred))]


def _placed(sample: Values, who: NDArray[np.intp], months: list[float] | tuple[float, ...]) -> Values:
    """A column of the table: the sample at its patients and months, NaN elsewhere."""
    column = np.full((24, len(MONTHS)), np.nan)
    column[np.ix_(who, [MONTHS.index(month) for month in months])] = sample
    return column.ravel()


def _graded(grading: Grading, severity: Values, rng: np.random.Generator) -> Values:
    """Grades 0, 1, ... at baseline and at 12 months: better on the whole, worse in a few."""
    sign = 1 if grading.better == "lower" else -1
    top = len(grading.grades) - 1
    while True:
        standing = LOADING * severity + np.sqrt(1 - LOADING**2) * rng.normal(size=len(severity))
        latent = standing[:, None] * 1.2 + rng.normal(size=(len(severity), 2)) * 0.8 + [0.5, -0.6]
        grades = np.digitize(latent, [-1.2, 0, 1.2])
        change = np.sign(grades[:, 1] - grades[:, 0])
        worse, better = (change > 0).sum(), (change < 0).sum()
        if 2 <= worse <= 4 and better >= worse + 6 and len(np.unique(grades)) == top + 1:
            return np.asarray(grades if sign > 0 else top - grades, float)


def _ages(printed: dict[str, int], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Whole years with the printed extremes and a mean that rounds to the printed one."""
    low, high, mean = printed["min"], printed["max"], printed["mean"]
    while True:
        ages = np.append(rng.normal(mean, 10, size=n - 2).round().clip(low, high), [low, high]).astype(int)
        if abs(ages.mean() - mean) < 0.5:
            return rng.permutation(ages)


def _outcomes(months: dict[str, list[float]]) -> dict[str, dict[str, Any]]:
    told: dict[str, dict[str, Any]] = {
        name: {
            "label": measure.label,
            "unit": measure.unit,
            "kind": measure.kind,
            "better": measure.better,
            "months": months[name],
            "n": measure.n,
        }
        for name, measure in MEASURES.items()
    }
    told |= {
        name: {
            "label": grading.label,
            "unit": "grade",
            "kind": "ordinal",
            "better": grading.better,
            "months": [float(month) for month in GRADED_AT],
            "n": 24,
        }
        for name, grading in GRADINGS.items()
    }
    return told


def _assumptions() -> list[str]:
    told = [
        "Every patient attended every scheduled visit: all 24 completed the follow-up.",
        "Weeks 0 and 2 are months 0 and 0.5. The other visits of an outcome are those that the abstract names for it; "
        "where it names none, month 0 and the month of its p-value, or, of TESS, all six.",
        "The test is the two-sided paired t-test against baseline; the abstract names none. SDs divide by n - 1.",
        "With n = 5 the antibodies' P < 0.001 holds by the t-test alone: an exact signed-rank or sign test cannot give "
        "less than 0.0625.",
        "Values are lognormal in shape above a lower bound, logistic-normal between two.",
        f"Patients' standing in each outcome has correlation {LOADING:g} with a severity that all outcomes share.",
        "The 11 patients with flow measurements are drawn at random, the 5 with antibodies from among them.",
        f"Titres above {ASSAY_LIMIT} U/mL are recorded as {ASSAY_LIMIT} and marked, one or two in each antibody at "
        "baseline; the printed p-value is that of the titres as recorded.",
        f"Marks within {END_OF_SCALE} mm of the lower end of the visual analogue scale are recorded as 0; there is at "
        "least one.",
        "Means, SDs and correlations told below of titres and of that scale are those before this.",
        "Ages are near normal with an SD of 10 years; the man is drawn at random.",
    ]
    for measure in MEASURES.values():
        told += measure.assumptions()
    for grading in GRADINGS.values():
        told.append(
            f"{grading.label}: n is not printed, and all 24 patients are taken; graded {', '.join(grading.grades)}; "
            "two to four patients become worse, at least six more than these better."
        )
    return told
