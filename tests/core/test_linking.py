"""Linking: which incident a record belongs to, and that nothing is guessed."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.fields import stamp
from instep.core.linking import NEAR, Bound, Link, Look, Place, address, link, same_record
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
    for marked, begun, addressed in itertools.product(places, places, places):
        assert link(record(), KNOWN, marked, begun, addressed) == (Link.KNOWN, 1)


# Addresses.


@pytest.mark.parametrize(
    ("place", "mark", "expected"),
    [
        (Place(4), None, (Link.ADDRESS, 4)),
        (Place(4, "q"), None, (Link.NEW, None)),
        (Place(4, "r"), None, (Link.NEW, None)),
        (Place(4), OURS, (Link.NEW, None)),
    ],
)
def test_an_address_links_what_is_free(
    place: Place, mark: Mark | None, expected: tuple[Link, int | None]
) -> None:
    """A record that points at another joins it, if that side is free and it carries no mark."""
    assert link(record(mark), None, None, None, place) == expected


def test_a_mark_is_worth_more_than_an_address() -> None:
    """What a record is marked with, or began, comes first, though that make it a copy."""
    for taken in (None, "q"):
        how = Link.MARK if taken is None else Link.DUPLICATE
        assert link(record(), None, Place(2, taken), Place(3), Place(4)) == (how, 2)
        how = Link.ORIGIN if taken is None else Link.DUPLICATE
        assert link(record(), None, None, Place(3, taken), Place(4)) == (how, 3)


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("https://a.io/x", "https://a.io/x"),
        ("  https://a.io/x/  ", "https://a.io/x"),
        ("https://a.io/x#part", "https://a.io/x"),
        ("https://a.io/#/x", "https://a.io"),
        ("https://a.io/x?page=2", "https://a.io/x?page=2"),
        ("HTTP://A.io", "HTTP://A.io"),
        ("https://a.io/x and more", None),
        ("see https://a.io/x", None),
        ("https:///x", None),
        ("https://#x", None),
        ("https://a.io/\x07", None),
        ("ftp://a.io/x", None),
        ("a.io/x", None),
        ("", None),
        (None, None),
        (7, None),
        (["https://a.io/x"], None),
    ],
)
def test_an_address_is_compared_without_its_end(said: object, plain: str | None) -> None:
    """Fragments, slashes at the end and blanks around do not count; all else does."""
    assert address(said) == plain


urls = st.text(alphabet="ab./#? \n\x07é", max_size=9).map(lambda end: f"https://{end}")


@given(st.one_of(urls, st.text()))
def test_an_address_is_plain_at_once(said: str) -> None:
    """The address of an address is itself; blanks and a fragment change nothing."""
    plain = address(said)
    if plain is not None:
        assert address(plain) == address(f" {plain}/ ") == address(f"{plain}#part") == plain
        assert said.strip().startswith(plain)


# Looks.

START = datetime(2026, 1, 5, 10, tzinfo=UTC)

titles = st.sampled_from(("Checkout slow", "checkout: SLOW!", "Search down", "--", ""))
times = st.one_of(
    st.sampled_from(("", "soon")),
    st.floats(-2 * NEAR, 2 * NEAR).map(lambda s: stamp(START + timedelta(seconds=s))),
)
looks = st.builds(Look, titles, times)


@given(looks, looks)
def test_looking_alike_is_mutual(one: Look, other: Look) -> None:
    """If one incident looks like another, that looks like the first."""
    assert one.like(other) is other.like(one)


@given(looks)
def test_what_is_known_looks_like_itself(one: Look) -> None:
    """An incident looks like itself, if it has a title and it is known when it began."""
    assert one.like(one) is (bool(one.plain) and one.began not in {"", "soon"})


@pytest.mark.parametrize(
    ("title", "same"),
    [
        ("checkout:  SLOW!", True),
        ("Checkout slow", True),
        ("Checkout slow again", False),
        ("Checkoutslow", False),
        ("", False),
    ],
)
def test_a_title_is_known_without_case_and_punctuation(title: str, same: bool) -> None:
    """One title is one title, however it is spelled; more or fewer words make another."""
    began = stamp(START)
    assert Look("Checkout slow", began).like(Look(title, began)) is same


@pytest.mark.parametrize(("seconds", "same"), [(0, True), (NEAR, True), (NEAR + 1, False)])
def test_incidents_an_hour_apart_may_be_one(seconds: float, same: bool) -> None:
    """Two that began within an hour look the same, in whatever zone that is spelled."""
    later = START + timedelta(seconds=seconds)
    one = Look("Checkout slow", stamp(START))
    assert one.like(Look("Checkout slow", stamp(later))) is same
    zoned = later.astimezone(timezone(timedelta(hours=2))).isoformat()
    assert one.like(Look("Checkout slow", zoned)) is same


def test_titles_of_punctuation_look_like_nothing() -> None:
    """A title without a letter or a number is no title to know an incident by."""
    assert not Look("---", stamp(START)).like(Look("---", stamp(START)))
