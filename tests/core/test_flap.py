"""Flaps: what goes to and fro is found and held, and nobody who edits often is taken for one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instep.core.fields import Decide, Kind
from instep.core.flap import MANY, flapping
from instep.core.merge import merge
from instep.core.model import Base, Incident
from instep.core.operation import Operation, Why
from instep.core.plan import settle
from instep.core.unit import Limits, Unit
from tests.core.guarding import op, remembered, run, waits
from tests.core.make import SEVERITY, incident, make_field, make_rule, play, says, voices

LINES = voices(make_field(Kind.LINE), *(make_rule(Kind.LINE) for _ in range(3)))
POLICIES = (Decide.NEWEST, Decide.PREFER, Decide.HIGHEST, Decide.LOWEST)

Counts = Counter[tuple[int, str, str]]


def found(writes: dict[str, int], origins: tuple[str, ...], to: str = "a") -> dict[str, str]:
    """Say what flaps, by system, where a value of these origins is to be written to a system."""
    row = incident(f=Base("x", origins))
    write = Operation("update", to, row.id, op(1).sent, "because", "A-1")
    counts = {(row.id, system, "f"): count for system, count in writes.items()}
    return {
        system: why for (_, system, _), why in flapping(LINES, [(row, [write])], counts).items()
    }


@pytest.mark.parametrize("a", [MANY - 1, MANY, MANY + 9])
@pytest.mark.parametrize("b", [0, MANY - 1, MANY])
@pytest.mark.parametrize("origins", [("b",), ("c", "b"), ("c",), ()])
def test_both_are_written_because_of_each_other(a: int, b: int, origins: tuple[str, ...]) -> None:
    """A flap is a field written many times to two systems, of which one caused it once more."""
    flaps = a >= MANY and b >= MANY and "b" in origins
    assert list(found({"a": a, "b": b}, origins)) == ["a"] * flaps


def test_a_flap_names_both_rules() -> None:
    """The reason says which field of which systems, and where these keep it."""
    reason = found({"a": MANY, "b": MANY}, ("b",))["a"]
    assert reason == (
        "f was written 5 times within an hour to both a (p) and b (p): "
        "their rules disagree, or two people do"
    )


def test_a_field_that_nobody_agreed_on_does_not_flap() -> None:
    """A default that is written has no other system for its cause."""
    write = Operation("update", "a", 7, op(1).sent, "because", "A-1")
    counts = {(7, system, "f"): 99 for system in "ab"}
    assert flapping(LINES, [(incident(), [write])], counts) == {}


def test_what_a_person_chose_does_not_flap() -> None:
    """A value that was chosen by hand is written, however often the field was before."""
    assert found({"a": MANY, "b": MANY}, ("a person",)) == {}


def edited(unit: Unit, row: Incident, name: str, value: str, counts: Counts) -> Incident:
    """Let a person edit the field in one system; nothing may flap while that is made good."""
    side = replace(row.side(name), says={"f": value}, says_at={"f": f"{sum(counts.values()):09}"})
    row = replace(row, sides={**row.sides, name: side})
    planned = settle(unit, row, merge(unit, row))
    assert flapping(unit, [(planned.incident, planned.operations)], counts) == {}
    played = play(unit, row)
    counts.update((row.id, o.system, field) for o in played.operations for field in o.sent)
    return played.incident


@pytest.mark.parametrize("decide", POLICIES)
@settings(max_examples=30)
@given(st.lists(st.sampled_from(SEVERITY), min_size=MANY, max_size=4 * MANY), st.sampled_from("ab"))
def test_a_person_who_edits_in_one_system_makes_no_flap(
    decide: Decide, values: list[str], name: str
) -> None:
    """However often a field is edited in one system, it is written to the others, and no flap."""
    rule = make_rule(Kind.CHOICE)
    unit = voices(make_field(Kind.CHOICE, decide, "c"), rule, rule, rule)
    row = incident(*(says(s, "low", "low", "low") for s in "abc"), f="low")
    counts = Counts()
    for value in values:
        row = edited(unit, row, name, value, counts)
        assert {row.side(s).says.get("f") for s in "abc"} == {value}
    assert counts[row.id, name, "f"] == 0


def test_two_systems_that_never_agree_are_found() -> None:
    """A field that two systems change in turn is found to flap once it is many, not before."""
    rule = make_rule(Kind.LINE)
    unit = voices(make_field(Kind.LINE), rule, rule)
    row = incident(*(says(s, "x", "x", "x") for s in "ab"), f="x")
    counts = Counts()
    for turn in range(2 * MANY):
        row = edited(unit, row, "ab"[turn % 2], f"turn {turn}", counts)
    assert counts == {(row.id, "a", "f"): MANY, (row.id, "b", "f"): MANY}
    side = replace(row.side("a"), says={"f": "again"})
    row = replace(row, sides={**row.sides, "a": side})
    planned = settle(unit, row, merge(unit, row))
    assert set(flapping(unit, [(planned.incident, planned.operations)], counts)) == {
        (row.id, "b", "f")
    }


# What the guard makes of it.

FLAP = {(1, "a", "f"): "a and b disagree"}


@pytest.mark.parametrize("kind", ["update", "close"])
def test_the_other_fields_go_on(kind: str) -> None:
    """Fields that flap are held beside their operation; the rest of it is let through."""
    guarded = run(op(1, kind, names="fgh"), flapping=FLAP)
    assert guarded.passed == (op(1, kind, names="gh"),)
    (held,) = guarded.held
    assert (held.why, held.reason) == (Why.FLAP, "a and b disagree")
    assert held.operation == op(1, kind, names="f")
    assert held.key == (1, "a", "flap")


def test_what_flaps_alone_leaves_nothing() -> None:
    """An operation all of whose fields flap is held whole, and takes no room."""
    spent = Counter[tuple[str, str]]()
    guarded = run(op(1, names="f"), flapping=FLAP, spent=spent)
    assert (guarded.passed, len(guarded.held), +spent) == ((), 1, Counter())


def test_the_rest_is_within_the_limits() -> None:
    """The fields that do not flap count, and wait, like any other operation."""
    held = run(op(1, names="fg"), flapping=FLAP, limits=Limits(updates=0)).held
    assert [(h.why, *h.operation.sent) for h in held] == [(Why.FLAP, "f"), (Why.LIMIT, "g")]
    assert len({h.key for h in held}) == 2


def test_every_reason_is_given_once() -> None:
    """Fields that flap between the same systems, or others, are held together with all reasons."""
    reasons = {(1, "a", name): why for name, why in zip("fgh", ("one", "two", "one"), strict=True)}
    (held,) = run(op(1, names="fgh"), flapping=reasons).held
    assert held.reason == "one; two"


def test_elsewhere_nothing_is_held() -> None:
    """A field that flaps in one place is written in all others, and into new records."""
    others = (op(2), op(1, system="b"), op(1, names="g"))
    assert run(*others, flapping=FLAP).passed == others
    assert run(op(1, "create"), flapping=FLAP).passed


def test_a_flap_stays_held_as_long_as_the_ledger_holds_it() -> None:
    """What is no longer written does not flap any more: it is held until a person speaks."""
    (held,) = run(op(1, names="f"), flapping=FLAP).held
    for word in "xy":
        guarded = run(op(1, names="fg", word=word), waiting=remembered(held))
        assert guarded.passed == (op(1, names="g", word=word),)
        assert [h.reason for h in guarded.held] == ["a and b disagree"]


def test_a_flap_that_a_person_approved_goes_whole() -> None:
    """Approved, the fields go in one write with the others; for other words it is worth nothing."""
    (held,) = run(op(1, names="fg"), flapping=FLAP).held
    approved = remembered(held, approved=True)
    assert run(op(1, names="fg"), waiting=approved, flapping=FLAP).passed == (op(1, names="fg"),)
    other = run(op(1, names="fg", word="y"), waiting=approved, flapping=FLAP)
    assert [set(o.sent) for o in other.passed] == [{"g"}]
    named = {op(1, names="f").checksum}
    assert run(op(1, names="fg"), flapping=FLAP, approved=named).held == ()


def test_an_approved_flap_is_within_the_limits_with_the_rest() -> None:
    """A person's word on the fields that flap says nothing of the others beside them."""
    (held,) = run(op(1, names="fg"), flapping=FLAP).held
    approved = remembered(held, approved=True)
    guarded = run(op(1, names="fg"), waiting=approved, limits=Limits(updates=0))
    assert [(h.why, set(h.operation.sent)) for h in guarded.held] == [(Why.LIMIT, {"f", "g"})]


def test_what_waits_for_other_reasons_is_no_flap() -> None:
    """An update that is held for a limit is not parted by field."""
    waiting = waits(op(1, names="fg"), Why.LIMIT)
    assert [h.operation for h in run(op(1, names="fg"), waiting=waiting).held] == [
        op(1, names="fg")
    ]
