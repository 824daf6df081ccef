"""What waits for a person: kept with its reason and the time since which it waits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from instep.core.guard import Waiting
from instep.core.plan import Held, Why
from instep.ledger.tables import held

if TYPE_CHECKING:
    from sqlalchemy import Connection

Key = tuple[int, str, str]


def waiting(db: Connection, ids: Collection[int]) -> dict[Key, Waiting]:
    """Give what is held of these incidents, by incident, system and kind."""
    rows = db.execute(select(held).where(held.c.incident.in_(ids), held.c.why != Why.DUPLICATE))
    return {
        (row.incident, row.system, row.kind): Waiting(Why(row.why), row.checksum, row.reason)
        for row in rows
    }


def keep_held(
    db: Connection,
    now: Mapping[int, Collection[Held]],
    run: int,
    at: str,
    *,
    replace_all: bool = True,
    away: Collection[str] = (),
) -> None:
    """Make what is held of each incident be exactly this; what stays held keeps its age.

    Without ``replace_all`` it is added to what is held already. What is held of systems that are
    ``away`` stays, too.
    """
    if not now:
        return
    before = waiting(db, list(now))
    wanted: dict[Key, Held] = {h.operation.key: h for several in now.values() for h in several}
    gone = [key for key in before if replace_all and key not in wanted and key[1] not in away]
    changed = [
        key
        for key, h in wanted.items()
        if key in before and before[key] != Waiting(h.why, h.operation.checksum, h.reason)
    ]
    since = _since(db, changed)
    for key in (*gone, *changed):
        db.execute(
            delete(held).where(
                held.c.incident == key[0], held.c.system == key[1], held.c.kind == key[2]
            )
        )
    rows = [
        _row(h, run, since.get(key, at))
        for key, h in wanted.items()
        if key not in before or key in changed
    ]
    if rows:
        db.execute(insert(held), rows)


def keep_duplicates(
    db: Connection, system: str, copies: Sequence[tuple[str, int]], run: int, at: str
) -> None:
    """Hold records that are copies: each claims an incident whose side has its record already."""
    let_go(db, system, [record for record, _ in copies])
    rows = [
        {
            "incident": incident,
            "system": system,
            "kind": f"{Why.DUPLICATE} {record}",
            "why": str(Why.DUPLICATE),
            "reason": f"{system} record {record} carries the mark of another one's incident",
            "checksum": record,
            "fields": {},
            "since": at,
            "run": run,
        }
        for record, incident in copies
    ]
    if rows:
        db.execute(insert(held), rows)


def let_go(db: Connection, system: str, records: Collection[str]) -> None:
    """Hold these records as copies no more: they are gone, or records in their own right."""
    if records:
        db.execute(
            delete(held).where(
                held.c.system == system,
                held.c.why == Why.DUPLICATE,
                held.c.checksum.in_(records),
            )
        )


def duplicates(db: Connection, system: str) -> list[str]:
    """List the records of a system that are held as copies."""
    return list(
        db.scalars(
            select(held.c.checksum).where(held.c.system == system, held.c.why == Why.DUPLICATE)
        )
    )


def _since(db: Connection, keys: Collection[Key]) -> dict[Key, str]:
    """Give since when operations are held."""
    if not keys:
        return {}
    rows = db.execute(select(held).where(held.c.incident.in_([key[0] for key in keys])))
    return {(row.incident, row.system, row.kind): row.since for row in rows}


def _row(item: Held, run: int, since: str) -> dict[str, Any]:
    """Make the row of something held."""
    operation = item.operation
    return {
        "incident": operation.incident,
        "system": operation.system,
        "kind": operation.kind,
        "why": str(item.why),
        "reason": item.reason,
        "checksum": operation.checksum,
        "fields": {name: sent.value for name, sent in operation.sent.items()},
        "since": since,
        "run": run,
    }
