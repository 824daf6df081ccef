"""Gone: what the loss of a record brings about, once, and only what is configured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.fields import Kind
from instep.core.merge import merge
from instep.core.model import Base, Incident, Intent, Mark
from instep.core.observe import lost
from instep.core.plan import at_rest, forget, leave
from instep.core.rules import Direction
from instep.core.unit import Creation, OnGone
from tests.core.losing import AT, LATER, all_say, heard, kinds, losing, settled, stated, without
from tests.core.make import STATUS, UNIT, incidents, make_rule, play, reference, says, voices

# Keep.


def test_nothing_comes_of_a_loss_by_default() -> None:
    """A record that is gone changes nothing elsewhere, unless that is configured."""
    unit = stated(OnGone.KEEP)
    row = without(all_say("active"), unit)
    assert row.side("b").says == {"f": "active"}
    assert settled(unit, row).operations == ()
    assert at_rest(settled(unit, row))
    edited = heard(row, "a", "stable")
    assert kinds(settled(unit, edited)) == [("update", "c")]


# Close.

CLOSING = stated(OnGone.CLOSE)


def test_a_loss_closes_everywhere_once() -> None:
    """The others are closed, because of the lost record and from then; and that is all."""
    row = without(all_say("active"), CLOSING)
    outcome = settled(CLOSING, row)
    assert kinds(outcome) == [("close", "a"), ("close", "c")]
    assert outcome.incident.base["f"] == Base("resolved", ("b",), AT)
    assert {op.sent["f"].word for op in outcome.operations} == {"resolved"}
    played = play(CLOSING, row)
    assert len(played.operations) == len("ac")
    assert at_rest(settled(CLOSING, played.incident))


def test_a_reopened_incident_is_not_closed_again() -> None:
    """Whoever reopens an incident in another system has it open, though the record stay lost."""
    closed = play(CLOSING, without(all_say("active"), CLOSING)).incident
    played = play(CLOSING, heard(closed, "a", "active"))
    assert [(op.kind, op.system) for op in played.operations] == [("update", "c")]
    assert played.incident.value("f") == "active"
    assert at_rest(settled(CLOSING, played.incident))


@pytest.mark.parametrize("settled_before", [True, False])
def test_a_record_that_comes_back_reopens(settled_before: bool) -> None:
    """A record that is there again says what it says: the closing was taken for its own word."""
    row = without(all_say("active"), CLOSING)
    if settled_before:
        row = play(CLOSING, row).incident
    back = heard(row, "b", "active")
    assert back.side("b").gone_at == ""
    played = play(CLOSING, back)
    assert played.incident.value("f") == "active"
    assert {side.says["f"] for side in played.incident.sides.values()} == {"active"}
    assert len(played.operations) == (2 if settled_before else 0)


@pytest.mark.parametrize("word", ["resolved", "completed"])
def test_what_was_closed_is_not_closed_again(word: str) -> None:
    """A record that said that it is over when it was lost, in any word, says nothing new."""
    row = all_say("resolved")
    row = replace(row, sides={**row.sides, "b": says("b", word, word, "resolved")})
    after = without(row, CLOSING)
    assert after.side("b") == replace(row.side("b"), gone=True, gone_at=AT)
    assert at_rest(settled(CLOSING, after))


def test_a_side_that_was_let_go_closes_nothing() -> None:
    """Where a person let the record go, its loss is none."""
    row = forget(without(all_say("active"), CLOSING), ["b"])
    assert at_rest(settled(CLOSING, row))


def test_a_close_that_was_left_is_not_planned_again() -> None:
    """Where a person leaves the closing undone, the sides stay open until somebody edits."""
    outcome = settled(CLOSING, without(all_say("active"), CLOSING))
    row = outcome.incident
    for op in outcome.operations:
        row = leave(CLOSING, row, op.system, op.kind, op.sent)
    assert at_rest(settled(CLOSING, row))


def test_an_edit_at_the_time_of_a_loss_is_not_lost() -> None:
    """An edit that contends with the closing wins, or is kept among those that lost."""
    row = heard(without(all_say("active"), CLOSING), "a", "stable")
    merged = merge(CLOSING, row)["f"]
    assert merged.base == Base("stable", ("a",), LATER)
    assert [(c.value, c.origins) for c in merged.losers] == [("resolved", ("b",))]


def test_a_record_closes_in_the_first_word_it_has() -> None:
    """Of the values that close, the first in order that the system has a word for is said."""
    ends = {"b": {"done": ("resolved",), "open": ("active",)}, "c": {"open": ("active",)}}
    said = {}
    for name, words in ends.items():
        rule = make_rule(Kind.CHOICE, words)
        unit = voices(replace(rule.field, order=STATUS), rule)
        unit = replace(unit, closes={"f": frozenset({"stable", "resolved"})})
        member = replace(unit.members["a"], on_gone=OnGone.CLOSE)
        said[name] = lost(unit, member, says("a", "open"), AT).says
    assert said == {"b": {"f": "done"}, "c": {"f": "open"}}


@pytest.mark.parametrize("heard_there", [True, False])
def test_a_system_that_is_not_heard_closes_nothing(heard_there: bool) -> None:
    """Where nobody listens to a system's status, its loss cannot say that all is over."""
    direction = Direction.BOTH if heard_there else Direction.OUT
    rule = replace(CLOSING.members["b"].rules["f"], direction=direction)
    unit = stated(OnGone.CLOSE, rules={"f": rule})
    row = without(all_say("active"), unit)
    assert row.side("b").says == {"f": "resolved" if heard_there else "active"}


