"""What the ledger knows, for people: queries that write nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from instep.ledger.runs import Cursor
from instep.ledger.tables import (
    conflicts,
    cursors,
    external_references,
    held,
    incidents,
    intents,
    journal,
    pointers,
    runs,
    sides,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

Row = dict[str, Any]

#: Outcomes in the journal after which a record says what was sent.
WROTE = ("written", "recovered", "deleted")


def find(db: Connection, target: str) -> list[int]:
    """Find incidents by number, else by uid or by a record's display id, URL or own id.

    More than one may match, since two systems can number alike.
    """
    if target.isdecimal() and len(target) < 16:
        found = _ids(db, incidents.c.id == int(target))
        if found:
            return found
    references = select(external_references.c.incident).where(
        or_(
            func.lower(external_references.c.display) == target.lower(),
            external_references.c.url == target,
            external_references.c.record == target,
        )
    )
    return _ids(db, or_(incidents.c.uid == target, incidents.c.id.in_(references)))


def _ids(db: Connection, condition: ColumnElement[bool]) -> list[int]:
    """List incidents."""
    return list(db.scalars(select(incidents.c.id).where(condition).order_by(incidents.c.id)))


def references(db: Connection, incident: int) -> list[Row]:
    """Give the external references of an incident, with their sync metadata."""
    return _rows(
        db,
        select(external_references)
        .where(external_references.c.incident == incident)
        .order_by(external_references.c.id),
    )


def attic(db: Connection, incident: int | None = None, limit: int = 100) -> list[Row]:
    """Give the losing values that were kept, the latest first."""
    query = select(conflicts).order_by(conflicts.c.id.desc()).limit(limit)
    return _rows(db, query if incident is None else query.where(conflicts.c.incident == incident))


def kept(db: Connection, number: int) -> Row | None:
    """Give one losing value of the attic."""
    return next(iter(_rows(db, select(conflicts).where(conflicts.c.id == number))), None)


def held_up(db: Connection, incident: int | None = None) -> list[Row]:
    """Give what waits for a person, the oldest first."""
    query = select(held).order_by(held.c.since, held.c.incident, held.c.system, held.c.kind)
    return _rows(db, query if incident is None else query.where(held.c.incident == incident))


def open_intents(db: Connection, incident: int) -> list[Row]:
    """Give the writes of an incident of which it is not known yet what came of them."""
    return _rows(db, select(intents).where(intents.c.incident == incident).order_by(intents.c.id))


def heard(db: Connection, unit: str) -> dict[str, Cursor]:
    """Give how far each system was heard."""
    rows = db.execute(select(cursors).where(cursors.c.unit == unit))
    return {r.system: Cursor(r.cursor, r.swept_at, r.heard_at, r.error) for r in rows}


def wrote(db: Connection) -> dict[str, str]:
    """Give when each system was last written to."""
    rows = db.execute(
        select(journal.c.system, func.max(journal.c.at).label("at"))
        .where(journal.c.outcome.in_(WROTE))
        .group_by(journal.c.system)
    )
    return {row.system: row.at for row in rows}


def writes(db: Connection, ids: Collection[int], since: str) -> Counter[tuple[int, str, str]]:
    """Count, by incident, system and field, what was written to records that were there."""
    rows = db.execute(
        select(journal.c.incident, journal.c.system, journal.c.after).where(
            journal.c.incident.in_(ids),
            journal.c.at >= since,
            journal.c.outcome.in_(WROTE),
            journal.c.kind.in_(("update", "close")),
        )
    )
    return Counter((row.incident, row.system, name) for row in rows for name in row.after or ())


def gone(db: Connection) -> list[Row]:
    """Give the sides whose record is gone and missed (system, incident, gone_at), oldest first."""
    refs = external_references.c
    same = and_(refs.incident == sides.c.incident, refs.system == sides.c.system)
    query = select(sides.c.system, sides.c.incident, sides.c.gone_at)
    query = query.join(external_references, same).where(sides.c.gone)
    return _rows(db, query.order_by(sides.c.gone_at, sides.c.incident))


def opened(db: Connection, unit: str, first: str, last: str) -> list[int]:
    """List the incidents whose first record was made between two instants (ISO 8601)."""
    refs = external_references.c
    return list(
        db.scalars(
            select(incidents.c.id)
            .join(external_references, refs.incident == incidents.c.id)
            .where(incidents.c.unit == unit, refs.system == incidents.c.origin)
            .where(refs.opened >= first, refs.opened <= last)
            .order_by(incidents.c.id)
        )
    )


def alone(db: Connection, unit: str, system: str) -> list[int]:
    """List the incidents that began in a system and have a record nowhere else."""
    refs, others = external_references.c, external_references.alias().c
    elsewhere = select(others.incident).where(
        others.incident == incidents.c.id, others.system != system
    )
    return list(
        db.scalars(
            select(incidents.c.id)
            .join(external_references, refs.incident == incidents.c.id)
            .where(incidents.c.unit == unit, incidents.c.origin == system, ~elsewhere.exists())
            .where(refs.system == system)
            .order_by(incidents.c.id)
        )
    )


def points(db: Connection, ids: Collection[int]) -> dict[int, frozenset[str]]:
    """Give the addresses that the records of incidents hold, however many incidents."""
    wanted, found = set(ids), dict[int, set[str]]()
    for row in db.execute(select(pointers.c.incident, pointers.c.url)):
        if row.incident in wanted:
            found.setdefault(row.incident, set()).add(row.url)
    return {incident: frozenset(urls) for incident, urls in found.items()}


def last_runs(db: Connection, unit: str, limit: int) -> list[Row]:
    """Give the last runs, the latest first."""
    query = select(runs).where(runs.c.unit == unit).order_by(runs.c.id.desc()).limit(limit)
    return _rows(db, query)


def last_ended(db: Connection, unit: str) -> str:
    """Give when a run last came to its end; empty if none has."""
    query = select(func.max(runs.c.ended_at)).where(runs.c.unit == unit)
    return str(db.scalar(query) or "")


def is_due(db: Connection, incident: int) -> bool:
    """Whether some side of an incident is still to be settled."""
    return bool(db.scalar(select(incidents.c.due).where(incidents.c.id == incident)))


def began(db: Connection, incident: int) -> Row:
    """Give where and when an incident began."""
    columns = (incidents.c.origin_display, incidents.c.origin_url, incidents.c.opened_at)
    return _rows(db, select(*columns).where(incidents.c.id == incident))[0]


def _rows(db: Connection, query: Select[Any]) -> list[Row]:
    """Give the rows of a query as plain mappings."""
    return [dict(row) for row in db.execute(query).mappings()]
