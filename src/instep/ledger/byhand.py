"""What a person decides: each in one commit, beside a daemon that may be at work.

An incident's version guards it: whatever was decided of it meanwhile stands, and the person is
asked to look again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from instep.core.model import Incident, Side
from instep.core.operation import QUARANTINE
from instep.core.plan import Settled
from instep.core.unit import Unit
from instep.errors import UsageError, WorldMoved
from instep.ledger.held import calm, forget
from instep.ledger.journal import Decision, Stamp, is_due, keep_losers
from instep.ledger.store import save
from instep.ledger.tables import (
    conflicts,
    external_references,
    former_references,
    held,
    incidents,
    intents,
    journal,
    pointers,
    sides,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from instep.core.guard import Key
    from instep.ledger.database import Ledger

#: What goes with an incident when it is united with another.
FOLLOWING = (journal, conflicts, former_references, pointers)


def change(
    ledger: Ledger,
    unit: Unit,
    pairs: Collection[tuple[Incident, Incident]],
    dropped: Collection[Key],
) -> None:
    """Commit incidents as a person wants them, and hold no more what was ``dropped``.

    Raises:
        WorldMoved: one is not any more what the person looked at; nothing was done.
    """
    with ledger.begin() as db:
        for before, _ in pairs:
            _still(db, before)
        due = {after.id: is_due(unit, after) for _, after in pairs}
        save(db, [(before, after, due[after.id]) for before, after in pairs])
        forget(db, dropped)
        calm(db, [number for number, still in due.items() if not still])


def want(ledger: Ledger, before: Incident, systems: Collection[str]) -> None:
    """Want records again that were let go: nothing is known of those sides any more.

    Raises:
        WorldMoved: it is not any more what the person looked at.
    """
    with ledger.begin() as db:
        _still(db, before)
        here = (sides.c.incident == before.id) & sides.c.system.in_(systems)
        db.execute(delete(sides).where(here))
        save(db, [(before, before, True)])


def settle(ledger: Ledger, before: Incident, settled: Settled, stamp: Stamp) -> None:
    """Commit a value that a person chose; what it won against goes to the attic.

    Raises:
        WorldMoved: it is not any more what the person looked at.
    """
    with ledger.begin() as db:
        _still(db, before)
        save(db, [(before, settled.incident, True)])
        keep_losers(db, [Decision(before, settled)], stamp)


def restored(ledger: Ledger, number: int, at: str) -> None:
    """Note that a kept value was taken back out of the attic."""
    with ledger.begin() as db:
        db.execute(update(conflicts).where(conflicts.c.id == number).values(restored_at=at))


def unite(ledger: Ledger, keep: Incident, other: Incident) -> None:
    """Make two incidents one: the records of ``other`` join ``keep``, and nothing is agreed yet.

    Raises:
        UsageError: both have a record in one system, or a write of one is under way.
        WorldMoved: they are not any more what the person looked at.
    """
    both = [s.system for s in other.sides.values() if s.live and keep.side(s.system).live]
    if both:
        raise UsageError(
            f"incidents {keep.id} and {other.id} both have a record in {', '.join(both)}",
            advice="delete the record there that is not needed, and let instep hear that first",
        )
    with ledger.begin() as db:
        _still(db, keep)
        _still(db, other)
        _rest(db, keep, other)
        moved = [s for s in other.sides.values() if s.live]
        after = replace(keep, sides={**keep.sides, **{s.system: _fresh(s) for s in moved}})
        gone = pointers.c.system.in_([side.system for side in moved])
        db.execute(delete(pointers).where(pointers.c.incident == keep.id, gone))
        for table in FOLLOWING:
            here = table.c.incident == other.id
            db.execute(update(table).where(here).values(incident=keep.id))
        strange = (held.c.incident == other.id) & held.c.why.in_(QUARANTINE)
        db.execute(update(held).where(strange).values(incident=keep.id))
        for table in (held, external_references, sides):
            db.execute(delete(table).where(table.c.incident == other.id))
        db.execute(delete(incidents).where(incidents.c.id == other.id))
        save(db, [(keep, after, True)])


def part(ledger: Ledger, row: Incident, system: str, new_uid: Callable[[], str], at: str) -> int:
    """Give a side's record an incident of its own; answers its number.

    Raises:
        UsageError: the incident began there, or a write of it is under way.
        WorldMoved: it is not any more what the person looked at.
    """
    side = row.side(system)
    if side.reference is None or row.origin == system:
        raise UsageError(
            f"incident {row.id} began in {system}", advice="remove the other record instead"
        )
    with ledger.begin() as db:
        _still(db, row)
        _rest(db, row)
        uid = new_uid()
        made: dict[str, Any] = {
            "unit": db.scalar(select(incidents.c.unit).where(incidents.c.id == row.id)),
            "uid": uid,
            "origin": system,
            "origin_display": side.reference.display,
            "origin_url": side.reference.url,
            "base": {},
            "opened_at": at,
        }
        number = db.execute(insert(incidents).values(made).returning(incidents.c.id)).scalar_one()
        for table in (external_references, sides):
            here = (table.c.incident == row.id) & (table.c.system == system)
            db.execute(delete(table).where(here))
        here = (pointers.c.incident == row.id) & (pointers.c.system == system)
        db.execute(update(pointers).where(here).values(incident=number))
        rest = {name: s for name, s in row.sides.items() if name != system}
        alone = Incident(number, uid, system)
        save(db, [(replace(row, sides=rest), replace(row, sides=rest), True)])
        save(db, [(alone, replace(alone, sides={system: _fresh(side)}), True)])
        return int(number)


def _fresh(side: Side) -> Side:
    """Forget what was agreed with a side."""
    return replace(side, shadow={}, agreed={})


def _still(db: Connection, row: Incident) -> None:
    """See that an incident is what it was."""
    locked = select(incidents.c.version).where(incidents.c.id == row.id).with_for_update()
    version = db.scalar(locked)
    if version != row.version:
        raise WorldMoved(
            f"incident {row.id} changed in this very moment; nothing was done",
            advice="look again, then repeat the command",
        )


def _rest(db: Connection, *rows: Incident) -> None:
    """See that no write of an incident is under way."""
    ids = [row.id for row in rows]
    if db.scalar(select(intents.c.incident).where(intents.c.incident.in_(ids)).limit(1)):
        raise UsageError(
            "a write of it is under way", advice="repeat the command when the cycle has ended"
        )
