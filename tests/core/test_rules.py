"""Rules: every lens keeps its promises, whatever a service is like."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.fields import Kind, moment, normal
from instep.core.model import Word
from instep.core.rules import Rule
from instep.core.spelling import Precision, tidy
from tests.core.make import (
    DEV_SEVERITY,
    DOG_SEVERITY,
    DOG_STATUS,
    NAMES,
    RULES,
    make_rule,
    values,
    words,
)

PARIS = RULES["instant, Paris"]
NEW_YORK = RULES["instant, New York"]
TEXTS = st.text(alphabet="ab \t\n\r", max_size=20)


# Laws of every rule.


@pytest.mark.parametrize("name", RULES)
@given(data=st.data())
def test_a_written_word_agrees(name: str, data: st.DataObject) -> None:
    """What is written for a value agrees with it, as sent and as heard again."""
    rule = RULES[name]
    value = data.draw(values(rule.field.kind))
    word = rule.put(value)
    assert word is not None
    assert rule.agrees(word, value)
    assert rule.agrees(rule.own(word), value)


@pytest.mark.parametrize("name", RULES)
@given(data=st.data())
def test_what_was_written_reads_as_what_it_may_stand_for(name: str, data: st.DataObject) -> None:
    """Put, then get: the value read agrees with the word that was written."""
    rule = RULES[name]
    value, base = data.draw(values(rule.field.kind)), data.draw(values(rule.field.kind))
    word = rule.own(rule.put(value))
    assert rule.agrees(word, rule.get(word, base))
    assert rule.get(word, value) == value


@pytest.mark.parametrize("name", RULES)
@given(data=st.data())
def test_what_was_read_is_at_rest(name: str, data: st.DataObject) -> None:
    """Get, then put: a word agrees with what is read from it, so reading alone writes nothing."""
    rule = RULES[name]
    own, base = data.draw(words(rule)), data.draw(values(rule.field.kind))
    if not rule.mute(own):
        assert rule.agrees(own, rule.get(own, None))
        assert rule.agrees(own, rule.get(own, base))
        assert rule.agrees(rule.own(rule.put(rule.get(own, base))), rule.get(own, base))


@pytest.mark.parametrize("name", RULES)
@given(data=st.data())
def test_own_words_are_plain(name: str, data: st.DataObject) -> None:
    """Making an own word plain twice is making it plain once."""
    rule = RULES[name]
    own = data.draw(words(rule))
    assert rule.own(own) == own


@pytest.mark.parametrize("name", RULES)
@given(data=st.data())
def test_reading_keeps_to_what_was_agreed(name: str, data: st.DataObject) -> None:
    """A word that may stand for base is read as base; else as the usual value."""
    rule = RULES[name]
    own, base = data.draw(words(rule)), data.draw(values(rule.field.kind))
    usual = next(iter(rule.reads(own)), None)
    assert rule.get(own, base) == (base if rule.agrees(own, base) else usual)


@pytest.mark.parametrize("name", RULES)
@given(data=st.data())
def test_nothing_agrees_with_nothing_only(name: str, data: st.DataObject) -> None:
    """Nothing said agrees with no value, and no word agrees with no value."""
    rule = RULES[name]
    assert rule.agrees(None, None)
    assert rule.put(None) is None
    assert rule.reads(None) == (None,)
    assert not rule.agrees(None, data.draw(values(rule.field.kind)))
    assert not rule.agrees(data.draw(words(rule).filter(lambda own: own is not None)), None)


# Word tables.


@pytest.mark.parametrize(
    ("table", "own", "base", "value"),
    [
        (DEV_SEVERITY, "sev-3", None, "low"),
        (DEV_SEVERITY, "sev-3", "minor", "minor"),
        (DEV_SEVERITY, "sev-3", "high", "low"),
        (DOG_SEVERITY, "SEV-0", None, "critical"),
        (DOG_STATUS, "active", "investigating", "investigating"),
        (DOG_STATUS, "completed", "active", "resolved"),
    ],
)
def test_a_word_reads_as_base_where_it_can(
    table: dict[str, tuple[str, ...]], own: str, base: str | None, value: str
) -> None:
    """A word for several values is the first of them, unless base already is another."""
    assert make_rule(Kind.CHOICE, table).get(own, base) == value


@pytest.mark.parametrize(
    ("table", "value", "own"),
    [
        (DEV_SEVERITY, "minor", "sev-3"),
        (DOG_SEVERITY, "critical", "SEV-1"),
        (DOG_STATUS, "investigating", "active"),
        (DOG_STATUS, "resolved", "resolved"),
        ({"both": ("high", "low"), "low": ("low",)}, "low", "low"),
        (DOG_STATUS, "cancelled", None),
    ],
)
def test_a_value_is_written_as_the_word_that_usually_means_it(
    table: dict[str, tuple[str, ...]], value: str, own: str | None
) -> None:
    """The first word that usually means a value is written, else one that may, else none."""
    assert make_rule(Kind.CHOICE, table).put(value) == own


def test_either_of_two_words_for_one_value_is_kept() -> None:
    """SEV-0 is not flattened to SEV-1: both agree with what they mean."""
    rule = RULES["choice, more words"]
    assert rule.agrees("SEV-0", "critical")
    assert rule.agrees("SEV-1", "critical")
    assert not rule.agrees("SEV-2", "critical")


def test_a_word_that_means_nothing_said_says_nothing() -> None:
    """UNKNOWN is heard as nothing, which no value is written as."""
    rule = RULES["choice, more words"]
    assert rule.own("UNKNOWN") is None
    assert all(rule.put(value) != "UNKNOWN" for value in rule.field.order)


@pytest.mark.parametrize(
    ("rule", "own"),
    [
        (RULES["choice, fewer words"], "sev-9"),
        (RULES["instant"], "soon"),
        (RULES["instant, Paris"], "soon"),
        (RULES["instant, New York"], "9999-12-31T23:59"),
        (RULES["flag"], "perhaps"),
        (RULES["number"], "many"),
    ],
)
def test_a_word_that_stands_for_nothing_known_is_mute(rule: Rule, own: Word) -> None:
    """A word that cannot be read is kept as it is and stands for no value at all."""
    assert rule.own(own) == own
    assert rule.mute(own)
    assert rule.reads(own) == ()
    assert rule.get(own, None) is None


@pytest.mark.parametrize("name", RULES)
def test_silence_is_not_mute(name: str) -> None:
    """Nothing said is not a word that stands for nothing: it can be written over."""
    assert not RULES[name].mute(None)


def test_names_are_translated_one_by_one() -> None:
    """Of a set, each name is translated, and names that the table lacks stay as they are."""
    rule = RULES["set, own names"]
    assert rule.get(("API", "db"), None) == ("api", "db")
    assert rule.put(("api", "db", "web")) == ("API", "Web", "db")
    assert rule.agrees(("WEB", "API"), ("api", "web"))


def test_a_name_that_means_nothing_is_left_out() -> None:
    """A name in a set that the table gives no meaning says nothing."""
    rule = make_rule(Kind.SET, {**NAMES, "none": ()})
    assert rule.get(("API", "none"), None) == ("api",)
    assert rule.own("none") is None


def test_one_own_name_is_written_once() -> None:
    """Two values that one own name stands for are written as that name, once."""
    rule = make_rule(Kind.SET, NAMES)
    assert rule.put(("API", "api")) == ("API",)


def test_a_name_may_stand_for_several() -> None:
    """Names of a set are a relation like the words of a choice: a second meaning counts, too."""
    rule = make_rule(Kind.SET, {"Shop": ("checkout", "cart")})
    assert rule.put(("cart",)) == ("Shop",)
    assert rule.agrees(("Shop",), ("cart",))


# Sets of which one name is held.


def test_one_name_of_a_set_is_held() -> None:
    """A system that holds one name is written the first, and agrees with any name of the set."""
    rule = RULES["set, one name"]
    assert rule.put(("api", "web")) == ("api",)
    assert rule.agrees(("web",), ("api", "web"))
    assert rule.get(("web",), ("api", "web")) == ("api", "web")
    assert not rule.agrees(("db",), ("api", "web"))
    assert rule.get(("db",), ("api", "web")) == ("db",)


def test_one_own_name_of_a_set_is_held() -> None:
    """Where names are translated as well, the first own name is written."""
    rule = RULES["set, one own name"]
    assert rule.put(("web", "api")) == ("API",)
    assert rule.agrees(("WEB",), ("api", "web"))


# Instants.


@pytest.mark.parametrize(
    ("precision", "kept"),
    [
        (Precision.MICROSECOND, "2026-01-05T10:00:59.123456Z"),
        (Precision.MILLISECOND, "2026-01-05T10:00:59.123Z"),
        (Precision.SECOND, "2026-01-05T10:00:59Z"),
        (Precision.MINUTE, "2026-01-05T10:00:00Z"),
    ],
)
def test_instants_are_cut_downwards(precision: Precision, kept: str) -> None:
    """An instant is cut to what the system keeps, and what is left agrees with the whole."""
    rule = make_rule(Kind.INSTANT, precision=precision)
    assert rule.put("2026-01-05T10:00:59.123456Z") == kept
    assert rule.get(kept, "2026-01-05T10:00:59.123456Z") == "2026-01-05T10:00:59.123456Z"


@given(values(Kind.INSTANT), st.integers(0, 59))
def test_all_seconds_of_a_minute_are_one(value: Word, second: int) -> None:
    """Where minutes are kept, every second of one says the same; the next minute does not."""
    rule = RULES["instant, minutes"]
    start = moment(str(rule.put(value)))
    own = rule.put(value)
    assert rule.agrees(own, normal(Kind.INSTANT, start.replace(second=second).isoformat()))
    assert not rule.agrees(own, "2101-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("rule", "local", "utc"),
    [
        (PARIS, "2026-01-05T10:00", "2026-01-05T09:00:00Z"),
        (PARIS, "2026-07-05T10:00", "2026-07-05T08:00:00Z"),
        (NEW_YORK, "2026-01-05T10:00", "2026-01-05T15:00:00Z"),
        (NEW_YORK, "2026-07-05T10:00", "2026-07-05T14:00:00Z"),
    ],
)
def test_local_digits_have_the_zone_of_their_system(rule: Rule, local: str, utc: str) -> None:
    """Digits without a zone are read and written in the system's own."""
    assert rule.get(local, None) == utc
    assert rule.put(utc) == local
    assert rule.own(local) == local
    assert rule.own("") is None


