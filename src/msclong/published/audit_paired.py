"""The audit of one printed comparison of the same patients, before and after."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np

from msclong.errors import DataError, SpecError, listing
from msclong.published import paired_t, rank_verdict, verdict
from msclong.published.changes_against import changes_against
from msclong.published.exact_tests import smallest_p
from msclong.published.grim import Bounds, check_bounds, checked_options, grim, grimmer, sd_beyond
from msclong.published.paired_audit import NAMES, PairedAudit
from msclong.published.printed import (
    PrintedNumber,
    PrintedP,
    Summary,
    count,
    deviation,
    missing,
    number,
    p_value,
)
from msclong.published.verdict import Verdict

Test = Literal["t", "signed-rank", "sign"]

CORRELATIONS = (0.5, 0.7, 0.9)
"""At which the paired p-value is told; the first, the mean of 464 in Walters et al. (2019), also gives the
interval."""


def audit_paired(
    n: int | str | None = None,
    pre: Iterable[str | None] | None = None,
    post: Iterable[str | None] | None = None,
    p: str | None = None,
    *,
    test: Test | None = None,
    integer: bool = False,
    items: int = 1,
    bounds: Bounds | None = None,
    label: str = "",
) -> PairedAudit:
    """Can a printed p-value be true, given the means, SDs and n that are printed with it?

    Parameters
    ----------
    n : pairs. Means and p-value are taken to be of the same n patients.
    pre, post : (mean, SD) as printed, ('0.63', '0.73'); the SD divides by n - 1. None, for either or within the pair:
        not printed; so does NaN, of any figure.
    p : two-sided p-value of the comparison as printed, '<0.001', '0.008', '>0.05'.
    test : the test that the paper names; None where it names none, so that the most lenient verdict is the overall
        one. Of 'signed-rank' it is the more lenient of the exact test and its normal approximation.
    integer, items, bounds : whether values are whole numbers (of `items`, a patient's value is their mean), and the
        scale's least and greatest value: then GRIM and GRIMMER are run, and a mean or SD that no such numbers have is
        impossible whatever p. So is an SD that no numbers at all have within the bounds.
    label : names the comparison in what is printed.

    The paired t-test needs the correlation r within patients, which papers leave out:
    SD_change^2 = s0^2 + s1^2 - 2 r s0 s1, t = D sqrt(n) / SD_change with n - 1 df. The printed p therefore is a
    statement about r: `r_at_least` and `r_at_most`. `r_at_least_over_rounding` holds the same limit at the most
    favourable and at the least favourable rounding of the two means and two SDs (half a unit of the last digit
    either way, a whole one for their difference): below its first number no rounding gives '<0.001', above its
    second every rounding does. A printed '0.008' stands for p from 0.0075 to 0.0085, and has limits on both sides.
    Of exact tests and of the signed-rank test's normal approximation every attainable p is looked at, with as many
    changes against the mean change as printed means and SDs leave room for (`changes_against`).
    A verdict is 'tight' where the most favourable rounding still needs r outside `verdict.USUAL_CORRELATIONS`;
    where one of those needs changes all of one sign, or some tied or zero; or, without means, where the change
    must exceed `verdict.VERY_LARGE_CHANGE` SDs at the highest usual r.

    Raises DataError for figures that are no printed numbers, negative SDs, p outside 0 to 1, n below 2, a mean
    beyond the bounds; SpecError for impossible options.

    Examples
    --------
    >>> from msclong import published
    >>> found = published.audit_paired(11, pre=("0.63", "0.73"), post=("1.00", "0.78"), p="<0.001")
    >>> found.verdict.word, round(found.r_at_least, 3)
    ('tight', 0.939)
    """
    if test is not None and test not in get_args(Test):
        raise SpecError(f"test takes {listing(map(repr, get_args(Test)))} or None; got {test!r}.")
    if not isinstance(integer, (bool, np.bool_)):
        raise SpecError(f"integer is True or False; got {integer!r}.")
    items, bounds = checked_options(items, bounds)
    if not integer and items != 1:
        raise SpecError(f"items={items} is of whole numbers; give integer=True too.")
    pairs = None if missing(n) else count(n)
    before, after = _summary(pre, "before"), _summary(post, "after")
    for mean in (before[0], after[0]):
        if mean is not None and bounds is not None:
            check_bounds(mean, bounds)
    printed = None if missing(p) else p_value(p)
    found: dict[str, Any] = {}
    verdicts: dict[str, Verdict] = dict.fromkeys(NAMES, _untestable(pairs, printed))
    if pairs is not None:
        found |= _without_p(pairs, before, after) | {"smallest_exact_p": smallest_p(pairs)}
        if integer:
            found |= _whole_numbers(pairs, before, after, items, bounds)
    if pairs is not None and printed is not None:
        of_t, verdicts["t"] = _by_t(pairs, before, after, printed)
        found |= of_t
        given = (printed, pairs, changes_against(pairs, before, after), bool(integer))
        verdicts["signed-rank"] = rank_verdict.signed_rank(*given)
        verdicts["signed-rank-normal"] = rank_verdict.normal_signed_rank(*given)
        verdicts["sign"] = rank_verdict.sign_test(*given)
    beyond = [sd_beyond(pairs, *figures, bounds) for figures in (before, after)] if pairs else []
    impossible = _impossible_numbers(found, beyond)
    return PairedAudit(
        label=label,
        n=pairs,
        pre=before,
        post=after,
        p=printed,
        verdict=impossible
        or verdict.overall({k: v for k, v in verdicts.items() if test is None or _is(k, test)}),
        verdicts=MappingProxyType(verdicts),
        **found,
    )


def _is(name: str, test: Test) -> bool:
    return name.removesuffix("-normal") == test


def _summary(given: object, when: str) -> Summary:
    if missing(given):
        return None, None
    figures = () if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable) else tuple(given)
    if len(figures) != 2:
        raise DataError(
            f"The figures {when} are (mean, SD) as printed, such as ('0.63', '0.73'); got {given!r}."
        )
    mean, sd = figures
    return (
        None if missing(mean) else number(mean, f"the mean {when}"),
        None if missing(sd) else deviation(sd, f"the SD {when}"),
    )


def _untestable(n: int | None, p: PrintedP | None) -> Verdict:
    missing = [what for what, value in (("n", n), ("p-value", p)) if value is None]
    return Verdict("not testable", f"no {' and no '.join(missing)} printed" if missing else "")


def _without_p(n: int, before: Summary, after: Summary) -> dict[str, Any]:
    """What means and SDs say by themselves."""
    (m0, s0), (m1, s1) = before, after
    if m0 is None or m1 is None:
        return {}
    change = float(m1.value - m0.value)
    found: dict[str, Any] = {"change": change, "change_range": paired_t.change_range(m0, m1)}
    if s0 is None or s1 is None:
        return found
    figures = (change, float(s0.value), float(s1.value), n)
    return found | {
        "unpaired_p": paired_t.unpaired_p(*figures),
        "paired_p": MappingProxyType({r: paired_t.paired_p(*figures, r) for r in CORRELATIONS}),
        "change_ci": paired_t.change_interval(*figures, CORRELATIONS[0]),
    }


def _by_t(n: int, before: Summary, after: Summary, p: PrintedP) -> tuple[dict[str, Any], Verdict]:
    """What the paired t-test makes of the p-value."""
    t = paired_t.t_range(p, n)
    at = paired_t.t_of(p.value, n)
    found: dict[str, Any] = {
        "abs_t": t,
        "abs_d_z": (t[0] / math.sqrt(n), t[1] / math.sqrt(n)),
        "abs_g_z": (paired_t.hedges_gz(t[0], n), paired_t.hedges_gz(t[1], n)),
        "at_printed": MappingProxyType(
            {"|t|": at, "|d_z|": at / math.sqrt(n), "|g_z|": paired_t.hedges_gz(at, n)}
        ),
    }
    (m0, s0), (m1, s1) = before, after
    if m0 is None or m1 is None:
        return found, verdict.t_test_alone(p, t, n)
    change = float(m1.value - m0.value)
    if t[0] > 0:
        found["sd_change_at_most"] = abs(change) * math.sqrt(n) / t[0]
    if s0 is None or s1 is None:
        return found, verdict.t_test_alone(p, t, n)
    sds = (float(s0.value), float(s1.value))
    r = tuple(paired_t.correlation(change, *sds, n, end) for end in t)
    found["r_range"] = (max(-1.0, r[0]) if r[0] <= 1 else r[0], min(1.0, r[1]) if r[1] >= -1 else r[1])
    box = (paired_t.change_range(m0, m1), _ends(s0), _ends(s1), n)
    at_least, at_most = (paired_t.correlation_over_rounding(*box, end) for end in t)
    found |= {"r_at_least_over_rounding": at_least, "r_at_most_over_rounding": at_most}
    return found, verdict.t_test(p, at_least, at_most, n)


def _ends(figure: PrintedNumber) -> paired_t.Range:
    return float(figure.low), float(figure.high)


def _whole_numbers(
    n: int, before: Summary, after: Summary, items: int, bounds: Bounds | None
) -> dict[str, Any]:
    """GRIM of each mean, and GRIMMER where its SD is printed too."""
    visits = {name: given for name, given in (("pre", before), ("post", after)) if given[0] is not None}
    means = {name: grim(str(mean), n, items, bounds) for name, (mean, _) in visits.items()}
    both = {
        name: grimmer(str(mean), str(sd), n, items, bounds)
        for name, (mean, sd) in visits.items()
        if sd is not None
    }
    return {"grim": MappingProxyType(means), "grimmer": MappingProxyType(both)}


def _impossible_numbers(found: Mapping[str, Any], beyond: Iterable[str]) -> Verdict | None:
    """The verdict on a mean or SD that whole numbers, or numbers within the bounds, cannot have."""
    checks = {**found.get("grim", {}), **found.get("grimmer", {})}
    reasons = [str(check) for check in checks.values() if not check.consistent]
    reasons += filter(None, beyond)
    return Verdict("impossible", "; ".join(reasons)) if reasons else None
