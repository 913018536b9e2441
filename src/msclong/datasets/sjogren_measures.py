"""What the founding study measured, and what must be assumed to make patients of what it printed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msclong.published.matched_sample import VisitTarget
from msclong.published.paired_t import Range
from msclong.published.printed import number, p_value, positive
from msclong.published.reconstruct import strict_t_range

WEEKS_A_MONTH = 4
"""Week 2 is month 0.5."""

Assumed = dict[float, tuple[Range, Range]]


@dataclass(frozen=True)
class Measure:
    """One measured outcome.

    label, unit, kind : for people.
    better : 'lower' or 'higher'.
    n : patients; `n_printed` says whether the abstract states it.
    step : resolution of the record. bounds : least and greatest value.
    correlation : range of the correlation of each visit with baseline that is drawn from.
    assumed : month -> ranges of the mean and the SD, where the abstract prints none.
    p_month : the month that a p-value printed without one is of.
    """

    label: str
    unit: str
    kind: str
    better: str
    n: int
    n_printed: bool
    step: float
    bounds: Range
    correlation: Range
    assumed: Assumed
    p_month: float | None = None

    def targets(self, published: dict[str, Any]) -> list[VisitTarget]:
        """What each visit's sample must have: the printed figures, else the assumed ranges."""
        printed = printed_visits(published)
        if "p" in published and self.p_month is not None:
            printed[self.p_month] = {"p_vs_baseline": published["p"]}
        targets = []
        for month in sorted({*printed, *self.assumed}):
            found = printed.get(month, {})
            if "mean" in found:
                mean, sd = number(found["mean"], "mean"), positive(found["sd"], "SD")
                moments = (float(mean.low), float(mean.high)), (float(sd.low), float(sd.high))
            else:
                moments = self.assumed[month]
            p = found.get("p_vs_baseline")
            t = (0.0, math.inf) if p is None else strict_t_range(p_value(p), self.n)
            targets.append(VisitTarget(f"{month:g}", *moments, t))
        return targets

    def assumptions(self) -> Iterator[str]:
        """A sentence for each of them."""
        low, high = self.bounds
        within = f"{low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more"
        yield f"{self.label}: values of {within} {self.unit}, recorded to {self.step:g}."
        if not self.n_printed:
            yield f"{self.label}: n is not printed; all {self.n} patients are taken."
        yield (
            f"{self.label}: correlation of each visit with baseline between {self.correlation[0]:g} and "
            f"{self.correlation[1]:g}."
        )
        if self.assumed:
            told = "; ".join(
                f"month {month:g} mean {m[0]:g} to {m[1]:g}, SD {s[0]:g} to {s[1]:g}"
                for month, (m, s) in self.assumed.items()
            )
            yield f"{self.label}: means and SDs that are not printed are drawn from these ranges: {told}."
        if self.p_month is not None:
            yield f"{self.label}: the printed p-value, whose visit is not named, is of month {self.p_month:g}."


def printed_visits(published: dict[str, Any]) -> dict[float, dict[str, str]]:
    """Month -> what was printed of that visit."""
    return {
        visit["month"] if "month" in visit else visit["week"] / WEEKS_A_MONTH: visit
        for visit in published.get("visits", [])
    }