@pytest.mark.parametrize(
    ("rule", "local", "first", "second"),
    [
        (PARIS, "2026-10-25T02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        (NEW_YORK, "2026-11-01T01:30", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"),
    ],
)
def test_an_hour_that_comes_twice_stands_for_both(
    rule: Rule, local: str, first: str, second: str
) -> None:
    """When clocks go back, digits that come twice agree with both instants, and read as base."""
    assert rule.put(first) == rule.put(second) == local
    assert rule.agrees(local, first)
    assert rule.agrees(local, second)
    assert rule.get(local, None) == first
    assert rule.get(local, second) == second


@pytest.mark.parametrize(
    ("rule", "local", "utc", "shown"),
    [
        (PARIS, "2026-03-29T02:30", "2026-03-29T01:30:00Z", "2026-03-29T03:30"),
        (NEW_YORK, "2026-03-08T02:30", "2026-03-08T07:30:00Z", "2026-03-08T03:30"),
    ],
)
def test_an_hour_that_never_comes_is_left_alone(
    rule: Rule, local: str, utc: str, shown: str
) -> None:
    """When clocks go forward, digits in the gap are read as time went on, and not rewritten."""
    assert rule.get(local, None) == utc
    assert rule.put(utc) == shown
    assert rule.agrees(local, utc)
    assert rule.agrees(shown, utc)


