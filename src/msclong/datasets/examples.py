"""Example data with known results, each a fresh pandas frame with its source in `attrs`."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd


def hamd17() -> pd.DataFrame:
    """An antidepressant trial: change from baseline of the Hamilton depression score, with dropout.

    200 patients, 100 per arm, at weeks 1, 2, 4, 6 and 8: 831 rows. Only attended visits have a row; 69
    patients (34 %) are gone by week 8. The public example trial of the DIA Missing Data Working Group.

    Columns
    -------
    PATIENT : str
        Patient label.
    TRT : categorical
        Arm, "1" or "2".
    POOLINV : categorical
        Pooled investigator site, "001", "002", "003", "005", "028", "999".
    basval : float
        HAMD17 total at baseline, points (0 to 52; higher is worse).
    week : ordered categorical of int
        Planned week after randomisation: 1 < 2 < 4 < 6 < 8.
    change : float
        HAMD17 total minus `basval`, points; negative is improvement.

    Source: `HAMD17.parquet` of the Python package rtflite 2.6.0 (MIT licence).

    Examples
    --------
    >>> import msclong as ml
    >>> ml.datasets.hamd17().groupby(["TRT", "week"], observed=True)["change"].count().unstack()
    week    1   2   4   6   8
    TRT
    1     100  92  85  73  61
    2     100  90  85  75  70
    """
    table = _read(
        "hamd17.csv", {"PATIENT": str, "TRT": str, "POOLINV": str, "basval": float, "change": float}
    )
    for factor in ("TRT", "POOLINV"):
        table[factor] = table[factor].astype("category")
    table["week"] = pd.Categorical(table["week"], ordered=True)
    table.attrs.update(
        source="DIA Missing Data Working Group example trial; HAMD17.parquet of the package rtflite 2.6.0",
        licence="MIT",
        units="basval, change: points of the 17-item Hamilton scale; week: weeks after randomisation",
    )
    return table


def sleepstudy() -> pd.DataFrame:
    """Reaction times of 18 subjects over ten days, most of them with three hours of sleep a night.

    Complete and balanced: 180 rows.

    Columns
    -------
    Reaction : float
        Mean reaction time of the day, milliseconds.
    Days : int
        Day of the study, 0 to 9: 0 and 1 adaptation and training, 2 baseline, deprivation afterwards.
    Subject : categorical
        Subject label.

    Source: Belenky et al. (2003), Journal of Sleep Research 12:1-12, as distributed with the R
    package lme4 (GPL-2 or later); the figures themselves are facts.

    Examples
    --------
    >>> import msclong as ml
    >>> ml.datasets.sleepstudy().head(2)
       Reaction  Days Subject
    0  249.5600     0     308
    1  258.7047     1     308
    """
    table = _read("sleepstudy.csv", {"Subject": str})
    table["Subject"] = table["Subject"].astype("category")
    table.attrs.update(
        source="Belenky et al. (2003), J Sleep Res 12:1-12; as distributed with the R package lme4",
        licence="facts; the R package is GPL-2 or later",
        units="Reaction: milliseconds; Days: day of the study",
    )
    return table


def _read(name: str, dtypes: dict[str, type]) -> pd.DataFrame:
    with (files("msclong.datasets") / "files" / name).open(encoding="utf-8") as source:
        return pd.read_csv(source, dtype=dtypes)
