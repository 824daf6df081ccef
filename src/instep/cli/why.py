"""What is held, in words: its state, what it waits for, and what helps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from instep.cli.text import many, span, word
from instep.core.fields import moment
from instep.core.operation import Why

APPROVE = "let it through, once: instep held approve NAME"
DROP = "leave it undone: instep held drop NAME"
RETRY = "try it again in the next cycle: instep retry"
LINK = "or say that the two are one incident: instep links"
SAY = "say what is lacking in one of the systems, or under create in the configuration"
REMOVE = "delete that record, or take the mark out of it"

#: What helps: said below a list, and where one thing is explained.
HELPS = MappingProxyType(
    {
        Why.LIMIT: (APPROVE, DROP),
        Why.FLAP: (APPROVE, DROP),
        Why.ALIKE: (APPROVE, DROP, LINK),
        Why.LACKING: (SAY, DROP),
        Why.REFUSED: (RETRY, DROP),
        Why.DEAD: (RETRY, DROP),
        Why.DUPLICATE: (REMOVE,),
        Why.FOREIGN: (REMOVE,),
    }
)


def state(why: Why) -> str:
    """Say whether it waits for a person, is tried again by itself, or is tried no more."""
    return {Why.REFUSED: "late", Why.DEAD: "dead"}.get(why, "held")


def is_approved(row: Mapping[str, Any]) -> bool:
    """Whether a person let through what a row of ``held`` says, as it says it now."""
    return bool(row["approved"]) and row["approved"] == row["checksum"]


def sentence(row: Mapping[str, Any], now: float | None = None) -> str:
    """Say what a row of ``held`` waits for. ``now`` is epoch."""
    reason = word(row["reason"], 200)
    if is_approved(row):
        return "approved: goes in the next cycle"
    match Why(row["why"]):
        case Why.LIMIT | Why.FLAP | Why.ALIKE | Why.LACKING:
            return f"held: {reason}"
        case Why.REFUSED:
            return f"late: {_tries(row)}{reason}; tried again {_again(row, now)}"
        case Why.DEAD:
            return f"dead: {_tries(row)}{reason}; tried no more"
        case Why.DUPLICATE | Why.FOREIGN:
            return f"kept out: {reason}"


def _tries(row: Mapping[str, Any]) -> str:
    """Say how often it was refused."""
    return f"not taken {many(row['tries'], 'time')}: " if row["tries"] else ""


def _again(row: Mapping[str, Any], now: float | None) -> str:
    """Say when it is tried again."""
    return _soon(row["again"] - (time.time() if now is None else now))


def next_try(again: str | None, now: float) -> str:
    """Say when something late is tried again (an instant; ``None``: at once)."""
    seconds = moment(again).timestamp() - now if again else 0.0
    return f"tried again {_soon(seconds)}"


def _soon(seconds: float) -> str:
    """Say in how many seconds something is done that a cycle does."""
    return f"in {span(seconds)}" if seconds > 0 else "in the next cycle"