def test_an_instant_beyond_a_system_s_calendar_is_not_written() -> None:
    """The last moment of the calendar has no local digits in Paris: it cannot be written there."""
    assert PARIS.put("9999-12-31T23:59:59Z") is None
    assert NEW_YORK.put("9999-12-31T23:59:59Z") == "9999-12-31T18:59"


# Text.


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("one  \ntwo\t", "one\ntwo"),
        ("one\n\n \n\ntwo", "one\n\ntwo"),
        ("  one", "  one"),
        ("\n\none", "\none"),
        ("one\n\n\n", "one\n"),
        ("one", "one"),
        ("", ""),
    ],
)
def test_text_is_tidied(text: str, tidied: str) -> None:
    """Lines lose trailing white space, runs of blank lines become one; the rest stays."""
    assert tidy(text) == tidied


@given(TEXTS)
def test_tidy_is_tidy(text: str) -> None:
    """Tidied text stays as it is; no line ends in white space and no two blank ones follow."""
    once = tidy(text)
    assert tidy(once) == once
    lines = once.split("\n")
    assert all(line == line.rstrip() for line in lines)
    assert not any(a == b == "" for a, b in itertools.pairwise(lines))
    assert "".join(once.split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("name", "value", "own"),
    [
        ("line, at least four", "db", "db.."),
        ("line, at least four", "down", "down"),
        ("line, at most five", "Checkout", "Chec…"),
        ("line, at most five", "Check", "Check"),
        ("text, tidied", "one \n\n\ntwo", "one\n\ntwo"),
        ("text, tidied and cut", "one \ntwo", "one…"),
        ("text, tidied and cut", "a", "a."),
    ],
)
def test_text_is_written_as_the_system_keeps_it(name: str, value: str, own: str) -> None:
    """Short text is padded, long text cut, untidy text tidied: and each still agrees."""
    assert RULES[name].put(value) == own
    assert RULES[name].get(own, value) == value


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.LINE, Kind.LINK, Kind.CHOICE])
def test_what_is_no_text_stays_as_it_is(kind: Kind) -> None:
    """A word that is not text is kept; line ends of text are made one."""
    assert make_rule(kind).own(5) == 5
    assert make_rule(kind).own("a\r\nb") == "a\nb"
    assert make_rule(kind).own("") is None


def test_text_that_is_tidied_away_is_not_written() -> None:
    """White space alone cannot be written where it is tidied away: nothing agrees with it."""
    assert RULES["text, tidied"].put(" \n \n") is None


def test_a_blank_line_says_nothing() -> None:
    """White space where one line is said is nothing said: else a blank title would propose none."""
    assert RULES["line"].own("  ") is None


# for tests/core/test_rules.py, or test_lenses.py


@pytest.mark.parametrize(
    "rule",
    [
        *(make_rule(kind) for kind in (Kind.LINE, Kind.TEXT, Kind.LINK, Kind.CHOICE)),
        make_rule(Kind.CHOICE, DEV_SEVERITY),
    ],
)
def test_several_names_are_no_text(rule: Rule) -> None:
    """A list that stands where one word should is mute: it is not spelled as the list it is."""
    assert rule.mute(rule.own(("sev-0", "sev-1")))
