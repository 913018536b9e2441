"""The data of a case: made once from a seed, kept as Parquet and CSV, the same numbers for every program."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from harness.places import SCRATCH, interpreter


class UnavailableError(Exception):
    """The data of a case cannot be had here; the message tells why."""


@dataclass(frozen=True)
class Table:
    """`make()` gives the data frame; `name` tells it apart from all others, sizes and seed included.

    A table larger than memory is `written` instead, as a folder of Parquet files.
    """

    name: str
    make: Callable[[], pd.DataFrame] | None = field(default=None, repr=False, compare=False)
    written: Callable[[Path], None] | None = field(default=None, repr=False, compare=False)

    def file(self, kind: str) -> Path:
        """The table's file, 'parquet' or 'csv', made where it is not there yet."""
        folder = SCRATCH / "data"
        folder.mkdir(parents=True, exist_ok=True)
        parquet, csv = folder / f"{self.name}.parquet", folder / f"{self.name}.csv"
        if not parquet.exists():
            partial = parquet.with_suffix(".partial")
            if self.written is not None:
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                self.written(partial)
            elif self.make is not None:
                self.make().to_parquet(partial, index=False)
            partial.rename(parquet)
        if kind == "csv" and not csv.exists():
            pd.read_parquet(parquet).to_csv(
                csv, index=False
            )  # all digits of a float: the same number comes back
        return parquet if kind == "parquet" else csv


def trial(patients: int, visits: int, seed: int = 1, dropout: float = 0.2, gaps: float = 0.03) -> Table:
    """A two-arm trial: change of `y` at visits v01, v02, ..., a baseline covariate, dropout and single missed visits.

    Unstructured covariance: variances grow, correlations fall with distance. `arm` and `visit` are categorical.
    """

    def make() -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        at = np.arange(visits)
        correlation = 0.3 + 0.5 * 0.85 ** np.abs(at[:, None] - at)
        np.fill_diagonal(correlation, 1.0)
        sd = np.linspace(6, 9, visits)
        root = np.linalg.cholesky(correlation * np.outer(sd, sd))
        arm = rng.permutation(np.arange(patients) % 2)
        base = rng.normal(50, 8, patients)
        mean = -0.3 * (base[:, None] - 50) - (1 + 0.5 * arm[:, None]) * np.sqrt(at + 1)
        y = mean + rng.standard_normal((patients, visits)) @ root.T
        last = np.where(rng.random(patients) < dropout, rng.integers(1, visits, patients), visits)
        seen = (at < last[:, None]) & (rng.random((patients, visits)) >= gaps)
        seen[:, 0] = True
        who, when = np.nonzero(seen)
        width = len(str(patients))
        return pd.DataFrame(
            {
                "patient": pd.Categorical.from_codes(who, [f"p{i:0{width}d}" for i in range(patients)]),
                "arm": pd.Categorical.from_codes(arm[who], ["control", "treated"]),
                "visit": pd.Categorical.from_codes(when, [f"v{i + 1:02d}" for i in at], ordered=True),
                "week": (4.0 * (when + 1)),
                "base": base[who].round(1),
                "y": y[seen].round(4),
            }
        )

    return Table(f"trial-{patients}x{visits}-{dropout}-{gaps}-{seed}", make)


def slopes(patients: int, visits: int, irregular: bool = False, seed: int = 2) -> Table:
    """Random intercepts and slopes: `y` at `time`, planned 0, 1, ... or, where irregular, anyone's own times."""

    def make() -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        shape = (patients, visits)
        time = (
            np.sort(rng.uniform(0, visits - 1, shape)).round(4)
            if irregular
            else np.tile(np.arange(visits, dtype=float), (patients, 1))
        )
        arm = rng.permutation(np.arange(patients) % 2)
        own = rng.standard_normal((patients, 2)) @ np.array([[4.0, -0.3], [0.0, 0.9]])
        spread = 5.0 / (visits - 1)
        y = 50 + own[:, [0]] + (0.4 * arm[:, None] + own[:, [1]] + 0.8) * spread * time
        y = y + rng.normal(0, 3, shape)
        width = len(str(patients))
        who = np.repeat(np.arange(patients), visits)
        return pd.DataFrame(
            {
                "id": pd.Categorical.from_codes(who, [f"p{i:0{width}d}" for i in range(patients)]),
                "arm": pd.Categorical.from_codes(arm[who], ["control", "treated"]),
                "time": time.ravel(),
                "y": y.ravel().round(4),
            }
        )

    return Table(f"slopes-{patients}x{visits}-{'irregular' if irregular else 'planned'}-{seed}", make)


