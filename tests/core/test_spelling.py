"""Spelling: how a system rewrites what it is sent."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from instep.core.model import Word
from instep.core.spelling import FAITHFUL, Precision, Shorten, Spelling, tidy
from tests.core.make import CHANGES

WHEN = "2026-01-05T23:30:59.123456Z"
PARIS, NEW_YORK = "Europe/Paris", "America/New_York"
TEXTS = st.text(alphabet="abc \n\t…\u00a0", max_size=14)

# Instants.


@pytest.mark.parametrize(
    ("precision", "kept", "local"),
    [
        (Precision.MICROSECOND, WHEN, "2026-01-06T00:30:59.123456"),
        (Precision.MILLISECOND, "2026-01-05T23:30:59.123Z", "2026-01-06T00:30:59.123"),
        (Precision.SECOND, "2026-01-05T23:30:59Z", "2026-01-06T00:30:59"),
        (Precision.MINUTE, "2026-01-05T23:30:00Z", "2026-01-06T00:30"),
        (Precision.DAY, "2026-01-05T00:00:00Z", "2026-01-06"),
    ],
)
def test_an_instant_is_cut_where_it_is_kept(precision: Precision, kept: str, local: str) -> None:
    """Instants are cut downwards, in UTC or in the system's own zone: there a day is its day."""
    assert Spelling(precision).digits(WHEN) == kept
    assert Spelling(precision, PARIS).digits(WHEN) == local
    assert Spelling(precision, PARIS).local(local) == local


@pytest.mark.parametrize(
    ("precision", "heard", "plain"),
    [
        (Precision.MINUTE, "2026-01-05T10:00:00", "2026-01-05T10:00"),
        (Precision.MINUTE, "2026-01-05 10:00", "2026-01-05T10:00"),
        (Precision.MINUTE, "2026-01-05", "2026-01-05T00:00"),
        (Precision.SECOND, "2026-01-05T10:00", "2026-01-05T10:00:00"),
        (Precision.MILLISECOND, "2026-01-05T10:00:00.5", "2026-01-05T10:00:00.500"),
        (Precision.DAY, "2026-01-05T10:00:00", "2026-01-05"),
        (Precision.MINUTE, "2026-03-29T02:30", "2026-03-29T02:30"),
    ],
)
def test_local_digits_are_spelled_one_way(precision: Precision, heard: str, plain: str) -> None:
    """However a service spells local digits, they are made plain with the precision it keeps."""
    assert Spelling(precision, PARIS).local(heard) == plain


@pytest.mark.parametrize(
    ("precision", "heard", "plain"),
    [
        (Precision.SECOND, "2026-01-05T10:00:00Z", "2026-01-05T11:00:00"),
        (Precision.DAY, "2026-01-05T23:30:00+00:00", "2026-01-06"),
        (Precision.MINUTE, "20260105T100000Z", "2026-01-05T11:00"),
        (Precision.MILLISECOND, "2026-01-05T10:00:00.12Z", "2026-01-05T11:00:00.120"),
        (Precision.MICROSECOND, "2026-01-05T10:00:00.12345Z", "2026-01-05T11:00:00.123450"),
    ],
)
def test_an_instant_with_a_zone_is_believed(precision: Precision, heard: str, plain: str) -> None:
    """An instant that names its zone is put into the system's, however long it is."""
    assert Spelling(precision, PARIS).local(heard) == plain


@pytest.mark.parametrize(
    "digits", ["soon", "2026-13-01T10:00", "9999-12-31T23:59:59-01:00", 20260105, ("2026",)]
)
def test_what_is_no_digits_stays(digits: Word) -> None:
    """What cannot be read as local digits is left as it is."""
    assert Spelling(Precision.MINUTE, PARIS).local(digits) == digits


@pytest.mark.parametrize("nothing", [None, "", ()])
def test_empty_digits_say_nothing(nothing: Word) -> None:
    """No digits are nothing said."""
    assert Spelling(zone=PARIS).local(nothing) is None


def test_digits_are_read_in_their_zone() -> None:
    """Digits of a zone are read as time there; of an hour that comes twice, as its first."""
    assert Spelling(zone=PARIS).utc("2026-07-05T10:00") == "2026-07-05T10:00:00+02:00"
    assert Spelling(zone=NEW_YORK).utc("2026-11-01T01:30") == "2026-11-01T01:30:00-04:00"
    with pytest.raises(ValueError, match="Invalid isoformat"):
        Spelling(zone=PARIS).utc("soon")


