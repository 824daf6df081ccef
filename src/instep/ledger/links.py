"""Joining records to incidents: the look-ups behind ``core.linking``, many records at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, insert, or_, select, update

from instep.core.linking import Bound, Link, Place, link
from instep.core.model import Incident, Record
from instep.errors import Denied
from instep.ledger.pointers import pointing
from instep.ledger.tables import (
    cursors,
    external_references,
    former_references,
    incidents,
    sides,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from instep.ledger.database import Ledger


@dataclass(frozen=True, slots=True)
class New:
    """What a new incident gets: a uid never used before, and the stamp of when it was opened."""

    uid: Callable[[], str]
    at: str


@dataclass(slots=True)
class Joined:
    """Where fresh records belong.

    ``records`` gives the record and the incident's uid by incident id, ``made`` the incidents
    just begun, ``duplicates`` (record, incident) of copies, and ``reused`` the incidents whose
    record's id now means another record.
    """

    records: dict[int, tuple[Record, str]] = field(default_factory=dict)
    made: list[Incident] = field(default_factory=list)
    duplicates: list[tuple[str, int]] = field(default_factory=list)
    reused: list[int] = field(default_factory=list)


def join(db: Connection, unit: str, system: str, fresh: Collection[Record], new: New) -> Joined:
    """Find the incident of each fresh record of a system, making those that begin here."""
    bound = _bound(db, system, [r.id for r in fresh])
    unknown = [r for r in fresh if not _is_known(r, bound)]
    marked = _marked(db, system, unknown)
    begun = _former(db, system, unknown) | _begun(db, system, unknown)
    addressed = _addressed(db, unit, system, unknown)
    joined = Joined()
    openers: dict[str, Record] = {}
    for record in fresh:
        known = next((b for b in bound.get(record.id, ()) if _same(b, record)), None)
        how, incident = link(
            record,
            known,
            marked.get(record.id),
            begun.get(record.id),
            addressed.get(record.id),
        )
        holder = next(
            (b.incident for b in bound.get(record.id, ()) if b.birth == record.birth), None
        )
        if holder is not None and incident != holder:
            # It is linked, and somebody has put another incident's mark into it.
            joined.duplicates.append((record.id, holder))
        elif how is Link.NEW or incident is None:
            # Of two that carry one unknown mark the second waits: next time it is a copy.
            openers.setdefault(record.mark.uid if record.mark else f"record {record.id}", record)
        elif how is Link.DUPLICATE or incident in joined.records:
            joined.duplicates.append((record.id, incident))
        else:
            if how is Link.ADDRESS:
                _root(db, incident, system, record)
            uid = known.uid if known else (record.mark.uid if record.mark else _uid(db, incident))
            joined.records[incident] = (record, uid)
    _no_other_name(db, unit, system, openers.values())
    joined.made = _open(db, unit, system, list(openers.values()), new)
    for incident_made, record in zip(joined.made, openers.values(), strict=True):
        joined.records[incident_made.id] = (record, incident_made.uid)
    joined.reused = [b.incident for r in unknown for b in bound.get(r.id, ()) if b.birth != r.birth]
    return joined


def _root(db: Connection, incident: int, system: str, record: Record) -> None:
    """Let an incident of which nothing is agreed yet begin in the older of its two records."""
    if record.opened:
        db.execute(
            update(incidents)
            .where(incidents.c.id == incident, incidents.c.opened_at > record.opened)
            .where(incidents.c.base == {})
            .values(
                origin=system,
                origin_display=record.display,
                origin_url=record.url,
                opened_at=record.opened,
            )
        )


def elsewhere(ledger: Ledger, system: str, ids: Collection[str], incident: int) -> set[str]:
    """Name the records of a system that are linked to another incident."""
    with ledger.begin() as db:
        return {
            record
            for record, bound in _bound(db, system, ids).items()
            if any(b.incident != incident for b in bound)
        }


def _no_other_name(db: Connection, unit: str, system: str, records: Collection[Record]) -> None:
    """Begin nothing in records that are linked under another system's name: it was renamed."""
    names = db.scalars(select(cursors.c.system).where(cursors.c.unit == unit)).all()
    births = {record.id: record.birth for record in records}
    rows = db.execute(
        select(external_references).where(
            external_references.c.system.in_([name for name in names if name != system]),
            external_references.c.record.in_(births),
        )
    )
    for row in rows:
        if births[row.record] == row.birth:
            raise Denied(
                f"{system} shows records that are linked as {row.system}'s",
                system=system,
                advice=f"give it its old name, {row.system}, or begin a new ledger",
            )


def _is_known(record: Record, bound: Mapping[str, list[Bound]]) -> bool:
    """Whether a record is already bound to an incident."""
    return any(_same(b, record) for b in bound.get(record.id, ()))


def _same(bound: Bound, record: Record) -> bool:
    """Whether a binding is of this very record."""
    return link(record, bound, None, None)[0] is Link.KNOWN


def _bound(db: Connection, system: str, ids: Collection[str]) -> dict[str, list[Bound]]:
    """Give what record ids are known as; an id that was used again is known more than once."""
    rows = db.execute(
        select(
            external_references.c.record,
            external_references.c.birth,
            external_references.c.incident,
            incidents.c.uid,
        )
        .join(incidents, incidents.c.id == external_references.c.incident)
        .where(external_references.c.system == system, external_references.c.record.in_(ids))
    )
    found: dict[str, list[Bound]] = {}
    for row in rows:
        found.setdefault(row.record, []).append(Bound(row.incident, row.birth, row.uid))
    return found