@given(incidents(), st.sampled_from(sorted(UNIT.members)))
def test_a_loss_that_closes_comes_to_rest(row: Incident, name: str) -> None:
    """Whatever else is going on, a loss is settled once, and the record is left alone."""
    unit = losing(name, OnGone.CLOSE)
    if not row.side(name).live:
        return
    played = play(unit, without(row, unit, name))
    assert played.rounds[3].operations == ()
    assert all(op.system != name for op in played.operations)


# Recreate.


@pytest.mark.parametrize("creation", [None, Creation(frozenset({"c"}))])
def test_a_record_is_made_anew(creation: Creation | None) -> None:
    """A lost record is replaced by one that says what is agreed, wherever it began."""
    unit = stated(OnGone.RECREATE, creation=creation)
    outcome = settled(unit, without(all_say("stable"), unit))
    assert kinds(outcome) == [("create", "b")]
    (create,) = outcome.operations
    assert create.sent["f"].word == "stable"
    assert create.mark == Mark("a", "A-1", "uid7", "https://a/1", reference("a").opened)


@pytest.mark.parametrize("on_gone", [OnGone.KEEP, OnGone.CLOSE, OnGone.DELETE])
def test_only_what_is_to_be_made_anew_is(on_gone: OnGone) -> None:
    """A lost record is not replaced merely because new incidents are given to the system."""
    unit = stated(on_gone, creation=Creation(frozenset({"a"})))
    outcome = settled(unit, without(all_say("resolved"), unit))
    assert ("create", "b") not in kinds(outcome)


def test_the_first_record_is_made_anew_under_its_own_name() -> None:
    """Where the record in which it began is made anew, the mark still names that, and why says."""
    unit = stated(OnGone.RECREATE)
    row = replace(without(all_say("active"), unit), origin="b")
    (create,) = settled(unit, row).operations
    assert create.mark is not None
    assert (create.mark.origin, create.mark.display) == ("b", "B-1")
    assert create.reason == "a has A-1"


@pytest.mark.parametrize("state", ["let go", "all gone", "being made", "not writable"])
def test_a_record_is_not_made_anew_in_vain(state: str) -> None:
    """Not where a person let it go, none is left, it is on its way, or nothing may be written."""
    unit = stated(OnGone.RECREATE, writable=state != "not writable")
    row = without(all_say("active"), unit)
    if state == "let go":
        row = forget(row, ["b"])
    elif state == "all gone":
        row = without(without(row, unit, "a"), unit, "c")
    elif state == "being made":
        create = Intent(1, 7, "b", "create", {}, Mark("a", "A-1", "uid7"), 60.0)
        row = replace(row, intents=(create,))
    assert settled(unit, row).operations == ()
