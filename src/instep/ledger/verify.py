"""Is a ledger sound: everything that must be true of it between two commits, checked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import UniqueConstraint, and_, func, inspect, or_, select, text, union_all
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from instep.core.merge import merge
from instep.core.plan import at_rest, settle
from instep.errors import LedgerError
from instep.ledger import sqlite
from instep.ledger.care import REVISION, file_of
from instep.ledger.database import MEMORY, Ledger
from instep.ledger.migrations import HEAD, upgrade
from instep.ledger.shapes import misshapen
from instep.ledger.store import MANY, load
from instep.ledger.tables import (
    counters,
    digests,
    external_references,
    former_references,
    held,
    incidents,
    intents,
    metadata,
    sides,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from instep.core.model import Incident
    from instep.core.unit import Unit

RESTORE = "put a backup in its place, or rebuild it: instep ledger rebuild"
REBUILD = "rebuild the ledger, which looks at everything anew: instep ledger rebuild"
REPORT = f"this is a bug of instep, please report it; {REBUILD}"
#: Without a table or a column, what is in the others cannot be judged.
UNREADABLE = ("lacks table", "lacks column")
#: Pages that are told of; one is enough to distrust a file.
PAGES = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be: which check found it, what is wrong, what to do.

    A note is worth knowing and nothing is wrong with the ledger.
    """

    check: str
    wrong: str
    todo: str
    incident: int | None = None
    note: bool = False


def verify(url: str, unit: Unit, now: Callable[[], float]) -> list[Finding]:
    """Check a copy of a ledger; it is left as it is, and a daemon may go on writing to it.

    Raises:
        UsageError: it is not a file of SQLite.
        LedgerError: it is not there, cannot be read at all, or was written by a newer instep.
    """
    file_of(url)
    engine = sqlite.engine(make_url(MEMORY))
    try:
        sqlite.copy_into(url, engine)
        return _checked(engine, Ledger(engine, now), unit)
    except DBAPIError as error:
        raise LedgerError(f"the ledger cannot be read: {error.orig}", advice=RESTORE) from error
    finally:
        engine.dispose()


def _checked(engine: Engine, ledger: Ledger, unit: Unit) -> list[Finding]:
    """Check what can be checked: beneath a fault that makes the rest unreadable, nothing is."""
    with ledger.begin() as db:
        if broken := [*_pages(db), *_empty(db)]:
            return broken
        older = list(_older(db))
    upgrade(engine)
    with ledger.begin() as db:
        schema = list(_schema(db))
        if any(found.wrong.startswith(UNREADABLE) for found in schema):
            return schema
        return [*older, *schema, *check_rows(db, unit)]


def check_rows(db: Connection, unit: Unit) -> Iterator[Finding]:
    """Check what the tables of an open ledger hold."""
    for check in (_foreign_keys, _uids, _sides, _shared, _open_intents):
        yield from check(db)
    unreadable = list(_documents(db))
    yield from unreadable
    bad = {found.incident for found in unreadable if found.incident is not None}
    yield from _sent(db, unit, bad)
    yield from _due(db, unit, bad)
    yield from _digests(db, unit)
    yield from _unknown(db, unit)


def _pages(db: Connection) -> Iterator[Finding]:
    """Check the file itself: pages, indexes, and what columns must be."""
    for row in db.execute(text(f"PRAGMA integrity_check({PAGES})")):
        if row[0] != "ok":
            yield Finding("pages", f"SQLite: {row[0]}", RESTORE)


def _empty(db: Connection) -> Iterator[Finding]:
    """Check that there is a ledger in it."""
    if "alembic_version" not in inspect(db).get_table_names():
        yield Finding("schema", "the file holds no ledger", RESTORE)


def _older(db: Connection) -> Iterator[Finding]:
    """Note a schema of an older instep: what it becomes is what is checked."""
    found = db.scalar(text(REVISION))
    if found != HEAD:
        todo = "the next start brings it up to date, and keeps a copy of it as it is"
        yield Finding("schema", f"the schema is {found}, this instep has {HEAD}", todo, note=True)