def test_the_calendar_ends_before_an_instant() -> None:
    """An instant for which a zone has no digits any more has none."""
    assert Spelling(zone=PARIS).digits("9999-12-31T23:30:00Z") is None
    assert Spelling(zone=NEW_YORK).digits("0001-01-01T00:00:00Z") is None
    assert FAITHFUL.digits("0001-01-01T00:00:00Z") == "0001-01-01T00:00:00Z"


@given(st.sampled_from(CHANGES), st.sampled_from(Precision), st.sampled_from(("", PARIS, NEW_YORK)))
def test_a_cut_instant_is_not_cut_again(instant: str, precision: Precision, zone: str) -> None:
    """What is cut and read stays as it is, around every change of the clocks."""
    spelling = Spelling(precision, zone)
    cut = spelling.digits(instant)
    assert cut is not None
    assert spelling.digits(spelling.utc(cut) if zone else cut) == cut


# Text.


@pytest.mark.parametrize(
    ("how", "longest", "text", "kept"),
    [
        (Shorten.ELLIPSIS, 8, "Checkout", "Checkout"),
        (Shorten.ELLIPSIS, 7, "Checkout", "Checko…"),
        (Shorten.ELLIPSIS, 1, "Checkout", "…"),
        (Shorten.CUT, 7, "Checkout", "Checkou"),
        (Shorten.CUT, 4, "The pay page", "The"),
        (Shorten.CUT, 2, "  a", None),
        (Shorten.WORDS, 12, "The pay page is down", "The pay…"),
        (Shorten.WORDS, 13, "The pay page is down", "The pay page…"),
        (Shorten.WORDS, 9, "The pay page is down", "The pay…"),
        (Shorten.WORDS, 8, "The pay page is down", "The pay…"),
        (Shorten.WORDS, 7, "The pay page is down", "The…"),
        (Shorten.WORDS, 6, "Checkout", "Check…"),
        (Shorten.WORDS, 5, " Checkout", " Che…"),
        (Shorten.WORDS, 3, "   abc", "…"),
        (Shorten.WORDS, 4, "   abc", "…"),
        (Shorten.WORDS, 1, "abc", "…"),
    ],
)
def test_a_long_text_is_shortened(how: Shorten, longest: int, text: str, kept: str | None) -> None:
    """Text that is too long ends in an ellipsis, in one after its last whole word, or is cut."""
    assert Spelling(max_length=longest, shorten=how).shape(text) == kept


@pytest.mark.parametrize(
    ("spelling", "text", "kept"),
    [
        (Spelling(strip=True), " \n a b \t", "a b"),
        (Spelling(strip=True), " \n", None),
        (Spelling(tidy=True, strip=True), "\n\n\na \n\n\n b\n\n", "a\n\n b"),
        (Spelling(min_length=4), "db", "db.."),
        (Spelling(strip=True, min_length=4), " db ", "db.."),
        (Spelling(tidy=True, min_length=4, max_length=4), "db \nweb", "db\n…"),
        (Spelling(strip=True, max_length=4), "  down  ", "down"),
        (Spelling(), "", None),
    ],
)
def test_a_text_is_rewritten(spelling: Spelling, text: str, kept: str | None) -> None:
    """A text is tidied, stripped, shortened and padded, in this order; empty is nothing."""
    assert spelling.shape(text) == kept


@given(
    TEXTS, st.integers(1, 9), st.sampled_from(Shorten), st.booleans(), st.booleans(), st.booleans()
)
def test_a_rewritten_text_is_rewritten_already(
    text: str, longest: int, how: Shorten, tidies: bool, strips: bool, pads: bool
) -> None:
    """A text that was rewritten has the length it should, and stays as it is from then on."""
    spelling = Spelling(
        tidy=tidies,
        strip=strips,
        min_length=longest if pads else 0,
        max_length=longest,
        shorten=how,
    )
    kept = spelling.shape(text)
    if kept is not None:
        assert spelling.min_length <= len(kept) <= longest
        assert spelling.shape(kept) == kept
        assert not tidies or tidy(kept) == kept


@given(st.lists(st.text("ab", min_size=1, max_size=4), min_size=2), st.integers(6, 12))
def test_shortened_words_are_whole(words: list[str], longest: int) -> None:
    """Where words are kept whole, as many stand before the ellipsis as there is room for."""
    assume(len(" ".join(words)) > longest)
    kept = Spelling(max_length=longest, shorten=Shorten.WORDS).shape(" ".join(words))
    assert kept is not None
    count = len(kept[:-1].split())
    assert kept == " ".join(words[:count]) + "…"
    assert len(" ".join(words[: count + 1])) >= longest
