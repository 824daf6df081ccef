"""What the tests of the guard share: operations, and a guard over two systems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from instep.core.guard import Guarded, Key, Known, Waiting, guard
from instep.core.model import Sent
from instep.core.operation import Held, Operation, Why
from instep.core.unit import Limits, Member, Unit

LIMITS = Limits(creates=2, updates=3, closes=1, deletes=1, share=0.1)
NONE: Mapping[Key, Waiting] = {}


def op(
    incident: int,
    kind: str = "update",
    system: str = "a",
    word: str = "x",
    *,
    names: str = "f",
    follows: bool = False,
) -> Operation:
    """Make an operation that sends one word to each of the named fields; a delete sends none."""
    sent = {name: Sent(f"path of {name}", word, word) for name in names if kind != "delete"}
    return Operation(kind, system, incident, sent, "because", "A-1", follows=follows)


def run(
    *operations: Operation,
    limits: Limits = LIMITS,
    linked: int = 0,
    waiting: Mapping[Key, Waiting] = NONE,
    spent: Counter[tuple[str, str]] | None = None,
    own: Limits | None = None,
    **known: Any,
) -> Guarded:
    """Guard operations on a system with so many linked records; ``own`` are the limits of "a"."""
    unit = Unit("u", {}, {"a": Member("a", limits=own), "b": Member("b")}, limits)
    about = Known(linked={"a": linked, "b": linked}, waiting=waiting, **known)
    return guard(unit, operations, about, Counter() if spent is None else spent)


def remembered(*held: Held, approved: bool = False) -> dict[Key, Waiting]:
    """Remember what is held as the ledger does, approved by a person or not."""
    return {
        h.key: Waiting(
            h.why,
            h.operation.checksum,
            h.reason,
            approved=h.operation.checksum if approved else "",
            tries=h.tries,
            again=h.again,
            fields={name: sent.value for name, sent in h.operation.sent.items()},
        )
        for h in held
    }


def waits(operation: Operation, why: Why, **more: Any) -> dict[Key, Waiting]:
    """Remember that an operation waits."""
    return remembered(Held(operation, why, f"it is {why}", **more))
