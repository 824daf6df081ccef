"""What hear writes: one transaction a page, and nothing at all for records that are known.

A record whose digest is remembered costs one row of one query. Only the others are read through
the rules, linked, and noted; the cursor moves in the same commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, insert, select, update

from instep.core import observe as core
from instep.core.fields import moment
from instep.core.model import Incident, Record, Words
from instep.core.operation import Why
from instep.core.unit import Member
from instep.ledger.held import let_go, quarantine, quarantined
from instep.ledger.links import Joined, New, join
from instep.ledger.pointers import keep_points
from instep.ledger.store import MANY, digests_of, drop_digests, load, put_digests, save
from instep.ledger.tables import cursors, external_references, incidents, sides

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from instep.ledger.database import Ledger


@dataclass(frozen=True, slots=True)
class Listening:
    """Who is heard, and with what: everything that noting a page needs beside the page.

    ``words`` reads a record in the service's own words, ``new_uid`` makes an incident's uid and
    ``at`` stamps what is noted.
    """

    unit: str
    member: Member
    words: Callable[[Record], Words]
    new_uid: Callable[[], str]
    at: str
    run: int
    fingerprint: str
    systems: Collection[str] = ()
    """Every system of the unit: a mark that names another is foreign."""


@dataclass(slots=True)
class Noted:
    """What a page brought: how many incidents began or changed, and records that are copies.

    ``ticket`` is for the request of the next page.
    """

    opened: int = 0
    changed: int = 0
    ticket: int = 0
    stirred: set[int] = field(default_factory=set)
    duplicates: list[tuple[str, int]] = field(default_factory=list)


def ticket(ledger: Ledger) -> int:
    """Give the ticket for requests about to be made."""
    with ledger.begin() as db:
        return ledger.ticket(db)


def note(
    ledger: Ledger,
    listening: Listening,
    records: Sequence[Record],
    asked: int,
    cursor: str | None = None,
) -> Noted:
    """Note a page of records that was asked for at ticket ``asked``, and move the cursor."""
    noted = Noted()
    system = listening.member.name
    latest = {record.id: record for record in records}
    with ledger.begin() as db:
        known = digests_of(db, system, latest)
        fresh = {
            record.id: record
            for record in latest.values()
            if known.get(record.id) != listening.fingerprint + record.digest
        }
        if fresh:
            _take_in(db, ledger, listening, fresh, known, asked, noted)
        if cursor:
            _move_cursor(db, listening, cursor)
        noted.ticket = ledger.ticket(db)
    return noted


def _take_in(
    db: Connection,
    ledger: Ledger,
    listening: Listening,
    fresh: Mapping[str, Record],
    known: Mapping[str, str],
    asked: int,
    noted: Noted,
) -> None:
    """Link fresh records to their incidents and observe what they say."""
    system, seen = listening.member.name, ledger.tick(db)
    new = New(listening.new_uid, listening.at)
    joined = join(db, listening.unit, system, fresh.values(), new)
    begun = {incident.id for incident in joined.made}
    kept: dict[str, str | None] = {}
    pairs: dict[int, tuple[Incident, Incident, bool]] = {}
    for incident in [*load(db, joined.records.keys() - begun), *joined.made]:
        record, uid = joined.records[incident.id]
        words = listening.words(record)
        side, before = incident.side(system), known.get(record.id, "")
        first = side.reference is None
        heard = core.hear(listening.member, record, words, asked, listening.at, first=first)
        root = incident.side(incident.origin).reference
        began = root.opened if root else ""
        side = core.adopted(listening.member, side, record, heard, began)
        same = bool(before) and before.endswith(record.digest)
        if not same:
            noted.stirred.add(incident.id)
        if before and not before.startswith(listening.fingerprint):
            side = core.remapped(side, heard, same=same)
        side, is_due = core.observe(side, heard, seen)
        kept[record.id] = None if side.doubt else listening.fingerprint + record.digest
        if side != incident.side(system) or incident.uid != uid:
            after = replace(incident, uid=uid, sides={**incident.sides, system: side})
            pairs[incident.id] = (incident, after, is_due)
            noted.changed += 1
    for record_id, _ in joined.duplicates:
        kept[record_id] = listening.fingerprint + fresh[record_id].digest
    noted.opened += len(joined.made)
    noted.duplicates += joined.duplicates
    _save_noted(db, pairs)
    let_go(db, system, list(kept))
    quarantine(db, system, _untrusted(listening, joined), listening.run, listening.at)
    _doubt(db, system, joined.reused)
    keep_points(db, system, {number: record for number, (record, _) in joined.records.items()})
    put_digests(db, system, kept)


def _untrusted(listening: Listening, joined: Joined) -> list[tuple[str, int, Why, str]]:
    """Say which records carry keys that are not to be trusted, and why."""
    name, no = listening.member.name, "that is no system here"
    copies = [
        (
            record,
            incident,
            Why.DUPLICATE,
            f"{name} record {record} claims an incident that has its record there already",
        )
        for record, incident in joined.duplicates
    ]
    strange = [
        (record.id, number, Why.FOREIGN, f"{name} record {record.id} carries {record.mark}: {no}")
        for number, (record, _) in joined.records.items()
        if record.mark is not None
        and listening.systems
        and record.mark.origin not in listening.systems
    ]
    several = "carries the marks of several incidents"
    strange += [
        (record.id, made.id, Why.FOREIGN, f"{name} record {record.id} {several}")
        for made in joined.made
        if (record := joined.records[made.id][0]).ambiguous
    ]
    return copies + strange


def _save_noted(db: Connection, pairs: Mapping[int, tuple[Incident, Incident, bool]]) -> None:
    """Save incidents; what was due stays due, whatever this observation says."""
    ids = [i for i, (_, _, is_due) in pairs.items() if not is_due]
    were: set[int] = set()
    if ids:
        were = set(
            db.scalars(select(incidents.c.id).where(incidents.c.id.in_(ids), incidents.c.due))
        )
    save(db, [(a, b, is_due or b.id in were) for a, b, is_due in pairs.values()])


def _move_cursor(db: Connection, listening: Listening, cursor: str) -> None:
    """Move the cursor of a system, never back."""
    here = and_(cursors.c.unit == listening.unit, cursors.c.system == listening.member.name)
    cursor = cursor if moment(cursor) <= moment(listening.at) else listening.at
    before = db.execute(select(cursors.c.cursor).where(here)).first()
    if before is None:
        row = {"unit": listening.unit, "system": listening.member.name, "cursor": cursor}
        db.execute(insert(cursors).values(row))
    elif not before.cursor or moment(cursor) > moment(before.cursor):
        db.execute(update(cursors).where(here).values(cursor=cursor))


def missing(ledger: Ledger, system: str, met: Collection[str], asked: int) -> int:
    """Put in doubt every linked record that a complete listing asked for at ``asked`` left out.

    Answers how many. Sides written since the listing began are not judged by it.
    """
    with ledger.begin() as db:
        rows = db.execute(
            select(external_references.c.incident, external_references.c.record)
            .join(
                sides,
                and_(
                    sides.c.incident == external_references.c.incident,
                    sides.c.system == external_references.c.system,
                ),
            )
            .where(
                external_references.c.system == system,
                ~sides.c.gone,
                ~sides.c.doubt,
                sides.c.seen <= asked,
            )
        )
        absent = {row.record: row.incident for row in rows if row.record not in met}
        _doubt(db, system, list(absent.values()))
        put_digests(db, system, dict.fromkeys(absent))
        copies = [record for record in quarantined(db, system) if record not in met]
        let_go(db, system, copies)
        drop_digests(db, system, copies)
        return len(absent)


def _doubt(db: Connection, system: str, doubted: Sequence[int]) -> None:
    """Put sides in doubt: they are read directly before anything is concluded from them."""
    for start in range(0, len(doubted), MANY):
        part = doubted[start : start + MANY]
        db.execute(
            update(sides)
            .where(sides.c.system == system, sides.c.incident.in_(part))
            .values(doubt=True)
        )
        db.execute(
            update(incidents)
            .where(incidents.c.id.in_(part))
            .values(due=True, version=incidents.c.version + 1)
        )


def linked(ledger: Ledger) -> dict[str, int]:
    """Count the live linked records of each system."""
    with ledger.begin() as db:
        rows = db.execute(
            select(sides.c.system, func.count()).where(~sides.c.gone).group_by(sides.c.system)
        )
        return {row[0]: row[1] for row in rows}
