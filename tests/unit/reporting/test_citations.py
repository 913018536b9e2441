"""Author and year become numbers, whatever form a citation has."""

from __future__ import annotations

import re

import pytest

from msclong.reporting import covariance_words, methods, multiplicity
from msclong.reporting.citations import NAMED, cited, named, numbered
from msclong.reporting.references import REFERENCES
from msclong.reporting.words import words


def test_every_reference_has_the_author_and_the_year_by_which_texts_cite_it():
    assert set(NAMED) == set(REFERENCES)
    for key, (_, year) in NAMED.items():
        assert str(year) in REFERENCES[key], key


@pytest.mark.parametrize(
    ("text", "keys", "expected"),
    [
        ("by Kenward and Roger (1997).", ["kenward"], "by Kenward and Roger [1]."),
        ("are normal (Laird and Ware 1982).", ["laird"], "are normal [1]."),
        ("(REML; Patterson and Thompson 1971)", ["patterson"], "(REML) [1]"),
        (
            "(Bell and McCaffrey 2002; Pustejovsky and Tipton 2018)",
            ["pustejovsky", "bell"],
            "[1, 2]",
        ),
        ("of Bell and McCaffrey (2002; CR2)", ["bell"], "of Bell and McCaffrey (CR2) [1]"),
        ("(of Liang and Zeger 1986, CR0)", ["liang"], "(of Liang and Zeger [1], CR0)"),
        ("Holm\u2019s method (1979), over all", ["holm"], "Holm\u2019s method [1], over all"),
        ("Holm 1979 and Genz 1992 and Holm (1979)", ["genz", "holm"], "Holm [1] and Genz [2] and Holm [1]"),
        ("named nowhere", ["holm"], "named nowhere [1]"),
        ("named nowhere.", ["holm", "genz"], "named nowhere [1, 2]."),
    ],
)
def test_forms(text, keys, expected):
    found, references = numbered(text, keys)
    assert found == expected
    assert len(references) == len(set(keys))


def test_references_come_in_the_order_of_the_text():
    _, references = numbered("Genz 1992, then Holm 1979.", ["holm", "genz"])
    assert references == (REFERENCES["genz"], REFERENCES["holm"])


def test_every_citation_in_the_words_of_methods_is_found():
    """A source that is cited by key stands in its words too, so that its number stands where it belongs."""
    sourced = [*methods.OWN_ERRORS.values(), *methods.ERRORS.values(), *methods.DEGREES.values()]
    sourced += [methods.ROBUST_DEGREES, *multiplicity.METHODS.values()]
    sourced += [
        (f"{told} {' '.join(map(cited, keys))}", keys) for told, keys in covariance_words.STRUCTURES.values()
    ]
    for told, keys in sourced:
        found, _ = numbered(told, keys)
        for key in keys:
            assert str(NAMED[key][1]) not in found
        if keys:
            # None of them was put at the end for want of a place.
            assert numbered(f"{told} END", keys)[0].endswith("END"), told


@pytest.mark.parametrize("made", ["hamd17_report", "founding_report"])
def test_whatever_a_report_cites_is_among_its_references(request, made):
    text = " ".join(map(words, request.getfixturevalue(made).sections))
    cited = named(text)
    assert len(cited) > 5
    assert [key for key in cited if REFERENCES[key] not in text] == []
    # A year beside names that no reference has is a citation without one.
    assert set(re.findall(r"\(([A-Z][\w ,.]+? \d{4})\)", text)) <= {f"{n} {y}" for n, y in NAMED.values()}
