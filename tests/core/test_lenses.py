"""Lenses: what goes through a rule and back comes to rest, whatever the rule says.

``test_rules.py`` asks the same of rules as they are met; here they are of every shape that a
configuration can give them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from instep.config import loads, unit_of
from instep.core.fields import MANY, Kind, normal
from instep.core.model import Word
from instep.core.plan import settle
from instep.core.rules import Rule
from instep.core.spelling import Precision, Shorten, Spelling
from tests.core.make import (
    CHANGES,
    DEV_SEVERITY,
    LOCAL,
    SEVERITY,
    incident,
    make_field,
    make_rule,
    says,
    voices,
)

#: An hour that comes twice, half an hour that does, a midnight and a whole day that never come.
ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Asia/Kathmandu",
)
TURNS = (
    *CHANGES,
    "2026-04-04T14:45:59.999999Z",
    "2026-04-04T15:15:00.5Z",
    "2018-11-04T02:59:59Z",
    "2018-11-04T03:00:01.25Z",
    "2011-12-30T09:59:59Z",
    "2011-12-30T10:00:00Z",
    "1905-05-05T05:05:05.050505Z",
)
#: Digits of days, of each precision, with and without a zone of their own.
DIGITS = (
    *LOCAL,
    "2018-11-04",
    "2011-12-30",
    "2026-03-29T02:30:00",
    "2026-03-29 02:30",
    "2026-01-05T10:00:00.12Z",
    "2026-01-05T10:00:00.12345Z",
    "2026-01-05T10:00:00+05:30",
    "20260105T100000Z",
    "9999-12-31T23:59",
)
NAMES = ("api", "web", "db", "cache", "API", "Web")
PEOPLE = ("ann@x.io", "bob@x.io", "Eve@x.io", " ann@x.io")
OWN = ("A", "B", "C", "critical", "low")
#: White space of every sort, letters, and what rewritings themselves write.
LETTERS = "ab ….\n\t\r\u00a0\u2028"
TEXTS = (Kind.LINE, Kind.TEXT)


def tables(
    own: tuple[str, ...], common: tuple[str, ...], fewest: int = 0
) -> st.SearchStrategy[dict[str, tuple[str, ...]]]:
    """Draw a word table: words with one meaning, several, or none, in any order."""
    meanings = st.lists(st.sampled_from(common), min_size=fewest, max_size=3, unique=True)
    return st.dictionaries(st.sampled_from(own), meanings.map(tuple), min_size=1, max_size=5)


@st.composite
def choices(draw: st.DrawFn) -> Rule:
    """Draw a rule of a choice: with a table or without, and with words that it does not list."""
    table = draw(st.none() | tables(OWN, SEVERITY))
    unlisted = st.none() | st.lists(st.sampled_from(SEVERITY), max_size=2, unique=True).map(tuple)
    return Rule(make_field(Kind.CHOICE), "p", words=table, otherwise=draw(unlisted))


@st.composite
def many(draw: st.DrawFn, kind: Kind) -> Rule:
    """Draw a rule of a set: with own names or without, that holds one or is only added to."""
    known = NAMES if kind is Kind.SET else ("ann@x.io", "bob@x.io", "eve@x.io")
    table = draw(st.none() | tables(known, known, fewest=1))
    how = draw(st.sampled_from((Spelling(), Spelling(single=True), Spelling(only_add=True))))
    return Rule(make_field(kind), "p", words=table, spelling=how)


@st.composite
def texts(draw: st.DrawFn, kind: Kind) -> Rule:
    """Draw a rule of a text that is rewritten, padded and shortened."""
    shortest, longest = draw(st.integers(0, 5)), draw(st.integers(0, 8))
    assume(not 0 < longest < shortest)
    return make_rule(
        kind,
        min_length=shortest,
        max_length=longest,
        shorten=draw(st.sampled_from(Shorten)),
        tidy=draw(st.booleans()),
        strip=draw(st.booleans()),
    )


def instants() -> st.SearchStrategy[Rule]:
    """Draw a rule of an instant: every precision, in UTC or as local digits."""
    return st.builds(
        lambda precision, zone: make_rule(Kind.INSTANT, precision=precision, zone=zone),
        st.sampled_from(Precision),
        st.sampled_from(("", *ZONES)),
    )


#: Rules of every type, with every option that fits it.
LENSES: Mapping[Kind, st.SearchStrategy[Rule]] = {
    Kind.LINE: texts(Kind.LINE),
    Kind.TEXT: texts(Kind.TEXT),
    Kind.CHOICE: choices(),
    Kind.INSTANT: instants(),
    Kind.SET: many(Kind.SET),
    Kind.PEOPLE: many(Kind.PEOPLE),
    Kind.LINK: st.just(make_rule(Kind.LINK)),
    Kind.FLAG: st.just(make_rule(Kind.FLAG)),
    Kind.NUMBER: st.just(make_rule(Kind.NUMBER)),
}
_times = st.datetimes(datetime.fromisoformat("1900-01-01"), timezones=st.just(UTC))
#: What is said of each kind, before it is made plain.
SAID: Mapping[Kind, st.SearchStrategy[Word]] = {
    Kind.LINE: st.text(LETTERS, max_size=12),
    Kind.TEXT: st.text(LETTERS, max_size=12),
    Kind.CHOICE: st.sampled_from((*SEVERITY, *OWN)),
    Kind.INSTANT: st.sampled_from(TURNS) | _times.map(str),
    Kind.SET: st.lists(st.sampled_from(NAMES), max_size=4).map(tuple),
    Kind.PEOPLE: st.lists(st.sampled_from(PEOPLE), max_size=3).map(tuple),
    Kind.LINK: st.sampled_from(("https://a.io/1", "https://a.io/2")),
    Kind.FLAG: st.sampled_from((True, False, "yes", "False", 0)),
    Kind.NUMBER: st.integers() | st.floats() | st.sampled_from(("3.0", "1e3")),
}
#: What a service may say, of any type and readable or not.
ANYTHING: st.SearchStrategy[Word] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from((*DIGITS, *OWN, *NAMES)),
    st.lists(st.text("aA ", max_size=2), max_size=3).map(tuple),
)


def common(rule: Rule) -> st.SearchStrategy[Word]:
    """Draw a common value that says something; of a choice, one that it has."""
    kind = rule.field.kind
    said = st.sampled_from(SEVERITY) if kind is Kind.CHOICE else SAID[kind]
    return said.map(lambda raw: _plain(kind, raw)).filter(lambda value: value is not None)


def _plain(kind: Kind, raw: Word) -> Word:
    """Make a value plain; what is none says nothing."""
    try:
        return normal(kind, raw)
    except ValueError:
        return None


def spoken(rule: Rule) -> st.SearchStrategy[Word]:
    """Draw an own word as it stands in a record once it is made plain."""
    return (SAID[rule.field.kind] | ANYTHING).map(rule.own)


def of_every_kind(test: Callable[[Kind, st.DataObject], None]) -> Callable[..., None]:
    """Ask a law of rules of every type."""
    law: Callable[..., None] = pytest.mark.parametrize("kind", Kind)(given(data=st.data())(test))
    return law


# Put, then get.


@of_every_kind
def test_what_is_put_is_heard_as_what_was_meant(kind: Kind, data: st.DataObject) -> None:
    """A written word is plain already, agrees with its value, and reads as it where it is known."""
    rule = data.draw(LENSES[kind])
    value = data.draw(common(rule))
    word = rule.put(value)
    if word is not None:
        assert rule.own(word) == word
        assert rule.agrees(word, value)
        assert rule.get(word, value) == value


@of_every_kind
def test_a_written_word_that_is_read_afresh_comes_to_rest(kind: Kind, data: st.DataObject) -> None:
    """Read without what was agreed and written again, a word stands, or stands from then on.

    Only through a table may it be another word once: one of two words for a value, of which the
    other is the usual one.
    """
    rule = data.draw(LENSES[kind])
    word = rule.put(data.draw(common(rule)))
    value = rule.get(word, None)
    again = rule.put(value)
    if rule.words is None:
        assert again == word
    assert rule.get(again, None) == value
    assert rule.put(rule.get(again, None)) == again


# Get, then put.


@of_every_kind
def test_a_word_agrees_with_what_is_read_from_it(kind: Kind, data: st.DataObject) -> None:
    """Whatever stands in a record agrees with the value that is read from it."""
    rule = data.draw(LENSES[kind])
    own = data.draw(spoken(rule))
    value = rule.get(own, None)
    if value is not None:
        assert rule.agrees(own, value)


@of_every_kind
def test_a_word_that_is_read_and_written_again_comes_to_rest(
    kind: Kind, data: st.DataObject
) -> None:
    """Read and written twice over, a word is one that is written as itself from then on.

    Once is not enough for a word that no table lists, or that is read by what all others are: it
    is written as a word that may mean the same, and only that as the usual one.
    """
    rule = data.draw(LENSES[kind])
    own = data.draw(spoken(rule))
    once, twice, thrice = itertools.islice(_rewritten(rule, own), 3)
    assert thrice == twice
    if rule.words is None:
        assert twice == once


def _rewritten(rule: Rule, own: Word) -> Iterator[Word]:
    """Read a word afresh and write it, again and again."""
    while True:
        own = rule.own(rule.put(rule.get(own, None)))
        yield own


@of_every_kind
def test_a_side_that_says_what_it_agreed_to_is_not_written(kind: Kind, data: st.DataObject) -> None:
    """Nothing is planned for a side whose word reads as the base, however it spells it."""
    rule = data.draw(LENSES[kind])
    own = data.draw(spoken(rule))
    value = rule.get(own, None)
    if value is not None:
        unit = voices(rule.field, rule)
        assert settle(unit, incident(says("a", own, own, value), f=value), {}).operations == ()
        assert settle(unit, incident(says("a", own), f=value), {}).operations == ()


# Words.


@of_every_kind
def test_a_plain_word_is_plain(kind: Kind, data: st.DataObject) -> None:
    """Whatever a service says, making it plain twice is making it plain once."""
    rule = data.draw(LENSES[kind])
    own = data.draw(spoken(rule))
    assert rule.own(own) == own or own != own  # noqa: PLR0124 - what is no number


@of_every_kind
def test_a_value_is_written_one_way(kind: Kind, data: st.DataObject) -> None:
    """Two rules that say the same write the same word."""
    rule = data.draw(LENSES[kind])
    value = data.draw(common(rule))
    table = None if rule.words is None else dict(rule.words)
    same = Rule(rule.field, "q", words=table, spelling=rule.spelling, otherwise=rule.otherwise)
    assert same.put(value) == rule.put(value)


@of_every_kind
def test_every_word_can_be_asked(kind: Kind, data: st.DataObject) -> None:
    """Any word of any type, made plain or not, agrees with a value or does not, without error."""
    rule = data.draw(LENSES[kind])
    value, raw = data.draw(common(rule)), data.draw(ANYTHING)
    for word in (raw, rule.own(raw)):
        assert rule.agrees(word, value) in (True, False)
        assert rule.mute(word) in (True, False)


@pytest.mark.parametrize("kind", Kind)
@given(data=st.data())
def test_nothing_is_said_in_several_ways(kind: Kind, data: st.DataObject) -> None:
    """No word, an empty one and, for sets, no names are alike: nothing is said."""
    rule = data.draw(LENSES[kind])
    for empty in (None, "", *([()] if kind in MANY else [])):
        assert rule.own(empty) is None


@pytest.mark.parametrize(
    ("otherwise", "own", "base", "value"),
    [
        (("moderate", "minor"), "odd", None, "moderate"),
        (("moderate", "minor"), "odd", "minor", "minor"),
        (("moderate", "minor"), "odd", "low", "moderate"),
        (("moderate", "minor"), "sev-3", None, "low"),
        ((), "odd", None, None),
        ((), "sev-3", None, "low"),
        (None, "odd", None, None),
    ],
)
def test_other_words_are_read_as_the_rule_says(
    otherwise: tuple[str, ...] | None, own: str, base: Word, value: Word
) -> None:
    """A word that the table lacks is read as what it may stand for, or says nothing, or is mute."""
    rule = replace(make_rule(Kind.CHOICE, DEV_SEVERITY), otherwise=otherwise)
    heard = rule.own(own)
    assert rule.get(heard, base) == value
    assert (heard is None) is (otherwise == () and own == "odd")
    assert rule.mute(heard) is (otherwise is None)


@given(value=common(make_rule(Kind.CHOICE)))
def test_other_words_are_never_written(value: Word) -> None:
    """What words are read as that the table lacks makes no difference to what is written."""
    rule = make_rule(Kind.CHOICE, DEV_SEVERITY)
    assert replace(rule, otherwise=SEVERITY).put(value) == rule.put(value)


@pytest.mark.parametrize(
    ("strip", "own", "value"),
    [(True, " a b\n", "a b"), (True, " \n", None), (False, " a b\n", " a b\n"), (False, " ", " ")],
)
def test_white_space_may_be_no_part_of_a_text(strip: bool, own: str, value: Word) -> None:
    """Where white space at the ends says nothing, a text is read without it, and may be empty."""
    rule = make_rule(Kind.TEXT, strip=strip)
    assert rule.get(rule.own(own), None) == value
    assert rule.agrees(rule.own(own), value)


# What services make of what they are sent. Nothing of this is taken from the rules.


def right_trimmed(word: Word) -> Word:
    """Do to a text what ProdManager does: lines are trimmed, runs of blank ones become one."""
    runs = itertools.groupby((line.rstrip() for line in str(word).split("\n")), key=bool)
    kept = (line for said, run in runs for line in (run if said else [""]))
    return "\n".join(kept)


def with_crlf(word: Word) -> Word:
    """End lines as a browser does."""
    return str(word).replace("\n", "\r\n")


def to_the_minute(word: Word) -> Word:
    """Keep local digits to the minute, as ProdManager does."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d", str(word))
    return word