MEASURES = {
    "ssdai": Measure(
        label="Sjögren's syndrome disease activity index",
        unit="points",
        kind="score",
        better="lower",
        n=24,
        n_printed=True,
        step=1,
        bounds=(0, 21),
        correlation=(0.6, 0.8),
        assumed={},
    ),
    "vas": Measure(
        label="Global assessment, visual analogue scale",
        unit="mm",
        kind="bounded",
        better="lower",
        n=24,
        n_printed=True,
        step=1,
        bounds=(0, 100),
        correlation=(0.6, 0.8),
        assumed={
            0: ((50, 56), (15, 19)),
            1: ((39, 44), (16, 20)),
            3: ((31, 36), (16, 20)),
            6: ((25, 30), (16, 20)),
            12: ((20, 25), (16, 20)),
        },
    ),
    "unstimulated_flow": Measure(
        label="Unstimulated salivary flow",
        unit="mL per 10 min",
        kind="positive",
        better="higher",
        n=11,
        n_printed=True,
        step=0.01,
        bounds=(0.01, math.inf),
        correlation=(0.9, 0.98),
        assumed={
            3: ((1.32, 1.4), (1, 1.1)),
            6: ((1.42, 1.5), (1.05, 1.15)),
            12: ((1.52, 1.6), (1.1, 1.2)),
        },
    ),
    "stimulated_flow": Measure(
        label="Stimulated salivary flow",
        unit="mL per 10 min",
        kind="positive",
        better="higher",
        n=11,
        n_printed=True,
        step=0.01,
        bounds=(0.01, math.inf),
        correlation=(0.6, 0.8),
        assumed={
            0: ((2.9, 3.1), (2.2, 2.5)),
            0.5: ((4.5, 5.2), (2.3, 2.9)),
            1: ((4.1, 4.7), (2.3, 2.9)),
            3: ((4.4, 5.2), (2.3, 3.1)),
            6: ((4.4, 5.2), (2.3, 3.1)),
            12: ((4.4, 5.2), (2.3, 3.1)),
        },
    ),
    "tess": Measure(
        label="Modified treatment emergent symptom scale",
        unit="points",
        kind="count",
        better="lower",
        n=24,
        n_printed=True,
        step=1,
        bounds=(0, math.inf),
        correlation=(0.5, 0.8),
        assumed={
            0: ((5.5, 6.5), (2.8, 3.4)),
            0.5: ((2.8, 3.4), (2.2, 2.7)),
            1: ((2.3, 2.9), (2, 2.5)),
            3: ((2, 2.5), (1.9, 2.4)),
            6: ((1.8, 2.3), (1.8, 2.3)),
            12: ((1.8, 2.3), (1.8, 2.3)),
        },
    ),
    "anti_ssa": Measure(
        label="Anti-SSA/Ro",
        unit="U/mL",
        kind="titre",
        better="lower",
        n=5,
        n_printed=True,
        step=1,
        bounds=(1, math.inf),
        correlation=(0.9, 0.995),
        assumed={0: ((160, 180), (45, 60)), 1: ((95, 110), (35, 50))},
    ),
    "anti_ssb": Measure(
        label="Anti-SSB/La",
        unit="U/mL",
        kind="titre",
        better="lower",
        n=5,
        n_printed=True,
        step=1,
        bounds=(1, math.inf),
        correlation=(0.9, 0.995),
        assumed={0: ((145, 165), (55, 75)), 1: ((75, 90), (40, 60))},
    ),
    "th17": Measure(
        label="Th17 cells",
        unit="% of CD4+ cells",
        kind="percentage",
        better="lower",
        n=24,
        n_printed=False,
        step=0.01,
        bounds=(0.01, 99.99),
        correlation=(0.6, 0.8),
        assumed={0: ((2.7, 3.1), (0.9, 1.2)), 1: ((1.9, 2.3), (0.7, 1))},
        p_month=1,
    ),
    "treg": Measure(
        label="Regulatory T cells",
        unit="% of CD4+ cells",
        kind="percentage",
        better="higher",
        n=24,
        n_printed=False,
        step=0.01,
        bounds=(0.01, 99.99),
        correlation=(0.6, 0.8),
        assumed={0: ((3, 3.4), (0.9, 1.2)), 1: ((4, 4.5), (1.1, 1.4))},
        p_month=1,
    ),
    "tgf_beta": Measure(
        label="Serum TGF-β",
        unit="ng/mL",
        kind="concentration",
        better="higher",
        n=24,
        n_printed=False,
        step=0.1,
        bounds=(0.1, math.inf),
        correlation=(0.6, 0.8),
        assumed={0: ((16, 19), (5, 7)), 1: ((21, 25), (6.5, 9))},
    ),
    "il_17": Measure(
        label="Serum IL-17",
        unit="pg/mL",
        kind="concentration",
        better="lower",
        n=24,
        n_printed=False,
        step=0.1,
        bounds=(0.1, math.inf),
        correlation=(0.6, 0.8),
        assumed={0: ((38, 46), (17, 22)), 1: ((26, 33), (12, 17))},
    ),
}
"""The eleven outcomes that are measured in numbers."""


@dataclass(frozen=True)
class Grading:
    """An outcome in ordered grades, at baseline and at 12 months.

    grades : in order, the first the lowest.
    better : 'lower' or 'higher' grades.
    """

    label: str
    grades: tuple[str, ...]
    better: str


GRADINGS = {
    "sialectasia": Grading(
        "Punctate sialectasia, parotid sialography", ("none", "mild", "moderate", "severe"), "lower"
    ),
    "duct_dilation": Grading(
        "Dilation of the main duct, parotid sialography", ("none", "mild", "moderate", "severe"), "lower"
    ),
    "excretory_function": Grading(
        "Excretory function, parotid sialography",
        ("absent", "poor", "reduced", "normal"),
        "higher",
    ),
}
"""The three outcomes that are graded."""
