"""What an audit of one printed comparison found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from textwrap import fill
from types import MappingProxyType

import pandas as pd

from msclong.published.grim import Grim, Grimmer
from msclong.published.paired_t import Range
from msclong.published.printed import PrintedP, Summary
from msclong.published.verdict import Verdict

NAMES = {
    "t": "paired t-test",
    "signed-rank": "exact signed-rank test",
    "signed-rank-normal": "signed-rank test by its normal approximation",
    "sign": "exact sign test",
}
NOTHING: Range = (math.nan, math.nan)


@dataclass(frozen=True, eq=False)
class PairedAudit:
    """What one printed comparison of the same patients needs in order to be true. Missing figures are NaN.

    label, n, pre, post, p : as printed.
    verdict, verdicts : overall and for each test ('t', 'signed-rank', 'signed-rank-normal', 'sign'), 'attainable',
        'tight', 'impossible' or 'not testable', with reasons.
    change : the mean change, with the least and greatest that rounding admits in `change_range`.
    abs_t, abs_d_z, abs_g_z : least and greatest |t|, |d_z| and Hedges' |g_z| that the p-value admits, at the
        printed p in `at_printed` (of '<' the least, of '>' the greatest).
    r_range : the correlations at which a paired t-test of the printed means and SDs gives the printed p, cut at -1
        and 1; wholly beyond them where none does.
    r_at_least, r_at_most : its two ends, None where the p-value sets no such limit ("any").
    r_at_least_over_rounding, r_at_most_over_rounding : least and greatest value of the same end over every rounding of
        the two means and the two SDs.
    sd_change_at_most : the largest SD of the changes that the p-value admits, at the printed means.
    unpaired_p : p of Student's t-test that forgets the pairing.
    paired_p : {r: p} of the paired t-test at r = 0.5, 0.7, 0.9.
    change_ci : 95 % interval of the mean change at r = 0.5.
    smallest_exact_p : the smallest two-sided p that exact signed-rank and sign tests can give at n.
    grim, grimmer : {'pre': ..., 'post': ...} where values are whole numbers.
    """

    label: str
    n: int | None
    pre: Summary
    post: Summary
    p: PrintedP | None
    verdict: Verdict
    verdicts: Mapping[str, Verdict]
    change: float = math.nan
    change_range: Range = NOTHING
    abs_t: Range = NOTHING
    abs_d_z: Range = NOTHING
    abs_g_z: Range = NOTHING
    at_printed: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    r_range: Range = NOTHING
    r_at_least_over_rounding: Range = NOTHING
    r_at_most_over_rounding: Range = NOTHING
    sd_change_at_most: float = math.nan
    unpaired_p: float = math.nan
    paired_p: Mapping[float, float] = field(default_factory=lambda: MappingProxyType({}))
    change_ci: Range = NOTHING
    smallest_exact_p: float = math.nan
    grim: Mapping[str, Grim] = field(default_factory=lambda: MappingProxyType({}))
    grimmer: Mapping[str, Grimmer] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def r_at_least(self) -> float | None:
        return self.r_range[0] if self.r_range[0] > -1 else None

    @property
    def r_at_most(self) -> float | None:
        return self.r_range[1] if self.r_range[1] < 1 else None

    @property
    def r_needed(self) -> str:
        """The correlation that the p-value needs, in words: 'any', 'at least 0.939', 'at most 0.412', '0.7 to 0.8'."""
        low, high = self.r_range
        if math.isnan(low):
            return ""
        if low > 1 or high < -1:
            return "none"
        if self.r_at_least is None:
            return "any" if self.r_at_most is None else f"at most {high:.3f}"
        return f"at least {low:.3f}" if self.r_at_most is None else f"{low:.3f} to {high:.3f}"

    def to_frame(self) -> pd.DataFrame:
        """The figures: index quantity; columns value (at the printed figures), and its lower and upper end over
        rounding."""
        rows = [row for row in self._rows() if not all(map(math.isnan, row[1:]))]
        table = pd.DataFrame(rows, columns=["quantity", "value", "lower", "upper"])
        return table.set_index("quantity")

    def _rows(self) -> Iterator[tuple[str, float, float, float]]:
        yield "mean change", self.change, *self.change_range
        for name, ends in (("|t|", self.abs_t), ("|d_z|", self.abs_d_z), ("|g_z|", self.abs_g_z)):
            yield name, self.at_printed.get(name, math.nan), *ends
        for name, r, over_rounding in (
            ("r at least", self.r_at_least, self.r_at_least_over_rounding),
            ("r at most", self.r_at_most, self.r_at_most_over_rounding),
        ):
            if r is not None:
                yield name, r, *over_rounding
        yield "SD of change at most", self.sd_change_at_most, *NOTHING
        yield "p, unpaired t-test", self.unpaired_p, *NOTHING
        for r, p in self.paired_p.items():
            yield f"p, paired t-test at r = {r:g}", p, *NOTHING
        yield "mean change, 95 % interval at r = 0.5", self.change, *self.change_ci
        yield "smallest exact p", self.smallest_exact_p, *NOTHING

    @property
    def title(self) -> str:
        shown = [f"{m if m else '?'} ({s if s else '?'})" for m, s in (self.pre, self.post) if m or s]
        facts = [
            f"n = {self.n}" if self.n else "n not printed",
            " to ".join(shown),
            str(self.p or "p not printed"),
        ]
        return f"{self.label + ': ' if self.label else ''}{', '.join(filter(None, facts))}"

    def _checks(self) -> list[str]:
        return [str(check) for check in {**self.grim, **self.grimmer}.values()]

    def __str__(self) -> str:
        lines = [self.title, str(self.verdict)]
        lines += [f"  {NAMES[test]}: {verdict}" for test, verdict in self.verdicts.items()]
        lines += self._checks()
        text = "\n".join(fill(line, 100, subsequent_indent="    ") for line in lines)
        return f"{text}\n{_figures(self.to_frame()).to_string()}"

    def __repr__(self) -> str:
        return f"<PairedAudit {self.title}: {self.verdict.word}>"

    def _repr_html_(self) -> str:
        tests = "".join(f"<li>{NAMES[test]}: {escape(str(v))}</li>" for test, v in self.verdicts.items())
        checks = "".join(f"<p>{escape(line)}</p>" for line in self._checks())
        return (
            f"<p><strong>{escape(self.title)}</strong></p><p>{escape(str(self.verdict))}</p>"
            f"<ul>{tests}</ul>{checks}{_figures(self.to_frame()).to_html()}"
        )


def _figures(table: pd.DataFrame) -> pd.DataFrame:
    return table.map(lambda value: "" if math.isnan(value) else f"{value:.3g}")