def with_offset(word: Word) -> Word:
    """Spell an instant as Datadog does: microseconds, none if they are zero, and an offset."""
    return datetime.fromisoformat(str(word)).isoformat()


def with_milliseconds(word: Word) -> Word:
    """Spell an instant as DevRev's examples do: always three digits."""
    when = datetime.fromisoformat(str(word))
    return when.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def without_zeros(word: Word) -> Word:
    """Spell an instant as DevRev's records do: no zeros at the end of the fraction."""
    return re.sub(r"\.?0*Z$", "Z", str(with_milliseconds(word)))


def to_the_day(word: Word) -> Word:
    """Keep the day only."""
    return str(word)[:10]


def turned_round(word: Word) -> Word:
    """Give the names in another order, and one of them twice."""
    return (*reversed(word), word[0]) if isinstance(word, tuple) else word


def as_it_is(word: Word) -> Word:
    """Keep what was sent."""
    return word


SYSTEMS = """
systems:
  devrev: {type: devrev, token: t}
  datadog: {type: datadog, site: datadoghq.eu, api_key: a, app_key: b, reference_field: reference}
  status: {type: prodmanager, url: "https://status.example.com", token: t, timezone: Europe/Paris}
"""
PRESET = unit_of(loads(SYSTEMS, "instep.yaml", {})).members
#: By service and type of field, what it makes of a word.
REWRITES: Mapping[str, Mapping[Kind, tuple[Callable[[Word], Word], ...]]] = {
    "devrev": {
        Kind.TEXT: (as_it_is, with_crlf),
        Kind.INSTANT: (with_milliseconds, without_zeros),
        Kind.SET: (turned_round,),
        Kind.PEOPLE: (turned_round,),
    },
    "datadog": {
        Kind.TEXT: (as_it_is, with_crlf),
        Kind.INSTANT: (with_offset,),
        Kind.SET: (turned_round,),
    },
    "status": {
        Kind.LINE: (right_trimmed,),
        Kind.TEXT: (right_trimmed, lambda word: right_trimmed(with_crlf(word))),
        Kind.INSTANT: (to_the_minute,),
    },
}
#: Rules whose options say what a service does, and what it does.
DESCRIBED: Mapping[str, tuple[Rule, Callable[[Word], Word]]] = {
    "trims text": (make_rule(Kind.TEXT, strip=True), lambda word: str(word).strip()),
    "trims a short text": (
        make_rule(Kind.TEXT, strip=True, max_length=5, shorten=Shorten.CUT),
        lambda word: str(word).strip()[:5].strip(),
    ),
    "cuts": (
        make_rule(Kind.TEXT, max_length=5, shorten=Shorten.CUT),
        lambda word: str(word)[:5],
    ),
    "cuts after whole words": (
        make_rule(Kind.TEXT, strip=True, max_length=5, shorten=Shorten.WORDS),
        lambda word: str(word).strip()[:5],
    ),
    "cuts a line": (make_rule(Kind.LINE, max_length=5), lambda word: str(word)[:5]),
    "tidies and cuts": (
        make_rule(Kind.TEXT, tidy=True, max_length=6, shorten=Shorten.WORDS),
        lambda word: str(right_trimmed(word))[:6],
    ),
    "fills and trims": (
        make_rule(Kind.LINE, tidy=True, min_length=4),
        lambda word: right_trimmed(str(word).ljust(4)),
    ),
    "keeps days": (make_rule(Kind.INSTANT, precision=Precision.DAY), to_the_day),
    "keeps local days": (
        make_rule(Kind.INSTANT, precision=Precision.DAY, zone="Pacific/Apia"),
        lambda word: f"{word}T00:00:00",
    ),
    "shows seconds of local minutes": (
        make_rule(Kind.INSTANT, precision=Precision.MINUTE, zone="Europe/Paris"),
        lambda word: f"{word}:00",
    ),
    "holds the first name": (
        make_rule(Kind.SET, single=True),
        lambda word: word[0] if isinstance(word, tuple) else word,
    ),
}


@pytest.mark.parametrize(
    ("system", "name"), [(system, name) for system in PRESET for name in PRESET[system].rules]
)
@given(data=st.data())
def test_what_a_service_makes_of_a_word_is_no_edit(
    system: str, name: str, data: st.DataObject
) -> None:
    """By the rules that are shipped, each service's spelling of what was sent is what was sent."""
    rule = PRESET[system].rules[name]
    value = data.draw(common(rule))
    word = rule.put(value)
    if word is None:
        return
    for rewrite in REWRITES[system].get(rule.field.kind, (as_it_is,)):
        heard = rule.own(rewrite(word))
        assert heard == word
        assert rule.get(heard, value) == value


@pytest.mark.parametrize("name", DESCRIBED)
@given(data=st.data())
def test_a_rewriting_that_is_described_is_no_edit(name: str, data: st.DataObject) -> None:
    """Where the options say what a service does to words, what it does is taken for no edit."""
    rule, rewrite = DESCRIBED[name]
    value = data.draw(common(rule))
    word = rule.put(value)
    if word is not None:
        assert rule.own(rewrite(word)) == word
        assert rule.agrees(rule.own(rewrite(word)), value)