def _schema(db: Connection) -> Iterator[Finding]:
    """Check that tables, columns and indexes are those that the code uses."""
    # Imported late, as where a schema is brought up to date.
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415
    from alembic.migration import MigrationContext  # noqa: PLC0415

    for difference in compare_metadata(MigrationContext.configure(db), metadata):
        yield Finding("schema", _told(difference), RESTORE)


def _told(difference: Any) -> str:
    """Say a difference of Alembic's in a few words."""
    while isinstance(difference, list):
        difference = difference[0]
    kind, *about = difference
    names = [_name(each) for each in about if each is not None]
    verb, _, what = kind.partition("_")
    told = {"add": "lacks", "remove": "has a strange"}.get(verb, f"is to {verb} its")
    return f"{told} {what.replace('_', ' ')} {' '.join(names)}"


def _name(part: Any) -> str:
    """Name a part of a schema; constraints have no names of their own."""
    if isinstance(part, UniqueConstraint):
        return f"UNIQUE ({', '.join(part.columns.keys())}) of {part.table.name}"
    return str(getattr(part, "name", part))


def _foreign_keys(db: Connection) -> Iterator[Finding]:
    """Check that what is referred to exists."""
    for table, number, parent, _ in db.execute(text("PRAGMA foreign_key_check")).all():
        query = text(f"SELECT incident FROM {table} WHERE rowid = :number")  # noqa: S608 - our own
        incident = db.scalar(query, {"number": number})
        wrong = f"a row of {table} is of incident {incident}, which is not in {parent}"
        yield Finding("missing", wrong, RESTORE, incident)


def _uids(db: Connection) -> Iterator[Finding]:
    """Check that each incident has a uid, and none has another's."""
    for number in db.scalars(select(incidents.c.id).where(func.trim(incidents.c.uid) == "")):
        yield Finding("uid", "has no uid, so that no mark can name it", REBUILD, number)
    several = (
        select(incidents.c.uid, func.min(incidents.c.id))
        .group_by(incidents.c.uid)
        .having(func.count() > 1)
    )
    for uid, number in db.execute(several):
        yield Finding("uid", f"shares its uid {uid} with another incident", REBUILD, number)


def _sides(db: Connection) -> Iterator[Finding]:
    """Check that live sides and external references go together, one to one."""
    same = and_(
        sides.c.incident == external_references.c.incident,
        sides.c.system == external_references.c.system,
    )
    counted = func.count(external_references.c.id)
    query = (
        select(sides.c.incident, sides.c.system, sides.c.gone, counted)
        .outerjoin(external_references, same)
        .group_by(sides.c.incident, sides.c.system)
        .having(or_(counted > 1, and_(counted == 0, ~sides.c.gone)))
    )
    for number, system, _, count in db.execute(query):
        wrong = f"its side in {system} has {count} external references in place of one"
        yield Finding("reference", wrong, REBUILD, number)
    alone = select(external_references.c.incident, external_references.c.system)
    alone = alone.outerjoin(sides, same).where(sides.c.incident.is_(None))
    for number, system in db.execute(alone):
        wrong = f"has an external reference to {system} and no side there"
        yield Finding("reference", wrong, REBUILD, number)


def _shared(db: Connection) -> Iterator[Finding]:
    """Check that no record belongs to two incidents."""
    key = [external_references.c[name] for name in ("system", "record", "birth")]
    query = select(*key, func.min(external_references.c.incident)).group_by(*key)
    for row in db.execute(query.having(func.count() > 1)).all():
        wrong = f"shares its record {row[1]} in {row[0]} with another incident"
        yield Finding("shared", wrong, REBUILD, row[3])


def _open_intents(db: Connection) -> Iterator[Finding]:
    """Check that at most one write is under way for each side."""
    key = (intents.c.incident, intents.c.system)
    for number, system in db.execute(select(*key).group_by(*key).having(func.count() > 1)):
        yield Finding("intent", f"has more than one open intent for {system}", REPORT, number)