def _marked(db: Connection, system: str, records: Sequence[Record]) -> dict[str, Place]:
    """Find the incidents whose marks records carry: by uid, else by the record they began in."""
    marks = {record.id: record.mark for record in records if record.mark is not None}
    if not marks:
        return {}
    taken = _places(db, system, incidents.c.uid.in_([mark.uid for mark in marks.values()]))
    by_uid = {uid: place for uid, _, _, place in taken}
    began = {
        record: place
        for record, mark in marks.items()
        if mark.uid not in by_uid
        for place in _beginnings(db, system, mark.origin, mark.display, mark.url)
    }
    known = {r: by_uid[mark.uid] for r, mark in marks.items() if mark.uid in by_uid}
    return {**began, **known}


def _beginnings(db: Connection, system: str, origin: str, display: str, url: str) -> list[Place]:
    """Find the incident whose record in ``origin`` a mark names, after a ledger was lost."""
    which = [external_references.c.display == display] if display else []
    which += [external_references.c.url == url] if url else []
    if not which:
        return []
    ids = db.scalars(
        select(external_references.c.incident).where(
            external_references.c.system == origin, or_(*which)
        )
    ).all()
    if len(set(ids)) != 1:
        # None, or more than one: nothing is guessed.
        return []
    return [place for _, _, _, place in _places(db, system, incidents.c.id == ids[0])]


def _begun(db: Connection, system: str, records: Sequence[Record]) -> dict[str, Place]:
    """Find incidents that began in these records but were first heard of through a mark."""
    shown = {r.display: r.id for r in records if r.display and r.mark is None}
    linked = {r.url: r.id for r in records if r.url and r.mark is None}
    if not shown and not linked:
        return {}
    condition = and_(
        incidents.c.origin == system,
        or_(
            incidents.c.origin_display.in_(shown),
            and_(incidents.c.origin_display == "", incidents.c.origin_url.in_(linked)),
        ),
    )
    return {
        shown.get(display) or linked[url]: place
        for _, display, url, place in _places(db, system, condition, bare=True)
    }


def _former(db: Connection, system: str, records: Sequence[Record]) -> dict[str, Place]:
    """Find the incidents that these records belonged to before another took their place."""
    births = {record.id: record.birth for record in records}
    rows = db.execute(
        select(former_references).where(
            former_references.c.system == system, former_references.c.record.in_(births)
        )
    )
    back = {row.incident: row.record for row in rows if births[row.record] == row.birth}
    places = _places(db, system, incidents.c.id.in_(back)) if back else []
    return {back[place.incident]: place for *_, place in places}


def _addressed(
    db: Connection, unit: str, system: str, records: Sequence[Record]
) -> dict[str, Place]:
    """Find the one incident of which a record points at another record, or is pointed at."""
    plain = [record for record in records if record.mark is None]
    met: dict[str, set[int]] = {}
    for record_id, incident in pointing(db, unit, system, plain):
        met.setdefault(record_id, set()).add(incident)
    sure = {record: next(iter(found)) for record, found in met.items() if len(found) == 1}
    # Two that mean the same incident are a question for a person.
    times = Counter(sure.values())
    single = {record: i for record, i in sure.items() if times[i] == 1}
    places = _places(db, system, incidents.c.id.in_(single.values())) if single else []
    known = {place.incident: place for *_, place in places}
    return {record: known[i] for record, i in single.items()}


def _places(
    db: Connection, system: str, condition: ColumnElement[bool], *, bare: bool = False
) -> list[tuple[str, str, str, Place]]:
    """Give (uid, origin display, origin url, place); ``bare`` leaves out sides ever bound."""
    rows = db.execute(
        select(
            incidents.c.id,
            incidents.c.uid,
            incidents.c.origin_display,
            incidents.c.origin_url,
            external_references.c.record,
            sides.c.gone,
        )
        .outerjoin(
            external_references,
            and_(
                external_references.c.incident == incidents.c.id,
                external_references.c.system == system,
            ),
        )
        .outerjoin(sides, and_(sides.c.incident == incidents.c.id, sides.c.system == system))
        .where(condition)
    )
    return [
        (
            row.uid,
            row.origin_display,
            row.origin_url,
            Place(row.id, None if row.gone else row.record),
        )
        for row in rows
        if not (bare and row.record is not None)
    ]


def _uid(db: Connection, incident: int) -> str:
    """Give an incident's uid."""
    return str(db.scalar(select(incidents.c.uid).where(incidents.c.id == incident)))


def _open(
    db: Connection, unit: str, system: str, records: Sequence[Record], new: New
) -> list[Incident]:
    """Begin an incident for each record; a mark of a lost ledger keeps its uid and origin."""
    rows: list[dict[str, Any]] = [
        {
            "unit": unit,
            "uid": record.mark.uid if record.mark else new.uid(),
            # One that several incidents claim is nobody's, and is given to nobody.
            "origin": "" if record.ambiguous else record.mark.origin if record.mark else system,
            "origin_display": record.mark.display if record.mark else record.display,
            "origin_url": record.mark.url if record.mark else record.url,
            "base": {},
            "opened_at": record.opened or new.at,
        }
        for record in records
    ]
    if not rows:
        return []
    made = db.execute(
        insert(incidents).returning(incidents.c.id, sort_by_parameter_order=True), rows
    ).scalars()
    return [
        Incident(id=number, uid=row["uid"], origin=row["origin"])
        for number, row in zip(made, rows, strict=True)
    ]
