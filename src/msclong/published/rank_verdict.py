"""Verdicts on a printed p-value by the sign test and the signed-rank test."""

from __future__ import annotations

from collections.abc import Callable

from msclong.published.exact_tests import sign_tests, smallest_p
from msclong.published.printed import PrintedP
from msclong.published.signed_rank import (
    Against,
    Method,
    smallest_normal_p,
    special_admits,
    untied_admits,
)
from msclong.published.verdict import Verdict

Admits = Callable[[Against], bool]


def sign_test(p: PrintedP, n: int, against: Against, whole: bool) -> Verdict:
    """The exact sign test; changes of zero may have been dropped, which is usual where values are `whole` numbers."""

    def admits(against: Against, least_m: int = 1) -> bool:
        least, most = against
        return any(
            bool(p.admits(found[least : most - (n - m) + 1]).any())
            for m, found in enumerate(sign_tests(n), start=1)
            if m >= max(least_m, n - most)
        )

    test, least = f"an exact sign test of {n} changes", smallest_p(n)
    return _verdict(
        test, p, n, against, whole, lambda k: admits(k, n), admits, "zero", _smallest(test, p, least)
    )


def signed_rank(p: PrintedP, n: int, against: Against, whole: bool) -> Verdict:
    """The exact signed-rank test; changes of zero may have been dropped and others be tied, usual with `whole`
    numbers."""
    test = f"an exact signed-rank test of {n} changes"
    return _by_ranks("exact", test, p, n, against, whole, _smallest(test, p, smallest_p(n)))


def normal_signed_rank(p: PrintedP, n: int, against: Against, whole: bool) -> Verdict:
    """The signed-rank test by its normal approximation, with or without correction for continuity: what most
    programs print for ties, zeros or large n, and some always."""
    test = f"the normal approximation of a signed-rank test of {n} changes"
    least, untied = smallest_normal_p(n)
    tied = f" ({untied:.3g} unless some are tied)" if n > 1 else ""
    return _by_ranks("normal", test, p, n, against, whole, _smallest(test, p, least, tied))


def _by_ranks(
    method: Method, test: str, p: PrintedP, n: int, against: Against, whole: bool, smallest: str
) -> Verdict:
    return _verdict(
        test,
        p,
        n,
        against,
        whole,
        lambda k: untied_admits(p, method, n, k),
        lambda k: special_admits(p, method, n, k),
        "zero or tied",
        smallest,
    )


def _smallest(test: str, p: PrintedP, least: float, more: str = "") -> str:
    """Why p is too small for n changes; empty where it is not."""
    if p.high > least or (p.high == least and p.relation != "<"):
        return ""
    return f"the smallest two-sided p of {test} is {least:.3g}{more}, whatever the measurements"


def _verdict(
    test: str,
    p: PrintedP,
    n: int,
    against: Against,
    whole: bool,
    plain: Admits,
    special: Admits,
    patterns: str,
    smallest: str,
) -> Verdict:
    """plain, special : whether p is admitted with so many changes against the others, without and with zeros and
    ties; smallest : why it is too small, if so."""
    if smallest:
        return Verdict("impossible", smallest)
    mixed = (max(1, against[0]), against[1])
    same_sign = against[0] == 0 and plain(against)
    if plain(mixed) or (same_sign and against[1] == 0):
        return Verdict("attainable", f"{test} can give {p}")
    by_pattern = special(mixed)
    if same_sign and not by_pattern:
        return Verdict("tight", f"{test} gives {p} only if all of them have the same sign")
    if same_sign or by_pattern or special(against):
        also = ", or all have the same sign" if same_sign else ""
        return Verdict(
            "attainable" if whole else "tight", f"{test} gives {p} only if some of them are {patterns}{also}"
        )
    reason = f"{test} gives no p-value that would be printed as {p.text}"
    if against != (0, n) and (plain((0, n)) or special((0, n))):
        reason += f": by the printed means and SDs {_told(n, against)}"
    return Verdict("impossible", reason)


def _told(n: int, against: Against) -> str:
    least, most = against
    some = ["one change or more goes against the mean change"] if least else []
    if most == 0:
        some.append("no change is zero or goes against the mean change")
    elif most < n:
        some.append(f"at most {most} of {n} changes are zero or go against the mean change")
    return " and ".join(some)
