"""What becomes of what was agreed once the rules read and spell words in another way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.change import lenses, renewed
from instep.core.fields import Field, Kind
from instep.core.model import NEVER, Base, Incident, Side
from instep.core.rules import Direction, Rule, WordTable
from instep.core.spelling import Spelling
from instep.core.unit import Member, Unit
from tests.core.make import incident, make_unit, play, says

LEVEL = Field("f", Kind.CHOICE, order=("high", "moderate", "low"))
BEFORE: WordTable = {"1": ("high",), "2": ("moderate",), "3": ("low",)}
AFTER: WordTable = {"0": ("high",), "1": ("moderate",), "3": ("low",)}
SAME: WordTable = {word: (word,) for word in LEVEL.order}


def unit(words: WordTable, direction: Direction = Direction.BOTH) -> Unit:
    """Make a unit of ``a``, which has words of its own, and ``b``, which has the common ones."""
    own = Rule(LEVEL, "p", direction, words)
    return make_unit(Member("a", {"f": own}), Member("b", {"f": Rule(LEVEL, "p", words=SAME)}))


def agreed_by(*origins: str, own: str = "1", value: str = "high") -> Incident:
    """Make an incident at rest, whose value was said last by some of its systems."""
    base = Base(value, origins, "5")
    return incident(says("a", own, own, value), says("b", value, value, value), f=base)


def at_rest(unit: Unit, row: Incident) -> dict[str, object]:
    """Let a changed unit settle, and give what each side says then."""
    played = play(unit, renewed(unit, row, {"a": {"f"}}))
    assert play(unit, played.incident).operations == []
    return {name: side.says["f"] for name, side in played.incident.sides.items()}


def test_who_said_it_last_is_believed() -> None:
    """The word of the one who set the value is read anew, and the others are told."""
    assert at_rest(unit(AFTER), agreed_by("a")) == {"a": "1", "b": "moderate"}


@pytest.mark.parametrize("origins", [("b",), ("a", "b"), ("a person",), ()])
def test_what_others_said_is_spelled_anew(origins: tuple[str, ...]) -> None:
    """Where another set the value it stands, and is written in the word that it has now."""
    assert at_rest(unit(AFTER), agreed_by(*origins)) == {"a": "0", "b": "high"}


def test_who_is_only_written_to_is_not_believed() -> None:
    """A one-way rule is spelled anew, whoever is said to have set the value."""
    assert at_rest(unit(AFTER, Direction.OUT), agreed_by("a")) == {"a": "0", "b": "high"}


def test_a_word_that_still_stands_for_it_is_left_alone() -> None:
    """What agrees under the new rule too is not touched."""
    row = agreed_by("b", own="3", value="low")
    assert renewed(unit(AFTER), row, {"a": {"f"}}) == row


@pytest.mark.parametrize(
    "side",
    [
        says("a", "2", "1", "high", "9"),
        replace(says("a", "1", "1", "high"), gone=True),
        says("a", None),
    ],
    ids=["edited since", "gone", "says nothing"],
)
def test_what_is_weighed_anyway_is_left_alone(side: Side) -> None:
    """An edit that nobody has settled, and a record that is gone, are not looked at."""
    row = incident(side, says("b", "high", "high", "high"))
    assert renewed(unit(AFTER), row, {"a": {"f"}}) == row


def test_a_side_that_says_nothing_is_told_anew() -> None:
    """There is no word of its own that could be believed."""
    row = incident(says("a", None), f=Base("high", ("a",), "5"))
    assert renewed(unit(AFTER), row, {"a": {"f"}}).side("a").agreed == {"f": NEVER}


def test_only_the_fields_whose_rules_changed_are_looked_at() -> None:
    """Another system, and another field, keep what they have."""
    row = agreed_by("a")
    assert renewed(unit(AFTER), row, {"b": {"f"}}) == row
    assert renewed(unit(AFTER), row, {}) == row


def test_a_rule_has_another_number_if_it_makes_other_words() -> None:
    """Its words and its spelling count; where it stands, and which way it goes, do not."""

    def number(rule: Rule) -> int:
        return lenses(make_unit(Member("a", {"f": rule})))["a", "f"]

    rule = Rule(LEVEL, "p", words=BEFORE)
    same = [replace(rule, path="q"), replace(rule, direction=Direction.IN)]
    other = [
        replace(rule, words=AFTER),
        replace(rule, words=dict(reversed([*BEFORE.items()]))),
        replace(rule, otherwise=("low",)),
        replace(rule, spelling=Spelling(strip=True)),
    ]
    assert {number(each) for each in same} == {number(rule)}
    assert len({number(each) for each in (rule, *other)}) == 5


TABLES = st.dictionaries(
    st.sampled_from("0123"),
    st.lists(st.sampled_from(LEVEL.order), min_size=1, max_size=2, unique=True).map(tuple),
    min_size=1,
)


@given(
    before=TABLES,
    after=TABLES,
    value=st.sampled_from(LEVEL.order),
    origin=st.sampled_from(["a", "b"]),
)
def test_after_any_change_both_sides_come_to_one_value(
    before: WordTable, after: WordTable, value: str, origin: str
) -> None:
    """Whatever the old words and the new: it rests, and no side says what another denies.

    But for words that have no meaning any more, and values that have no word: these stand.
    """
    own = Rule(LEVEL, "p", words=before).put(value)
    if own is None:
        return
    now = unit(after)
    row = agreed_by(origin, own=str(own), value=value)
    played = play(now, renewed(now, row, {"a": {"f"}}))
    assert play(now, played.incident).operations == []
    rule, end = now.members["a"].rules["f"], played.incident
    agreed, said = end.value("f"), end.side("a").says["f"]
    assert end.side("b").says["f"] == agreed
    assert rule.agrees(said, agreed) or rule.mute(said) or rule.put(agreed) is None
