"""Decide: what a person has chosen stands everywhere, and nobody loses silently."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.fields import Decide, Kind
from instep.core.merge import PERSON, Candidate, Merged, Taken, decide, merge, merge_field
from instep.core.model import Base, Incident, Intent, Mark, Word
from instep.core.plan import agrees, apply, settle
from tests.core.laws import proposers
from tests.core.make import (
    DEV_SEVERITY,
    UNIT,
    incident,
    incidents,
    make_field,
    make_rule,
    play,
    says,
    values,
    voices,
)

LINE = make_rule(Kind.LINE)
LINES = voices(make_field(Kind.LINE, Decide.MANUAL), LINE, LINE, LINE)
CONFLICT = incident(
    says("a", "y", "x", "x", "3"),
    says("b", "z", "x", "x", "4"),
    says("c", "x", "x", "x"),
    f=Base("x", ("c",), "1"),
)


def lost(merged: Merged) -> list[Candidate]:
    """Give who lost."""
    return list(merged.losers)


@pytest.mark.parametrize(("value", "losers"), [("y", "z"), ("z", "y"), ("w", "yz"), ("x", "yz")])
def test_a_person_ends_a_conflict(value: str, losers: str) -> None:
    """The chosen value is agreed on, by a person and from now; all others are kept as losers."""
    merged = decide(LINES, CONFLICT, "f", value, "9")
    assert merged.base == (None if value == "x" else Base(value, (PERSON,), "9"))
    said = {"y": Candidate("y", ("a",), "3"), "z": Candidate("z", ("b",), "4")}
    assert lost(merged) == [said[each] for each in losers]
    assert merged.waiting == ()
    assert {system: merged.taken[system].own for system in "ab"} == {"a": "y", "b": "z"}


def test_a_choice_without_a_conflict_has_what_was_agreed_against_it() -> None:
    """Where nobody proposes anything, what was agreed before has lost, with who said it."""
    row = incident(says("a", "x", "x", "x"), f=Base("x", ("c",), "1"))
    assert lost(decide(LINES, row, "f", "w", "9")) == [Candidate("x", ("c",), "1")]
    assert decide(LINES, row, "f", "x", "9") == Merged()
    fresh = decide(LINES, incident(says("b", None)), "f", "w", "9")
    assert fresh == Merged(base=Base("w", (PERSON,), "9"))


def test_one_proposal_loses_to_a_person() -> None:
    """An edit that nobody stood against has lost, too, if a person chose something else."""
    row = incident(says("a", "y", "x", "x", "3"), says("b", "x", "x", "x"), f="x")
    merged = decide(LINES, row, "f", "w", "9")
    assert lost(merged) == [Candidate("y", ("a",), "3")]
    assert merged.taken == {"a": Taken("y", "y")}


def test_what_was_never_edited_before_a_late_edit_loses_too() -> None:
    """A late edit and what was agreed contend: a person who chooses a third has both lose."""
    row = incident(says("a", "z", "v", "v", "3"), f=Base("x", ("c",), "1"))
    kept = lost(decide(LINES, row, "f", "w", "9"))
    assert kept == [Candidate("z", ("a",), "3"), Candidate("x", ("c",), "1")]


@pytest.mark.parametrize("state", ["doubt", "gone", "creating"])
def test_a_side_that_is_not_merged_has_no_part_in_a_choice(state: str) -> None:
    """What a side in doubt, gone, or just being made says neither loses nor is heard."""
    side = says("a", "y", "x", "x")
    row = incident(replace(side, doubt=state == "doubt", gone=state == "gone"), f="x")
    if state == "creating":
        create = Intent(1, 7, "a", "create", {}, Mark("b", "", "uid7"), 60.0)
        row = replace(row, intents=(create,))
    merged = decide(LINES, row, "f", "w", "9")
    assert [c.value for c in merged.losers] == ["x"]
    assert merged.taken == {}


def test_a_side_without_the_field_has_no_part_in_a_choice() -> None:
    """A system that has no rule for the field is not asked."""
    other = replace(LINES.members["b"], rules={})
    unit = replace(LINES, members={**LINES.members, "b": other})
    assert [c.value for c in decide(unit, CONFLICT, "f", "w", "9").losers] == ["y"]


def test_a_coarse_word_is_kept_under_a_choice() -> None:
    """A word that may stand for the chosen value is not written over, and does not lose."""
    unit = voices(make_field(Kind.CHOICE), make_rule(Kind.CHOICE, DEV_SEVERITY))
    row = incident(says("a", "sev-3", "sev-1", "high"), f="high")
    merged = decide(unit, row, "f", "minor", "9")
    assert merged.taken == {"a": Taken("sev-3", "minor")}
    assert settle(unit, row, {"f": merged}).operations == ()


# Laws of every choice.

fields = st.sampled_from(sorted(UNIT.fields))


@st.composite
def choices(draw: st.DrawFn) -> tuple[str, Word]:
    """Draw a field and a value that a person chooses for it."""
    name = draw(fields)
    known = UNIT.fields[name]
    if known.order:
        return name, draw(st.sampled_from(known.order))
    return name, draw(st.one_of(values(known.kind), st.none() if known.clears else st.nothing()))


@given(incidents(), choices())
def test_no_edit_is_lost_silently_to_a_person(row: Incident, choice: tuple[str, Word]) -> None:
    """Every edit stands for what was chosen, or is kept among those that lost."""
    name, value = choice
    merged = decide(UNIT, row, name, value, "9")
    kept = [value, *(c.value for c in merged.losers)]
    for rule, own in proposers(UNIT, row, UNIT.fields[name]):
        assert any(rule.agrees(own, candidate) for candidate in kept)
    assert value not in [c.value for c in merged.losers]


@given(incidents(), choices())
def test_a_choice_is_the_end_of_it(row: Incident, choice: tuple[str, Word]) -> None:
    """After a choice the field is what was chosen, and nothing of it is left to merge."""
    name, value = choice
    after = apply(row, {name: decide(UNIT, row, name, value, "9")})
    assert after.value(name) == value
    assert merge_field(UNIT, after, UNIT.fields[name]) == Merged()


@given(incidents(), choices())
def test_a_choice_changes_nothing_else(row: Incident, choice: tuple[str, Word]) -> None:
    """Other fields are merged after a choice just as they would have been without it."""
    name, value = choice
    after = apply(row, {name: decide(UNIT, row, name, value, "9")})
    one, two = merge(UNIT, row), merge(UNIT, after)
    assert {n: m for n, m in one.items() if n != name} == {
        n: m for n, m in two.items() if n != name
    }


@given(incidents(), choices())
def test_a_choice_reaches_every_side(row: Incident, choice: tuple[str, Word]) -> None:
    """In the end every side that can be told agrees with what was chosen."""
    name, value = choice
    end = play(UNIT, apply(row, {name: decide(UNIT, row, name, value, "9")})).incident
    assert end.value(name) == value
    for member in UNIT.members.values():
        side = end.side(member.name)
        if value is None or name not in member.rules or not side.live:
            continue
        rule, own = member.rules[name], side.says.get(name)
        if member.writes(name) and member.holds(name, side.says) and not rule.mute(own):
            assert agrees(member, side, name, value)