def _documents(db: Connection) -> Iterator[Finding]:
    """Check that every document can be read, and is what it should be."""
    for table, column, key, incident in misshapen(db):
        wrong = f"{column} of {table} {key} is not what it should be"
        yield Finding("document", wrong, RESTORE, incident)


def _sent(db: Connection, unit: Unit, bad: Collection[int]) -> Iterator[Finding]:
    """Check that open intents say what was sent, in fields that their system has."""
    for row in db.execute(select(intents).where(intents.c.incident.not_in(bad))):
        member = unit.members.get(row.system)
        rules = member.rules if member else {}
        odd = [name for name, sent in row.sent.items() if not sent["path"]]
        if odd or not (row.sent or row.extra or row.kind == "delete"):
            wrong = f"its open {row.kind} for {row.system} does not say what was sent"
            yield Finding("intent", wrong, REBUILD, row.incident)
        elif member and (left := sorted(row.sent.keys() - rules.keys())):
            wrong = f"its open {row.kind} for {row.system} sent {', '.join(left)}, now without rule"
            todo = "nothing: the rules were changed while it was open"
            yield Finding("intent", wrong, todo, row.incident, note=True)


def _due(db: Connection, unit: Unit, bad: Collection[int]) -> Iterator[Finding]:
    """Check that whatever is not due is at rest: merged anew, nothing comes of it."""
    settled_under = db.scalar(
        select(counters.c.value).where(counters.c.name == f"rules {unit.name}")
    )
    if settled_under not in (None, unit.rules):
        wrong = "the rules are others than those that the ledger was settled under"
        yield Finding("due", wrong, "the next run looks at every incident anew", note=True)
        return
    calm = select(incidents.c.id).where(incidents.c.unit == unit.name, ~incidents.c.due)
    ids = [number for number in db.scalars(calm.order_by(incidents.c.id)) if number not in bad]
    for start in range(0, len(ids), MANY):
        for incident in load(db, ids[start : start + MANY]):
            if left := _left(unit, incident):
                wrong = f"due cleared too early: {left}"
                yield Finding("due", wrong, REPORT, incident.id)


def _left(unit: Unit, incident: Incident) -> str:
    """Say what is left to do for an incident; empty if it is at rest."""
    settled = settle(unit, incident, merge(unit, incident))
    if incident.intents:
        return f"a {incident.intents[0].kind} for {incident.intents[0].system} is open"
    if settled.waiting:
        return f"{', '.join(sorted(settled.waiting))} waits for a decision"
    if settled.operations or settled.held:
        op = (*settled.operations, *(item.operation for item in settled.held))[0]
        return f"{op.system} has yet to get {op.kind} {', '.join(op.sent)}".rstrip()
    if not at_rest(settled):
        return "a side is in doubt"
    return "" if settled.incident == incident else "an edit was heard and not decided"


def _digests(db: Connection, unit: Unit) -> Iterator[Finding]:
    """Check that digests are of records that belong to an incident, or are held as copies."""
    known = union_all(
        *(
            select(records).where(records.table.c.system == digests.c.system)
            for records in (
                external_references.c.record,
                former_references.c.record,
                held.c.checksum,
            )
        )
    )
    query = select(digests.c.system, digests.c.record).where(
        digests.c.system.in_(list(unit.members)), digests.c.record.not_in(known)
    )
    for system, record in db.execute(query):
        wrong = f"{system} record {record} is passed over, though it belongs to no incident"
        yield Finding("digest", wrong, REPORT)


def _unknown(db: Connection, unit: Unit) -> Iterator[Finding]:
    """Note references to systems that the configuration does not have."""
    counted = (
        select(external_references.c.system, func.count())
        .where(external_references.c.system.not_in(list(unit.members)))
        .group_by(external_references.c.system)
    )
    for system, count in db.execute(counted):
        wrong = f"{count} external references are to {system}, which is not configured"
        todo = "nothing, if it is to be left alone; else give it its name back"
        yield Finding("unknown", wrong, todo, note=True)
