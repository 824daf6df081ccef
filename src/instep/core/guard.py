"""Guard: too much change is held, not done and not dropped.

The guard looks at the plan of all due incidents, the oldest first. What is over a limit waits
for a person, and what was held once stays held until it is approved.
What a service refused is tried again later and later, and after some tries no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from instep.core.model import Words
from instep.core.operation import Held, Operation, Why
from instep.core.unit import Limits, Unit

#: A share of fewer records than this means nothing: one of three is a third.
FEW = 20

#: kind -> the key under which ``limits`` bounds it.
LIMIT_OF = {"create": "creates", "update": "updates", "close": "closes", "delete": "deletes"}

Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the ledger remembers of a held operation; ``checksum`` names what would be sent.

    ``approved`` is the checksum of what a person let through, once. ``tries`` counts how often a
    service refused it, and ``again`` (epoch) is when it is tried next. ``fields`` are the common
    values.
    """

    why: Why
    checksum: str
    reason: str
    approved: str = ""
    tries: int = 0
    again: float = 0.0
    fields: Words = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What the guard goes by, beside the operations.

    ``linked`` counts the records of each system, ``waiting`` are the operations held before.
    ``approved`` are checksums of what a person lets through in this run, ``flapping`` gives the
    reason by incident, system and field, ``alike`` by incident and system. ``now`` is epoch.
    """

    linked: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[Key, Waiting] = field(default_factory=dict)
    approved: Collection[str] = ()
    flapping: Mapping[Key, str] = field(default_factory=dict)
    alike: Mapping[tuple[int, str], str] = field(default_factory=dict)
    now: float = 0.0


@dataclass(frozen=True, slots=True)
class Guarded:
    """What may be sent now, and what waits."""

    passed: tuple[Operation, ...]
    held: tuple[Held, ...]


def guard(
    unit: Unit, operations: Iterable[Operation], known: Known, spent: Counter[tuple[str, str]]
) -> Guarded:
    """Let operations through up to the limits of each system and kind, first come first served.

    ``spent`` counts, by system and kind, what the run has let through; it is counted on. An
    update that completes a create is part of that create and is not counted again.
    """
    passed: list[Operation] = []
    held: list[Held] = []
    stopped: set[tuple[int, str]] = set()
    for whole in operations:
        place = (whole.incident, whole.system)
        if whole.follows and place in stopped:
            # It is part of a create that waits; it is planned anew once the record is there.
            continue
        operation, flaps = _split(whole, known)
        held += flaps
        if operation is None:
            continue
        stop = _stop(unit, operation, known, spent)
        if stop is None:
            passed.append(operation)
        else:
            stopped.add(place)
            held.append(stop)
    return Guarded(tuple(passed), tuple(held))


def _stop(
    unit: Unit, operation: Operation, known: Known, spent: Counter[tuple[str, str]]
) -> Held | None:
    """Say why an operation has to wait; one that may go is counted."""
    before = known.waiting.get(operation.key)
    stop = _refused(operation, before, known.now)
    if stop is None and _approved(operation, before, known):
        return None
    stop = stop or _alike(operation, known)
    if stop is None and not operation.follows:
        stop = _over(unit, operation, known, spent)
        spent[operation.system, operation.kind] += stop is None
    return stop


def _approved(operation: Operation, before: Waiting | None, known: Known) -> bool:
    """Whether a person let just this through: it counts against no limit."""
    name = operation.checksum
    return name in known.approved or (before is not None and before.approved == name)


def _over(
    unit: Unit, operation: Operation, known: Known, spent: Counter[tuple[str, str]]
) -> Held | None:
    """Hold what is over a limit, now or before."""
    before = known.waiting.get(operation.key)
    # How often just this was refused before is not forgotten while it waits for room.
    same = before is not None and before.checksum == operation.checksum
    tries = before.tries if before is not None and same else 0
    if before is None and operation.kind == "close":
        before = known.waiting.get((operation.incident, operation.system, "update"))
    if before is not None and before.why is Why.LIMIT:
        # Held once, it waits until a person lets it go, however much room there is by now.
        return Held(operation, Why.LIMIT, before.reason, tries)
    limit, name = _limit(unit.bounds(operation.system), operation, known.linked)
    if spent[operation.system, operation.kind] >= limit:
        return Held(operation, Why.LIMIT, f"over {name}", tries)
    return None


def _refused(operation: Operation, before: Waiting | None, now: float) -> Held | None:
    """Hold words that the service refused until they are tried again; other words go at once."""
    if before is None or before.checksum != operation.checksum:
        return None
    if before.why is Why.DEAD or (before.why is Why.REFUSED and now < before.again):
        return Held(operation, before.why, before.reason, before.tries, before.again)
    return None


def _alike(operation: Operation, known: Known) -> Held | None:
    """Hold a create where a record that nobody made for this incident looks the same."""
    reason = known.alike.get((operation.incident, operation.system))
    if operation.kind != "create" or reason is None:
        return None
    return Held(operation, Why.ALIKE, reason)


def _split(operation: Operation, known: Known) -> tuple[Operation | None, tuple[Held, ...]]:
    """Part the fields that flap from the others, which go on."""
    incident, system, kind = operation.key
    reasons = {
        name: reason
        for name in operation.sent
        if kind != "create" and (reason := _flaps(incident, system, name, known))
    }
    if not reasons:
        return operation, ()
    part = replace(operation, sent={name: operation.sent[name] for name in reasons})
    rest = {name: sent for name, sent in operation.sent.items() if name not in reasons}
    before = known.waiting.get((incident, system, str(Why.FLAP)))
    if _approved(part, before, known):
        return operation, ()
    stop = Held(part, Why.FLAP, "; ".join(dict.fromkeys(reasons.values())))
    return (replace(operation, sent=rest) if rest else None), (stop,)


def _flaps(incident: int, system: str, name: str, known: Known) -> str:
    """Say why a field flaps, now or when it was held for that; empty if it does not."""
    before = known.waiting.get((incident, system, str(Why.FLAP)))
    if before is not None and name in before.fields:
        return before.reason
    return known.flapping.get((incident, system, name), "")


def _limit(limits: Limits, operation: Operation, linked: Mapping[str, int]) -> tuple[int, str]:
    """Give how many such operations a run may do, and what to call that limit."""
    name = LIMIT_OF[operation.kind]
    count: int = getattr(limits, name)
    records = linked.get(operation.system, 0)
    share = int(limits.share * records)
    if operation.kind != "create" and records >= FEW and share < count:
        return share, f"limits.share = {limits.share:.0%} of {records} records"
    return count, f"limits.{name} = {count}"
