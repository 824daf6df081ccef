"""Values as people read them."""

from __future__ import annotations

import pytest

from instep.cli.text import age, columns, instant, many, span, word
from instep.core.model import Word


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        ("plain", "plain"),
        (("a", "b"), "a, b"),
        (True, "true"),
        (3, "3"),
        ("two\nlines", "two lines"),
        ("\x1b[31mred", "?[31mred"),
        ("x" * 60, "x" * 47 + "…"),
    ],
)
def test_a_value_fits_on_a_line(value: Word, shown: str) -> None:
    """Any value is shown on one line, cut where it is long, without moving the cursor."""
    assert word(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        *[(-1, "0 s"), (0, "0 s"), (0.4, "0.4 s"), (119, "119 s"), (120, "2 min")],
        *[(7200, "2 h"), (172800, "2 d")],
    ],
)
def test_a_span_has_one_unit(seconds: float, shown: str) -> None:
    """Spans are told in the largest unit of which there are two."""
    assert span(seconds) == shown


def test_ages_and_instants() -> None:
    """An instant that is not known has no age; zero is never."""
    assert age("1970-01-01T00:00:00Z", 30) == "30 s"
    assert age("", 30) == "?"
    assert instant(0) is None
    assert instant(30) == "1970-01-01T00:00:30.000000Z"


def test_counts_and_columns() -> None:
    """One is singular; columns are as wide as their widest cell, without trailing spaces."""
    assert [many(n, "create") for n in (0, 1, 2)] == ["0 creates", "1 create", "2 creates"]
    assert columns([("a", "bbb", ""), ("aa", "b", "c")]) == ["  a   bbb", "  aa  b    c"]
    assert columns([]) == []
