"""Field types: what makes a value plain, and which values are one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.fields import CLEARING, Field, Kind, moment, normal, spell, stamp
from instep.core.model import Word
from tests.core.make import CHANGES, RAW

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
INSTANTS = st.datetimes(
    datetime.fromisoformat("0002-01-01"), datetime.fromisoformat("9998-01-01"), timezones=ZONES
)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("unset", [None, "", [], (), set(), frozenset()])
def test_nothing_is_spelled_in_many_ways(kind: Kind, unset: object) -> None:
    """Missing, empty text and empty lists are one value for every kind: nothing."""
    assert normal(kind, unset) is None


@pytest.mark.parametrize("kind", Kind)
@given(data=st.data())
def test_plain_is_plain(kind: Kind, data: st.DataObject) -> None:
    """Making a value plain twice is making it plain once."""
    once = normal(kind, data.draw(RAW[kind]))
    assert normal(kind, once) == once
    assert type(normal(kind, once)) is type(once)


@pytest.mark.parametrize(
    ("kind", "value", "plain"),
    [
        (Kind.LINE, "  Checkout \t\r\n down ", "Checkout down"),
        (Kind.LINE, " \n ", None),
        (Kind.TEXT, "one\r\n two ", "one\n two "),
        (Kind.TEXT, 5, "5"),
        (Kind.LINK, "https://a.io/1", "https://a.io/1"),
        (Kind.CHOICE, "high", "high"),
        (Kind.SET, ["web", " api ", "web", ""], ("api", "web")),
        (Kind.SET, {"web", "api"}, ("api", "web")),
        (Kind.SET, [" ", ""], None),
        (Kind.SET, "api", ("api",)),
        (Kind.PEOPLE, ["Bob@X.io", "ann@x.io", "bob@x.io "], ("ann@x.io", "bob@x.io")),
        (Kind.FLAG, True, True),
        (Kind.FLAG, False, False),
        (Kind.FLAG, 0, False),
        (Kind.FLAG, "Yes", True),
        (Kind.FLAG, "FALSE", False),
        (Kind.NUMBER, "3.0", 3),
        (Kind.NUMBER, 3.5, 3.5),
        (Kind.NUMBER, 0, 0),
        (Kind.INSTANT, "2026-01-05T11:00:00.500+01:00", "2026-01-05T10:00:00.5Z"),
        (Kind.INSTANT, "2026-01-05T10:00:00", "2026-01-05T10:00:00Z"),
    ],
)
def test_each_kind_has_one_spelling(kind: Kind, value: object, plain: Word) -> None:
    """Values that mean one thing are made one: names sorted, people in lower case, UTC text."""
    assert normal(kind, value) == plain
    assert type(normal(kind, value)) is type(plain)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.FLAG, "perhaps"),
        (Kind.NUMBER, "many"),
        (Kind.NUMBER, True),
        (Kind.INSTANT, "yesterday"),
        (Kind.INSTANT, 17),
        (Kind.INSTANT, "0001-01-01T00:00:00+01:00"),
        (Kind.INSTANT, "9999-12-31T23:59:59-05:00"),
    ],
)
def test_what_cannot_be_read_is_refused(kind: Kind, value: object) -> None:
    """A value that is none of its kind raises ``ValueError``, and nothing else."""
    with pytest.raises(ValueError):  # noqa: PT011
        normal(kind, value)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", float("nan")])
def test_what_is_no_number_is_refused(value: object) -> None:
    """Not-a-number and infinities are refused: nothing would ever agree with them."""
    with pytest.raises(ValueError):  # noqa: PT011
        normal(Kind.NUMBER, value)


def test_doubled_line_ends_are_plain() -> None:
    """Text whose line ends were doubled on the way is made plain in one go, too."""
    once = normal(Kind.TEXT, "one\r\r\ntwo")
    assert normal(Kind.TEXT, once) == once


@given(INSTANTS)
def test_an_instant_is_read_as_it_was_spelled(when: datetime) -> None:
    """Spelling an instant and reading it gives the same instant, in any zone."""
    assert moment(spell(when)) == when
    assert moment(stamp(when)) == when


@given(INSTANTS)
def test_an_instant_has_one_spelling(when: datetime) -> None:
    """What was spelled, by itself or by a stamp, is spelled the same again."""
    assert spell(moment(spell(when))) == spell(when) == spell(moment(stamp(when)))
    assert not spell(when).partition(".")[2].endswith("0Z")


@given(INSTANTS, INSTANTS)
def test_stamps_sort_as_time(one: datetime, other: datetime) -> None:
    """Stamps compare as text the way their instants compare in time."""
    assert (stamp(one) < stamp(other)) == (one < other)
    assert (stamp(one) == stamp(other)) == (one == other)


@pytest.mark.parametrize("text", CHANGES)
def test_no_zone_is_utc(text: str) -> None:
    """An instant without a zone is read as UTC."""
    assert moment(text.removesuffix("Z")) == moment(text)
    assert moment(text).tzinfo is UTC


@pytest.mark.parametrize("kind", Kind)
def test_only_some_kinds_can_be_emptied(kind: Kind) -> None:
    """Text, sets, people and links can be emptied; a choice or an instant cannot."""
    assert Field("f", kind).clears is (kind in CLEARING)
    assert frozenset({Kind.TEXT, Kind.SET, Kind.PEOPLE, Kind.LINK}) == CLEARING
