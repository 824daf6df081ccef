"""Flaps: two systems that write a field to and fro, because their rules disagree.

A person who edits often in one system has the others written often, but not the one in which
they edit. Only where the system to write to and the one that its value comes from are both
written over and over is it a flap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from instep.core.model import Incident
from instep.core.operation import Operation
from instep.core.unit import Unit

#: So many writes of a field to either of two systems are one too many ...
MANY = 5
#: ... within so many seconds.
WINDOW = 3600.0

#: (incident, system, field) -> how often it was written within the window.
Writes = Mapping[tuple[int, str, str], int]


def flapping(
    unit: Unit, settled: Iterable[tuple[Incident, Iterable[Operation]]], writes: Writes
) -> dict[tuple[int, str, str], str]:
    """Say which fields flap, by incident, system and field, with a reason that names both rules.

    ``settled`` are incidents after their merge, with what is planned for them.
    """
    found: dict[tuple[int, str, str], str] = {}
    for incident, operations in settled:
        for op in operations:
            for name in op.sent:
                other = _other(unit, incident, op, name, writes)
                if other:
                    found[incident.id, op.system, name] = _reason(unit, name, op.system, other)
    return found


def _other(unit: Unit, incident: Incident, op: Operation, name: str, writes: Writes) -> str:
    """Name the system with which the field goes to and fro; empty if it does not."""
    if writes.get((incident.id, op.system, name), 0) < MANY or name not in incident.base:
        return ""
    origins = (
        origin
        for origin in incident.base[name].origins
        if origin != op.system and origin in unit.members and name in unit.members[origin].rules
    )
    return next((o for o in origins if writes.get((incident.id, o, name), 0) >= MANY), "")


def _reason(unit: Unit, name: str, one: str, other: str) -> str:
    """Name both rules."""
    places = [f"{s} ({unit.members[s].rules[name].path})" for s in sorted((one, other))]
    return (
        f"{name} was written {MANY} times within an hour to both {' and '.join(places)}: "
        "their rules disagree, or two people do"
    )
