"""Incidents in and out of the ledger: rows to core types and back, many at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy import bindparam as b

from instep.core.model import Base, Incident, Intent, Mark, Reference, Sent, Side
from instep.core.observe import Heard, remapped
from instep.ledger.tables import (
    digests,
    external_references,
    former_references,
    incidents,
    intents,
    sides,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

#: A side whose reference is another now: incident, system, the one before, the one now.
Replaced = tuple[Incident, str, Reference | None, Reference | None]

#: How many keys one statement names, well under every database's limit.
MANY = 500
#: With so many characters a digest names the rules under which a record was read.
RULES = 8


def due(db: Connection, unit: str) -> list[int]:
    """List the due incidents: those with more than one record first, then the oldest first.

    The order does not depend on which service was heard first.
    """
    joined = (
        select(func.count())
        .select_from(external_references)
        .where(external_references.c.incident == incidents.c.id)
        .scalar_subquery()
    )
    wanted = (
        select(incidents.c.id)
        .where(incidents.c.unit == unit, incidents.c.due)
        .order_by(
            joined < 2,
            incidents.c.opened_at,
            incidents.c.origin,
            incidents.c.origin_display,
            incidents.c.id,
        )
    )
    return list(db.scalars(wanted))


def load(db: Connection, ids: Collection[int]) -> list[Incident]:
    """Load incidents with their sides and open intents, in id order; unknown ids are left out."""
    if not ids:
        return []
    rows = db.execute(
        select(incidents).where(incidents.c.id.in_(ids)).order_by(incidents.c.id)
    ).all()
    references = {
        (row.incident, row.system): _reference(row)
        for row in db.execute(
            select(external_references).where(external_references.c.incident.in_(ids))
        )
    }
    kept: dict[int, dict[str, Side]] = {row.id: {} for row in rows}
    for row in db.execute(select(sides).where(sides.c.incident.in_(ids))):
        kept[row.incident][row.system] = _side(row, references.get((row.incident, row.system)))
    open_intents: dict[int, list[Intent]] = {row.id: [] for row in rows}
    for row in db.execute(
        select(intents).where(intents.c.incident.in_(ids)).order_by(intents.c.id)
    ):
        open_intents[row.incident].append(_intent(row))
    return [_incident(row, kept[row.id], open_intents[row.id]) for row in rows]


def _incident(row: Row[Any], kept: Mapping[str, Side], opened: Iterable[Intent]) -> Incident:
    """Make an incident from its row."""
    return Incident(
        id=row.id,
        uid=row.uid,
        origin=row.origin,
        version=row.version,
        base={name: Base(**base) for name, base in row.base.items()},
        sides=kept,
        intents=tuple(opened),
    )


def _reference(row: Row[Any]) -> Reference:
    """Make an external reference from its row."""
    return Reference(row.record, row.birth, row.display, row.url, row.opened)


def _side(row: Row[Any], reference: Reference | None) -> Side:
    """Make a side from its row."""
    return Side(
        system=row.system,
        reference=reference,
        says=row.says,
        says_at=row.says_at,
        shadow=row.shadow,
        agreed=row.agreed,
        seen=row.seen,
        doubt=row.doubt,
        gone=row.gone,
        gone_at=row.gone_at,
    )


def _intent(row: Row[Any]) -> Intent:
    """Make an open intent from its row."""
    return Intent(
        id=row.id,
        incident=row.incident,
        system=row.system,
        kind=row.kind,
        sent={name: Sent(**sent) for name, sent in row.sent.items()},
        mark=Mark(**row.mark),
        expires=row.expires,
        extra=row.extra,
        cause=row.cause,
    )


def save(db: Connection, pairs: Iterable[tuple[Incident, Incident, bool]]) -> None:
    """Save incidents given as (before, after, due); the version moves with every one."""
    changed: list[dict[str, Any]] = []
    replaced: list[Replaced] = []
    fresh: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    for before, after, is_due in pairs:
        base = {name: _base_row(base) for name, base in after.base.items()}
        changed.append({"b_id": after.id, "b_base": base, "b_due": is_due, "b_uid": after.uid})
        for system, side in after.sides.items():
            old = before.sides.get(system)
            if side == old:
                continue
            (fresh if old is None else moved).append(_side_row(after.id, side))
            if side.reference != (old.reference if old else None):
                replaced.append((after, system, old.reference if old else None, side.reference))
    if changed:
        db.execute(_SAVE, changed)
    if fresh:
        db.execute(insert(sides), fresh)
    if moved:
        db.execute(_MOVE, [{f"b_{key}": value for key, value in row.items()} for row in moved])
    _bind(db, replaced)


def _bind(db: Connection, replaced: Collection[Replaced]) -> None:
    """Write external references in place of those that the sides had, which are remembered."""
    if not replaced:
        return
    db.execute(_UNBIND, [{"b_incident": i.id, "b_system": system} for i, system, *_ in replaced])
    former = [
        _former_row(incident, system, old)
        for incident, system, old, new in replaced
        if old is not None and (new is None or (old.id, old.birth) != (new.id, new.birth))
    ]
    if former:
        keys = [{"b_system": r["system"], "b_record": r["record"]} for r in former]
        db.execute(_REMEMBERED, keys)
        db.execute(insert(former_references), former)
    rows = [_reference_row(i, system, new) for i, system, _, new in replaced if new is not None]
    if rows:
        db.execute(insert(external_references), rows)


def _base_row(base: Base) -> dict[str, Any]:
    """Make a base value's part of an incident's row."""
    return {"value": base.value, "origins": base.origins, "at": base.at}


def sent_row(sent: Sent) -> dict[str, Any]:
    """Make the document of one field of an intent."""
    return {
        "path": sent.path,
        "value": sent.value,
        "word": sent.word,
        "assumed": sent.assumed,
        "carried": sent.carried,
    }


def _reference_row(incident: Incident, system: str, reference: Reference) -> dict[str, Any]:
    """Make the row of an external reference."""
    return {
        "incident": incident.id,
        "system": system,
        "record": reference.id,
        "birth": reference.birth,
        "display": reference.display,
        "url": reference.url,
        "opened": reference.opened,
        "origin_system": incident.origin,
    }


def _former_row(incident: Incident, system: str, reference: Reference) -> dict[str, Any]:
    """Make the row of a reference that a side had."""
    return {
        "system": system,
        "record": reference.id,
        "birth": reference.birth,
        "incident": incident.id,
        "display": reference.display,
        "url": reference.url,
    }


def _side_row(incident: int, side: Side) -> dict[str, Any]:
    """Make the row of a side."""
    return {
        "incident": incident,
        "system": side.system,
        "says": side.says,
        "says_at": side.says_at,
        "shadow": side.shadow,
        "agreed": side.agreed,
        "seen": side.seen,
        "doubt": side.doubt,
        "gone": side.gone,
        "gone_at": side.gone_at,
    }


def put_digests(db: Connection, system: str, kept: Mapping[str, str | None]) -> None:
    """Remember the digests of records by id.

    ``None`` forgets one, so that it is read anew, but for the rules under which it was read: what
    others read in it is no edit.
    """
    lost = [{"b_system": system, "b_record": r} for r, d in kept.items() if d is None]
    rows = [{"system": system, "record": r, "digest": d} for r, d in kept.items() if d is not None]
    if lost:
        db.execute(_CUT, lost)
    if rows:
        drop_digests(db, system, [row["record"] for row in rows])
        db.execute(insert(digests), rows)


def digests_of(db: Connection, system: str, records: Collection[str]) -> dict[str, str]:
    """Give what is remembered of records."""
    here = and_(digests.c.system == system, digests.c.record.in_(records))
    rows = db.execute(select(digests.c.record, digests.c.digest).where(here))
    return {row.record: row.digest for row in rows}


def reread(db: Connection, side: Side, heard: Heard, digest: str) -> Side:
    """Take for no edit what other rules read in a record than those that read it before."""
    record = heard.reference.id
    before = digests_of(db, side.system, [record]).get(record)
    if before is None or before[:RULES] == digest[:RULES]:
        return side
    return remapped(side, heard, same=before[RULES:] == digest[RULES:])


def drop_digests(db: Connection, system: str, records: Collection[str]) -> None:
    """Remember nothing of records."""
    if records:
        db.execute(_FORGET, [{"b_system": system, "b_record": record} for record in records])


def _statements() -> tuple[Any, ...]:
    """Build the statements that run for many rows at once, with their parameters named apart."""
    saved = (
        update(incidents)
        .where(incidents.c.id == b("b_id"))
        .values(base=b("b_base"), due=b("b_due"), uid=b("b_uid"), version=incidents.c.version + 1)
    )
    moved = (
        update(sides)
        .where(sides.c.incident == b("b_incident"), sides.c.system == b("b_system"))
        .values({name: b(f"b_{name}") for name in _SIDE_COLUMNS})
    )
    unbound = delete(external_references).where(
        external_references.c.incident == b("b_incident"),
        external_references.c.system == b("b_system"),
    )
    forgotten = delete(digests).where(
        digests.c.system == b("b_system"), digests.c.record == b("b_record")
    )
    cut = (
        update(digests)
        .where(digests.c.system == b("b_system"), digests.c.record == b("b_record"))
        .values(digest=func.substr(digests.c.digest, 1, RULES))
    )
    remembered = delete(former_references).where(
        former_references.c.system == b("b_system"), former_references.c.record == b("b_record")
    )
    return saved, moved, unbound, forgotten, cut, remembered


_SIDE_COLUMNS = ("says", "says_at", "shadow", "agreed", "seen", "doubt", "gone", "gone_at")
_SAVE, _MOVE, _UNBIND, _FORGET, _CUT, _REMEMBERED = _statements()
