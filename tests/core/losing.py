"""What the tests of lost records share: units that lose some, and incidents that did."""

from __future__ import annotations

from dataclasses import replace

from instep.core.fields import Kind
from instep.core.merge import merge
from instep.core.model import Base, Incident, Word
from instep.core.observe import Heard, lost, observe
from instep.core.plan import Settled, settle
from instep.core.unit import OnGone, Unit
from tests.core.make import (
    DOG_STATUS,
    SAME_STATUS,
    STATUS,
    UNIT,
    incident,
    make_field,
    make_rule,
    reference,
    says,
    voices,
)

AT = "2026-01-05T10:00:00.000000Z"
LATER = "2026-01-05T11:00:00.000000Z"


def stated(on_gone: OnGone, **more: object) -> Unit:
    """Make a unit of three that keep a status; "b" spells it its own way, and may lose records."""
    field = replace(make_field(Kind.CHOICE), order=STATUS)
    same, own = make_rule(Kind.CHOICE, SAME_STATUS), make_rule(Kind.CHOICE, DOG_STATUS)
    unit = voices(field, same, own, same)
    member = replace(unit.members["b"], on_gone=on_gone, **more)  # type: ignore[arg-type]
    unit = replace(unit, members={**unit.members, "b": member})
    return replace(unit, closes={"f": frozenset({"resolved"})})


def all_say(value: str) -> Incident:
    """Make an incident at rest whose three sides say one status."""
    return incident(*(says(s, value, value, value) for s in "abc"), f=Base(value, ("a",), "0"))


def without(row: Incident, unit: Unit, name: str = "b") -> Incident:
    """Lose the record of a system."""
    side = lost(unit, unit.members[name], row.side(name), AT)
    return replace(row, sides={**row.sides, name: side})


def heard(row: Incident, name: str, word: Word, **other: str) -> Incident:
    """Hear a record say a status, later than all else."""
    now = Heard(replace(reference(name), **other), {"f": word}, 99, LATER)
    side, _ = observe(row.side(name), now, 99)
    return replace(row, sides={**row.sides, name: side})


def settled(unit: Unit, row: Incident) -> Settled:
    """Merge and plan."""
    return settle(unit, row, merge(unit, row))


def kinds(outcome: Settled) -> list[tuple[str, str]]:
    """Name what is planned, by kind and system."""
    return [(op.kind, op.system) for op in outcome.operations]


def losing(name: str, on_gone: OnGone) -> Unit:
    """Make the awkward unit, with one system whose losses count; resolving closes."""
    member = replace(UNIT.members[name], on_gone=on_gone)
    closes = {"status": frozenset[Word]({"resolved"})}
    return replace(UNIT, members={**UNIT.members, name: member}, closes=closes)
