from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from msclong.printing.text_width import plain, width, wrapped


def test_wide_characters_take_two_columns_and_accents_none():
    assert [width(text) for text in ("abc", "水", "e\u0301", "é")] == [3, 2, 1, 1]


def test_what_moves_the_cursor_becomes_a_blank():
    assert plain("a\tb\nc\x1b[31m\u00a0d") == "a b c [31m d"


def test_lines_end_after_words_and_long_words_are_broken():
    assert wrapped("TRT[T.active]:AVISIT[T.Week 12]", 20, "  ") == ["TRT[T.active]:", "  AVISIT[T.Week 12]"]
    assert wrapped("abcdefgh", 4, " ") == ["abcd", " efg", " h"]
    assert wrapped("", 4) == [""]


@given(st.text("ab :水", max_size=60), st.integers(4, 12))
def test_no_character_is_lost_but_blanks(text, columns):
    lines = wrapped(text, columns, "  ")
    assert max(map(width, lines)) <= columns
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
