"""Leave and forget: what a person does not want done is not planned again by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.fields import Kind
from instep.core.merge import merge
from instep.core.model import Base, Incident
from instep.core.observe import Heard, observe
from instep.core.operation import Operation
from instep.core.plan import Settled, at_rest, forget, leave, settle
from instep.core.unit import Creation, OnGone, Unit
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

LINE = make_rule(Kind.LINE)
LINES = voices(make_field(Kind.LINE), LINE, LINE)
#: Agreed on "y", which "b" does not say yet.
BEHIND = incident(says("a", "y", "y", "y"), says("b", "x", "x", "x"), f=Base("y", ("a",)))


def settled(unit: Unit, row: Incident) -> Settled:
    """Merge and plan."""
    return settle(unit, row, merge(unit, row))


def edited(row: Incident, system: str, name: str, word: str) -> Incident:
    """Let somebody edit a field in a system."""
    side = row.side(system)
    side = replace(
        side, says={**side.says, name: word}, says_at={**side.says_at, name: "2099-01-01"}
    )
    return replace(row, sides={**row.sides, system: side})


def left(row: Incident, operation: Operation, unit: Unit = UNIT) -> Incident:
    """Leave an operation undone."""
    return leave(unit, row, operation.system, operation.kind, operation.sent)


# Updates.


def test_what_was_left_stays_as_it_is() -> None:
    """A side that is left keeps its word, and nobody is told of it or told otherwise."""
    after = leave(LINES, BEHIND, "b", "update", ["f"])
    assert after.side("b").says == {"f": "x"}
    assert after.value("f") == "y"
    assert at_rest(settled(LINES, after))


@pytest.mark.parametrize(("system", "written"), [("a", "b"), ("b", "a")])
def test_the_next_edit_counts_again(system: str, written: str) -> None:
    """An edit on either side, after one was left behind, is written to the other as ever."""
    after = edited(leave(LINES, BEHIND, "b", "update", ["f"]), system, "f", "z")
    outcome = settled(LINES, after)
    assert [(op.system, op.sent["f"].word) for op in outcome.operations] == [(written, "z")]
    assert outcome.merged["f"].losers == ()


def test_an_edit_since_is_not_left() -> None:
    """Where somebody has edited the field since it was held, that edit is merged, not dropped."""
    row = edited(BEHIND, "b", "f", "z")
    after = leave(LINES, row, "b", "update", ["f"])
    assert after == row
    assert settled(LINES, after).incident.value("f") == "z"


def test_only_what_was_held_is_left() -> None:
    """Of one side, fields that were not held are still written; unknown ones are passed over."""
    assert leave(LINES, BEHIND, "b", "update", []) == BEHIND
    assert leave(LINES, BEHIND, "b", "update", ["g"]) == BEHIND
    assert leave(LINES, BEHIND, "a", "update", ["f"]).side("b") == BEHIND.side("b")


@given(incidents())
def test_what_was_left_is_not_planned(row: Incident) -> None:
    """Nothing is planned for the fields that were left on that side, now or after all else."""
    start = settled(UNIT, row)
    for operation in start.operations:
        if operation.kind not in {"update", "close"} or operation.announced:
            continue
        after = left(start.incident, operation)
        assert after.base == start.incident.base
        for op in play(UNIT, after).operations:
            assert op.system != operation.system or not op.sent.keys() & operation.sent.keys()


@given(incidents(), st.sampled_from(sorted(UNIT.members)))
def test_what_was_left_is_written_after_the_next_edit(row: Incident, editor: str) -> None:
    """A new title reaches a side whose title was left, and that side settles like the others."""
    start = settled(UNIT, row)
    mine = [op for op in start.operations if op.kind in {"update", "close"} and not op.announced]
    after = start.incident
    for operation in mine:
        after = left(after, operation)
    if not after.side(editor).live:
        return
    end = play(UNIT, edited(after, editor, "title", "Reborn")).incident
    assert {side.says["title"] for side in end.sides.values() if side.live} == {"Reborn"}


# Creates.


def test_a_create_that_was_left_is_never_made() -> None:
    """A record that a person did not want is not planned again, whatever is edited."""
    member = replace(LINES.members["b"], creation=Creation(frozenset({"a"})))
    unit = replace(LINES, members={**LINES.members, "b": member})
    row = incident(says("a", "x", "x", "x"), f="x")
    (create,) = settled(unit, row).operations
    after = left(row, create, unit)
    for each in (after, edited(after, "a", "f", "z")):
        assert settled(unit, each).operations == ()
    assert after.side("b").let_go
    assert at_rest(settled(unit, after))


@given(incidents())
def test_what_was_let_go_is_left_alone(row: Incident) -> None:
    """A side that was let go is neither merged nor written to, and is never made anew."""
    for name in UNIT.members:
        after = forget(row, [name])
        assert after.side(name).let_go
        assert not after.side(name).live
        for on_gone in OnGone:
            member = replace(UNIT.members[name], on_gone=on_gone)
            unit = replace(UNIT, members={**UNIT.members, name: member})
            outcome = settled(unit, after)
            assert all(op.system != name for op in outcome.operations)
            assert all(held.operation.system != name for held in outcome.held)
            assert all(name not in merged.taken for merged in outcome.merged.values())


def test_letting_go_ends_a_doubt() -> None:
    """A side that was let go is read no more, and the others stay as they are."""
    row = replace(BEHIND, sides={**BEHIND.sides, "b": replace(BEHIND.side("b"), doubt=True)})
    after = forget(row, ["b"])
    assert not after.side("b").doubt
    assert after.side("a") == row.side("a")
    assert forget(row, []) == row


def test_a_record_that_is_linked_again_is_merged_again() -> None:
    """Where a record is linked to a side that was let go, the side is live, and due."""
    side = forget(BEHIND, ["b"]).side("b")
    heard = Heard(reference("b"), {"f": "x"}, 9, "now")
    after, due = observe(side, heard, 10)
    assert (after.live, after.let_go, due) == (True, False, True)
    assert after.reference == reference("b")
