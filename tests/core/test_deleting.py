"""Deleting: a record that is gone takes the others with it, unless somebody goes on with them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.fields import Kind
from instep.core.model import Base, Incident, Intent, Mark, Side
from instep.core.plan import at_rest, forget, leave
from instep.core.unit import OnGone, Unit
from tests.core.losing import all_say, heard, kinds, losing, settled, stated, without
from tests.core.make import (
    UNIT,
    incident,
    incidents,
    make_field,
    make_rule,
    play,
    reference,
    says,
    voices,
)

DELETING = stated(OnGone.DELETE)


def test_the_others_are_deleted_with_it() -> None:
    """Every other record is to be deleted, and nothing is written to any of them."""
    outcome = settled(DELETING, without(all_say("active"), DELETING))
    assert kinds(outcome) == [("delete", "a"), ("delete", "c")]
    assert [op.record for op in outcome.operations] == ["A-1", "C-1"]
    assert {op.reason for op in outcome.operations} == {"the record in b is gone (on_gone: delete)"}
    assert all(op.sent == {} for op in outcome.operations)
    assert not at_rest(outcome)


def test_what_was_deleted_is_at_rest() -> None:
    """Records that were deleted with the first are let go: nothing is left to do."""
    row = without(all_say("active"), DELETING)
    rest = settled(DELETING, forget(row, "a"))
    assert kinds(rest) == [("delete", "c")]
    assert at_rest(settled(DELETING, forget(row, "ac")))


def test_nothing_is_deleted_for_another_system() -> None:
    """Only a system whose losses are configured so takes the others with it."""
    row = without(all_say("active"), DELETING, "a")
    assert settled(DELETING, row).operations == ()
    both = without(row, DELETING)
    assert kinds(settled(DELETING, both)) == [("delete", "c")]


@pytest.mark.parametrize("state", ["gone", "let go", "doubt", "pending", "not writable"])
def test_not_every_record_is_deleted(state: str) -> None:
    """Not one that is gone, let go or must not be written to; none while one is not known."""
    unit, row = DELETING, without(all_say("active"), DELETING)
    changes: dict[str, dict[str, object]] = {
        "gone": {"gone": True},
        "let go": {"gone": True, "reference": None},
        "doubt": {"doubt": True},
    }
    side = replace(row.side("a"), **changes.get(state, {}))  # type: ignore[arg-type]
    row = replace(row, sides={**row.sides, "a": side})
    if state == "pending":
        row = replace(row, intents=(Intent(1, 7, "a", "update", {}, Mark("b", "", "uid7"), 60.0),))
    if state == "not writable":
        member = replace(unit.members["a"], writable=False)
        unit = replace(unit, members={**unit.members, "a": member})
    known = state not in ("doubt", "pending")
    assert kinds(settled(unit, row)) == ([("delete", "c")] if known else [])


def test_a_doubt_keeps_it_due() -> None:
    """A record in doubt is read before it is deleted: until then the incident is not at rest."""
    row = without(all_say("active"), DELETING)
    doubted = {name: replace(row.side(name), doubt=True) for name in "ac"}
    outcome = settled(DELETING, replace(row, sides={**row.sides, **doubted}))
    assert outcome.operations == ()
    assert not at_rest(outcome)


def test_an_edit_stands_against_deleting() -> None:
    """Where somebody goes on with the incident elsewhere, it is kept, for good."""
    row = heard(without(all_say("active"), DELETING), "a", "stable")
    outcome = settled(DELETING, row)
    assert kinds(outcome) == [("update", "c")]
    assert outcome.incident.side("b").let_go
    played = play(DELETING, row)
    assert {op.kind for op in played.operations} == {"update"}
    assert at_rest(settled(DELETING, played.incident))


def test_a_conflict_stands_against_deleting() -> None:
    """Where a person is asked to decide, or somebody's edit lost, nothing is deleted either."""
    manual = make_field(Kind.LINE)
    rule = make_rule(Kind.LINE)
    unit = voices(manual, rule, rule, rule)
    member = replace(unit.members["b"], on_gone=OnGone.DELETE)
    unit = replace(unit, members={**unit.members, "b": member})
    late = says("a", "y", "v", "v", "1")
    row = incident(late, says("b", "x", "x", "x"), f=Base("x", ("b",), "2"))
    outcome = settled(unit, without(row, unit))
    assert outcome.merged["f"].base is None
    assert outcome.merged["f"].losers
    assert kinds(outcome) == [("update", "a")]


def test_a_delete_that_was_left_is_never_planned_again() -> None:
    """Where a person leaves the deleting undone, the others go on without the lost record."""
    row = without(all_say("active"), DELETING)
    after = leave(DELETING, row, "a", "delete", [])
    assert after.side("b").let_go
    assert at_rest(settled(DELETING, after))
    assert kinds(settled(DELETING, heard(after, "a", "stable"))) == [("update", "c")]


def test_a_record_that_comes_back_deletes_nothing() -> None:
    """Where the lost record is heard again before the others are deleted, all go on."""
    row = heard(without(all_say("active"), DELETING), "b", "active")
    assert at_rest(settled(DELETING, row))


@st.composite
def losses(draw: st.DrawFn) -> tuple[Unit, Incident]:
    """Draw an incident that lost a record that takes the others with it, in any state."""
    row = draw(incidents())
    name = draw(st.sampled_from(sorted(UNIT.members)))
    unit = losing(name, OnGone.DELETE)
    states = st.sampled_from(("", "", "doubt", "gone"))
    sides = {n: _in(side, draw(states)) for n, side in row.sides.items()}
    row = replace(row, sides={**sides, name: Side(name, reference(name))})
    return unit, without(row, unit, name)


def _in(side: Side, state: str) -> Side:
    """Put a side in doubt, or lose its record, or neither."""
    return replace(side, doubt=state == "doubt", gone=state == "gone")


@given(losses())
def test_deleting_is_all_or_nothing(case: tuple[Unit, Incident]) -> None:
    """Either nobody has edited and only deletes are planned, or none is, and never again."""
    unit, row = case
    outcome = settled(unit, row)
    live = [side for side in row.sides.values() if side.live]
    heard_of = {s.system: [n for n in unit.fields if unit.members[s.system].hears(n)] for s in live}
    edits = any(side.edited(name) for side in live for name in heard_of[side.system])
    unsure = any(side.doubt for side in live)
    deletes = {op.system for op in outcome.operations if op.kind == "delete"}
    assert deletes == (set() if edits or unsure else {side.system for side in live})
    if edits:
        assert all(op.kind != "delete" for op in play(unit, outcome.incident).operations)
    else:
        assert len(outcome.operations) == len(deletes)


@given(losses())
def test_what_was_left_is_never_deleted(case: tuple[Unit, Incident]) -> None:
    """After a person's word, or after the deletes, there is no delete for that loss again."""
    unit, row = case
    others = [s.system for s in row.sides.values() if s.live]
    for after in (leave(unit, row, "dev", "delete", []), forget(row, others)):
        assert all(op.kind != "delete" for op in settled(unit, after).operations)
