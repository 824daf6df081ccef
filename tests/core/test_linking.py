"""Linking: which incident a record belongs to, and that nothing is guessed."""

from __future__ import annotations

import itertools

import pytest

from instep.core.linking import Bound, Link, Place, link, same_record
from instep.core.model import Mark, Record

OURS, OTHER = Mark("b", "B-1", "uid1"), Mark("b", "B-2", "uid2")
KNOWN = Bound(1, "born", "uid1")


def record(mark: Mark | None = None, birth: str = "born") -> Record:
    """Make the record ``r``."""
    return Record("r", birth, "digest", {}, mark=mark)


@pytest.mark.parametrize(
    ("mark", "birth", "same"),
    [
        (None, "born", True),
        (OURS, "born", True),
        (OTHER, "born", False),
        (None, "later", False),
        (OURS, "later", False),
    ],
)
def test_a_known_id_may_mean_another_record(mark: Mark | None, birth: str, same: bool) -> None:
    """An id is known by its birth, and by not carrying the mark of another incident."""
    assert same_record(KNOWN, record(mark, birth)) is same
    expected = (Link.KNOWN, 1) if same else (Link.NEW, None)
    assert link(record(mark, birth), KNOWN, None, None) == expected


@pytest.mark.parametrize(
    ("marked", "begun", "expected"),
    [
        (None, None, (Link.NEW, None)),
        (Place(2), None, (Link.MARK, 2)),
        (Place(2, "r"), None, (Link.MARK, 2)),
        (Place(2, "q"), None, (Link.DUPLICATE, 2)),
        (None, Place(3), (Link.ORIGIN, 3)),
        (None, Place(3, "r"), (Link.ORIGIN, 3)),
        (None, Place(3, "q"), (Link.DUPLICATE, 3)),
        (Place(2), Place(3), (Link.MARK, 2)),
        (Place(2, "q"), Place(3), (Link.DUPLICATE, 2)),
    ],
)
def test_an_unknown_record_is_linked_by_its_mark(
    marked: Place | None, begun: Place | None, expected: tuple[Link, int | None]
) -> None:
    """By the mark, else as the record in which it began; a side that has its record has a copy."""
    assert link(record(OURS), None, marked, begun) == expected
    assert link(record(OURS, "later"), KNOWN, marked, begun) == expected


def test_what_is_known_needs_no_mark() -> None:
    """A record that is known stays where it is, whatever else could claim it."""
    places = (None, Place(2), Place(2, "q"))
    for marked, begun in itertools.product(places, places):
        assert link(record(), KNOWN, marked, begun) == (Link.KNOWN, 1)