def beyond_memory(patients: int, visits: int = 6, seed: int = 5, parts: int = 25) -> Table:
    """A trial in so many files: text and numbers, an eighth of later visits missed, columns that no model reads."""

    def written(folder: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rng = np.random.default_rng(seed)
        weeks = [f"week {4 * (i + 1):02d}" for i in range(visits)]
        for part, who in enumerate(np.array_split(np.arange(patients), parts)):
            shape = (len(who), visits)
            seen = rng.random(shape) >= 0.125
            seen[:, 0] = True
            arm, sex = (rng.integers(0, 2, len(who)) for _ in range(2))
            age = rng.normal(50, 10, len(who)).round(1)
            own = 3.0 * rng.standard_normal((len(who), 1))
            y = (
                0.1 * age[:, None]
                - 0.4 * arm[:, None] * np.arange(visits)
                + own
                + 2.0 * rng.standard_normal(shape)
            )
            repeated = np.repeat(np.arange(len(who)), visits)[seen.ravel()]
            when = np.tile(np.arange(visits, dtype=np.int8), len(who))[seen.ravel()]

            def label(codes: np.ndarray, levels: list[str], ordered: bool = False) -> pa.Array:
                return pa.DictionaryArray.from_arrays(
                    pa.array(codes.astype(np.int8)), levels, ordered=ordered
                )

            columns = {
                "patient": who[repeated],
                "arm": label(arm[repeated], ["placebo", "active"]),
                "sex": label(sex[repeated], ["f", "m"]),
                "age": age[repeated],
                "visit": label(when, weeks, ordered=True),
                "y": y[seen].round(4),
                "site": rng.integers(0, 900, len(repeated)),
                "entered": rng.integers(0, 10**9, len(repeated)),
            }
            pq.write_table(pa.table(columns), folder / f"part-{part:02d}.parquet")

    return Table(f"beyond-memory-{patients}x{visits}-{seed}", written=written)


def small_trials(trials: int, patients: int = 24, seed: int = 6) -> Table:
    """So many single-arm trials of 24 x 5, in one long table: column `trial`; 15 % leave by the last visit."""

    def make() -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        months = np.array([0, 1, 3, 6, 12])
        shape = (trials, patients, len(months))
        sd = np.array([1.4, 1.5, 1.6, 1.6, 1.7])
        root = np.linalg.cholesky(0.5 ** np.abs(np.subtract.outer(range(5), range(5))) * np.outer(sd, sd))
        y = np.array([5.6, 4.9, 4.4, 4.1, 4.3]) + rng.standard_normal(shape) @ root.T
        leaves = rng.random(shape) < 1 - 0.85 ** (np.diff(months, prepend=0) / 12)
        seen = ~np.logical_or.accumulate(leaves, axis=2)
        which, who, when = np.nonzero(seen)
        return pd.DataFrame(
            {
                "trial": which,
                "patient": pd.Categorical.from_codes(who, [f"p{i:02d}" for i in range(patients)]),
                "month": pd.Categorical.from_codes(when, [f"m{month:02d}" for month in months], ordered=True),
                "y": y[seen].round(4),
            }
        )

    return Table(f"trials-{trials}-of-{patients}x5-{seed}", make)


def assay(outcomes: int, patients: int = 24, seed: int = 7) -> Table:
    """Patients at 5 visits, and so many outcomes o00000, o00001, ... of them, each with its own 5 % missing."""

    def make() -> pd.DataFrame:
        months = ["m00", "m01", "m03", "m06", "m12"]
        who, when = np.divmod(np.arange(patients * 5), 5)
        columns: dict[str, object] = {
            "patient": pd.Categorical.from_codes(who, [f"p{i:02d}" for i in range(patients)]),
            "month": pd.Categorical.from_codes(when, months, ordered=True),
        }
        for i in range(outcomes):
            rng = np.random.default_rng([seed, i])  # the same outcome whatever their number
            effect = rng.normal(0, 0.3) * (rng.random() < 0.2) * when
            y = effect + rng.normal(0, 1.0, patients)[who] + rng.normal(0, 0.8, len(who))
            columns[f"o{i:05d}"] = np.where(rng.random(len(who)) < 0.05, np.nan, y.round(4))
        return pd.DataFrame(columns)

    return Table(f"assay-{outcomes}-of-{patients}x5-{seed}", make)


def with_patterns(patterns: int, patients: int = 1000, visits: int = 12, seed: int = 3) -> Table:
    """Random slopes over so many sets of visits, dealt out to the patients in turn; the first set has all visits."""

    def make() -> pd.DataFrame:
        whole = pd.read_parquet(slopes(patients, visits, seed=seed).file("parquet"))
        # The bits of a number are a set of visits; the first two visits are in all.
        codes = np.random.default_rng(seed).permutation(2 ** (visits - 2) - 1)[: patterns - 1]
        seen = np.ones((patterns, visits), dtype=bool)
        seen[1:, 2:] = codes[:, None] >> np.arange(visits - 2) & 1
        pattern = whole["id"].cat.codes.to_numpy() % patterns
        return whole[seen[pattern, whole["time"].to_numpy(dtype=int)]].reset_index(drop=True)

    return Table(f"patterns-{patterns}-of-{patients}x{visits}-slopes-{seed}", make)


def with_columns(columns: int, patients: int = 1000, visits: int = 4, seed: int = 4) -> Table:
    """A trial with so many further covariates x001, x002, ..., each with a value of its own at every visit."""

    def make() -> pd.DataFrame:
        frame = pd.read_parquet(trial(patients, visits, seed).file("parquet"))
        x = np.random.default_rng(seed).standard_normal((len(frame), columns)).round(3)
        more = pd.DataFrame(x, columns=[f"x{i + 1:03d}" for i in range(columns)])
        return pd.concat([frame, more], axis="columns")

    return Table(f"columns-{columns}-{patients}x{visits}-{seed}", make)


def example(name: str) -> Table:
    """A data set of msclong's; its categories as text, for Parquet keeps no categories that are numbers."""

    def make() -> pd.DataFrame:
        import msclong as ml

        frame = getattr(ml.datasets, name)()
        numbers = [
            c for c in frame.select_dtypes("category") if frame[c].cat.categories.inferred_type != "string"
        ]
        return frame.assign(**{column: frame[column].cat.rename_categories(str) for column in numbers})

    return Table(f"example-{name}", make)


def of_lme4(name: str, factors: tuple[str, ...]) -> Table:
    """A data set of R's lme4, or where there is no R of the peer mixedlm, which ships them too; not ours to ship."""

    def make() -> pd.DataFrame:
        loaded = SCRATCH / "data" / f"{name}-of-lme4.csv"
        r = ["Rscript", "-e", f'write.csv(lme4::{name}, "{loaded}", row.names = FALSE)']
        own = f"import mixedlm; mixedlm.load_{name.lower()}().to_csv({str(loaded)!r}, index=False)"
        for command in (r, [interpreter("mixedlm"), "-c", own]):
            try:
                if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                    return pd.read_csv(loaded, dtype=dict.fromkeys(factors, "category"))
            except FileNotFoundError:
                continue
        raise UnavailableError(f"{name} comes with R's lme4 or Python's mixedlm; neither is here")

    return Table(f"lme4-{name}", make)
