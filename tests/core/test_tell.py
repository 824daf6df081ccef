"""Tell: the sentence for each way in which a rule reads and writes, or does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from instep.core.abilities import Abilities, While
from instep.core.conditions import Every, Is, Not
from instep.core.fields import Kind
from instep.core.model import NOTHING, Base, Incident, Word
from instep.core.rules import Direction, Rule
from instep.core.spelling import Precision, Shorten
from instep.core.tell import Put, becoming, conditions, put, read, unsent
from instep.core.template import parse
from instep.core.unit import Creation, Member
from tests.core.make import DEV_SEVERITY, DOG_SEVERITY, NAMES, SAME_STATUS, make_field, make_rule

LINE, CHOICE = make_rule(Kind.LINE), make_rule(Kind.CHOICE, DEV_SEVERITY)
DOG = make_rule(Kind.CHOICE, DOG_SEVERITY)
PARIS = make_rule(Kind.INSTANT, precision=Precision.MINUTE, zone="Europe/Paris")
OUT = replace(LINE, direction=Direction.OUT)


@pytest.mark.parametrize(
    ("rule", "raw", "values", "through"),
    [
        (LINE, None, (), "nothing said"),
        (DOG, "UNKNOWN", (), '"UNKNOWN" means nothing said'),
        (LINE, "  ", (), '"  " means nothing said'),
        (LINE, "Slow", ("Slow",), "as it is"),
        (LINE, "Slow  now", ("Slow now",), "made plain (line)"),
        (CHOICE, "sev-3", ("low", "minor"), "words: sev-3 is low or minor"),
        (make_rule(Kind.CHOICE, SAME_STATUS), "stable", ("stable",), "as it is"),
        (CHOICE, "odd", (), "no word for it"),
        (replace(CHOICE, otherwise=("low",)), "odd", ("low",), "otherwise: low"),
        (replace(CHOICE, otherwise=()), "odd", (), '"odd" means nothing said'),
        (make_rule(Kind.FLAG), "maybe", (), "no flag"),
        (PARIS, "2026-02-03T10:12", ("2026-02-03T09:12:00Z",), "zone Europe/Paris"),
        (make_rule(Kind.SET, NAMES), ("API", "db"), (("api", "db"),), "words: API is api"),
        (make_rule(Kind.SET, NAMES), ("db",), (("db",),), "as it is"),
        (OUT, "Slow", ("Slow",), "as it is; not heard: the rule writes only"),
    ],
)
def test_a_word_is_read_through_what_is_named(
    rule: Rule, raw: Word, values: tuple[Word, ...], through: str
) -> None:
    """What of a rule leads from a word to its values is told; no word, no values."""
    found = read(rule, raw)
    assert (found.values, found.through) == (values, through)
    assert found.counts is (bool(values) and rule is not OUT)


def told(rule: Rule, value: Word, **more: object) -> Put:
    """Tell what a new record says of a value of the field ``f``."""
    member = replace(Member("b", {"f": rule}), **more)  # type: ignore[arg-type]
    base = {} if value is None else {"f": Base(value)}
    return put(member, "f", Incident(1, "uid", "a", base=base), NOTHING)


@pytest.mark.parametrize(
    ("rule", "value", "word", "through"),
    [
        (LINE, "Slow", "Slow", "as it is"),
        (CHOICE, "high", "sev-1", "words: high is sev-1"),
        (make_rule(Kind.CHOICE, SAME_STATUS), "stable", "stable", "as it is"),
        (CHOICE, "minor", "sev-3", "words: sev-3 may be minor"),
        (DOG, "critical", "SEV-1", "words: the first of SEV-1, SEV-0"),
        (PARIS, "2026-02-03T09:12:00Z", "2026-02-03T10:12", "zone Europe/Paris"),
        (
            PARIS,
            "2026-02-03T09:12:34Z",
            "2026-02-03T10:12",
            "zone Europe/Paris; cut to the minute",
        ),
        (make_rule(Kind.INSTANT), "2026-02-03T09:12:34Z", "2026-02-03T09:12:34Z", "as it is"),
        (make_rule(Kind.TEXT, tidy=True, strip=True), " a \n", "a", "tidied; stripped"),
        (
            make_rule(Kind.LINE, max_length=8, shorten=Shorten.WORDS),
            "very slow",
            "very…",
            "shortened to 8 (words)",
        ),
        (make_rule(Kind.LINE, min_length=4), "Hm", "Hm..", "filled to 4"),
        (make_rule(Kind.NUMBER), 3, 3, "as it is"),
        (make_rule(Kind.SET, NAMES), ("api", "db"), ("API", "db"), "words: api is API"),
        (make_rule(Kind.SET, NAMES), ("db",), ("db",), "as it is"),
        (make_rule(Kind.SET, single=True), ("api", "db"), ("api",), "single: the first of 2"),
        (make_rule(Kind.SET, only_add=True), ("api",), ("api",), "only added"),
        (replace(LINE, const="x"), None, "x", "const"),
        (replace(LINE, template=parse("{f}!")), "Slow", "Slow!", "template"),
    ],
)
def test_a_word_is_written_through_what_is_named(
    rule: Rule, value: Word, word: Word, through: str
) -> None:
    """What of a rule leads from a value to the own word is told, in the order of the steps."""
    assert told(rule, value) == Put(word, through)


@pytest.mark.parametrize(
    ("rule", "more", "why"),
    [
        (LINE, {"writable": False}, "the system is only heard"),
        (replace(LINE, direction=Direction.IN), {}, "the rule reads only"),
        (LINE, {"abilities": Abilities(read_only=frozenset({"p"}))}, "p is read only"),
        (CHOICE, {}, "it has no word for Slow"),
    ],
)
def test_what_is_not_written_says_why(rule: Rule, more: Mapping[str, object], why: str) -> None:
    """Nobody writes there, or there is no word for the value."""
    assert told(rule, "Slow", **more) == Put(why_not=why)


def test_nothing_agreed_is_nothing_written() -> None:
    """A field of which nobody said anything is left out of a new record."""
    assert told(LINE, None) == Put(why_not="nothing is agreed")


def test_a_new_record_may_say_more_than_was_agreed() -> None:
    """A default where nothing is agreed, and what every new record is given, agreed or not."""
    default = replace(LINE, default="usual")
    assert told(default, None) == Put("usual", "default: nothing is agreed")
    assert told(default, None, writable=False) == Put(why_not="the system is only heard")
    made = Creation(frozenset({"a"}), words={"p": "eu-west"})
    given = Put("eu-west", "said to every new record (create.set)")
    assert told(LINE, "other", creation=made) == given
    other = Creation(frozenset({"a"}), words={"q": "eu-west"})
    assert told(LINE, "other", creation=other) == Put("other", "as it is")


STATED = Member(
    "b",
    {"f": LINE, "state": replace(LINE, path="s")},
    Abilities(only_while={"p": While("s", frozenset({"resolved"}))}),
)


def test_a_state_in_which_it_cannot_be_held_is_named() -> None:
    """A field that exists only in some states of a record names the state that it is in."""
    row = Incident(1, "uid", "a", base={"f": Base("Slow")})
    why = "it cannot hold it while s is active"
    assert put(STATED, "f", row, {"state": "active"}) == Put(why_not=why)
    assert put(STATED, "f", row, {"state": "resolved"}) == Put("Slow", "as it is")


@pytest.mark.parametrize(
    ("rule", "value", "able", "why"),
    [
        (CHOICE, "high", Abilities(), "no common word stands for odd"),
        (LINE, None, Abilities(), "it cannot be emptied"),
        (LINE, None, Abilities(read_only=frozenset({"p"})), "p is read only"),
        (LINE, "x", Abilities(create_only=frozenset({"p"})), "only a new record is told of it"),
        (LINE, "x", Abilities(), "it waits for a person"),
    ],
)
def test_a_record_that_is_left_as_it_is_says_why(
    rule: Rule, value: Word, able: Abilities, why: str
) -> None:
    """What keeps a record from being told of what was agreed is named."""
    assert unsent(Member("b", {"f": rule}, able), "f", value, {"f": "odd"}) == why


def test_the_conditions_of_a_create_are_told_one_by_one() -> None:
    """Where it began and each part of ``when``, with whether it holds."""
    when = Every((Is("f", frozenset({"x", None})), Not(Is("people", frozenset({"a", "b"})))))
    member = Member("b", creation=Creation(frozenset({"a", "c"}), when))
    row = Incident(1, "uid", "a", base={"f": Base("x"), "people": Base(("b", "d"))})
    assert conditions(member, row) == (
        ("it began in a or c (create.from)", True),
        ("f is nothing or x (create.when)", True),
        ("not (people is a or b) (create.when)", False),
    )


def test_a_system_may_be_given_nothing_at_all() -> None:
    """One that is not written to, or is not named under create."""
    row = Incident(1, "uid", "a")
    assert conditions(Member("b"), row) == (("it is given incidents (create)", False),)
    heard = Member("b", creation=Creation(frozenset({"a"})), writable=False)
    assert conditions(heard, row) == (("it is written to (writable)", False),)


def test_sets_are_spelled_name_by_name() -> None:
    """A set for which there is no word is named by its names, nothing as nothing."""
    member = Member("b", {"f": make_rule(Kind.INSTANT), "state": replace(LINE, path="s")})
    needs = Abilities(only_while={"p": While("s", frozenset({"x"}))})
    member = replace(member, abilities=needs)
    assert unsent(member, "f", "2026-02-03T09:12:00Z", {"state": ("a", "b")}) == (
        "it cannot hold it while s is a, b"
    )
    assert unsent(member, "f", "2026-02-03T09:12:00Z", {}) == (
        "it cannot hold it while s is nothing"
    )


def test_a_new_record_says_what_is_put_into_it_or_what_it_is_born_with() -> None:
    """What was agreed, else what a fresh record says; before both, what all new ones are given."""
    rules = {name: replace(LINE, path=name) for name in ("title", "status", "scope")}
    born = Abilities(born={"status": "active", "title": None}, read_only=frozenset({"scope"}))
    made = Creation(frozenset({"a"}), words={"scope": "eu"})
    member = Member(
        "b",
        {n: replace(r, field=make_field(Kind.LINE, name=n)) for n, r in rules.items()},
        born,
        made,
    )
    row = Incident(1, "uid", "a", base={"title": Base("Slow"), "scope": Base("us")})
    assert becoming(member, row) == {"title": "Slow", "status": "active", "scope": "eu"}
    assert becoming(replace(member, creation=None), row)["scope"] is None
