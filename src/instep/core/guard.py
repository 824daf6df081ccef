"""Guard: too much change is held, not done and not dropped.

The guard looks at the plan of all due incidents together. What is over a limit waits for a
person, the oldest incidents go first, and what was held once stays held until it is approved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from instep.core.plan import Held, Operation, Why
from instep.core.unit import Limits

#: A share of fewer records than this means nothing: one of three is a third.
FEW = 20

#: kind -> the key under which ``limits`` bounds it.
LIMIT_OF = {"create": "creates", "update": "updates", "close": "closes"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the ledger remembers of a held operation; ``checksum`` names what would be sent."""

    why: Why
    checksum: str
    reason: str


@dataclass(frozen=True, slots=True)
class Guarded:
    """What may be sent now, and what waits for a person."""

    passed: tuple[Operation, ...]
    held: tuple[Held, ...]


def guard(
    operations: Iterable[Operation],
    limits: Limits,
    linked: Mapping[str, int],
    *,
    waiting: Mapping[tuple[int, str, str], Waiting],
    spent: Counter[tuple[str, str]],
    approved: bool = False,
) -> Guarded:
    """Let operations through up to the limits of each system and kind, oldest incident first.

    ``linked`` counts the records of each system, ``waiting`` are the operations held before, and
    ``spent`` counts, by system and kind, what the run has let through; it is counted on.
    ``approved`` is a person's word that the limits may be passed. An update that completes a
    create is part of that create and is not counted again.
    """
    passed: list[Operation] = []
    held: list[Held] = []
    stopped: set[tuple[int, str]] = set()
    for operation in sorted(operations, key=lambda op: op.incident):
        place = (operation.incident, operation.system)
        if operation.follows and place in stopped:
            # It is part of a create that waits; it is planned anew once the record is there.
            continue
        stop = _refused(operation, waiting.get(operation.key))
        if stop is None and not approved and not operation.follows:
            stop = _over(operation, limits, linked, waiting, spent)
        if not operation.follows:
            spent[operation.system, operation.kind] += stop is None
        if stop is None:
            passed.append(operation)
        else:
            stopped.add(place)
            held.append(stop)
    return Guarded(tuple(passed), tuple(held))


def _over(
    operation: Operation,
    limits: Limits,
    linked: Mapping[str, int],
    waiting: Mapping[tuple[int, str, str], Waiting],
    spent: Counter[tuple[str, str]],
) -> Held | None:
    """Hold what is over a limit, now or before."""
    before = waiting.get(operation.key)
    if before is None and operation.kind == "close":
        before = waiting.get((operation.incident, operation.system, "update"))
    if before is not None and before.why is Why.LIMIT:
        # Held once, it waits until a person lets it go, however much room there is by now.
        return Held(operation, Why.LIMIT, before.reason)
    limit, name = _limit(operation, limits, linked)
    if spent[operation.system, operation.kind] >= limit:
        return Held(operation, Why.LIMIT, f"over {name}")
    return None


def _refused(operation: Operation, before: Waiting | None) -> Held | None:
    """Hold words that the service refused; other words are tried again."""
    if before is None or before.why is not Why.REFUSED or before.checksum != operation.checksum:
        return None
    return Held(operation, Why.REFUSED, before.reason)


def _limit(operation: Operation, limits: Limits, linked: Mapping[str, int]) -> tuple[int, str]:
    """Give how many such operations a run may do, and what to call that limit."""
    name = LIMIT_OF[operation.kind]
    count: int = getattr(limits, name)
    records = linked.get(operation.system, 0)
    share = int(limits.share * records)
    if operation.kind != "create" and records >= FEW and share < count:
        return share, f"limits.share = {limits.share:.0%} of {records} records"
    return count, f"limits.{name} = {count}"
