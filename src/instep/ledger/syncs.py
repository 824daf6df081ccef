"""Sync metadata: per external reference, when it was last heard and last written, and how.

``last_sync_in`` is of values taken in from the record, ``last_sync_out`` of values written to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam as b
from sqlalchemy import update

from instep.ledger.tables import external_references

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from instep.ledger.journal import Decision, Outcome

#: What came of a write -> the status that the reference shows.
STATUS = {
    "written": "succeeded",
    "recovered": "succeeded",
    "deleted": "succeeded",
    "stale": "modified",
    "refused": "failed",
}


def heard_from(db: Connection, decisions: Iterable[Decision], run: int, at: str) -> None:
    """Note from which records values were taken in, lost, or wait for a person."""
    rows = [
        _row(decision.before.id, system, status, run, at)
        for decision in decisions
        for system, status in _heard(decision).items()
    ]
    if rows:
        db.execute(_IN, rows)


def _heard(decision: Decision) -> dict[str, str]:
    """Say which sides were heard: succeeded, modified where one lost, staged where one waits."""
    found: dict[str, str] = {}
    for outcome in decision.settled.merged.values():
        for system in outcome.base.origins if outcome.base else ():
            found.setdefault(system, "succeeded")
        found.update({s: "modified" for loser in outcome.losers for s in loser.origins})
        found.update({s: "staged" for c in outcome.waiting for s in c.origins})
    return found


def wrote_to(db: Connection, outcomes: Sequence[Outcome], run: int, at: str) -> None:
    """Note to which records was written, and whether they took it."""
    rows = [
        _row(o.incident, o.system, STATUS[o.result], run, at)
        for o in outcomes
        if o.intent is not None and o.result in STATUS
    ]
    if rows:
        db.execute(_OUT, rows)


def _row(incident: int, system: str, status: str, run: int, at: str) -> dict[str, Any]:
    """Name the reference and what to note."""
    return {"b_incident": incident, "b_system": system, "status": status, "run": run, "date": at}


def _noting(way: str) -> Any:
    """Build the statement that notes one direction."""
    values: dict[str, Any] = {
        f"last_sync_{way}_{what}": b(what) for what in ("status", "date", "run")
    }
    return (
        update(external_references)
        .where(
            external_references.c.incident == b("b_incident"),
            external_references.c.system == b("b_system"),
        )
        .values(values)
    )


_IN, _OUT = _noting("in"), _noting("out")
