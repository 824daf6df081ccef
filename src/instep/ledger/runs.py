"""Runs and cursors: what was done when, and how far each system has been heard."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, select, update

from instep.core.change import lenses, renewed
from instep.core.operation import Why
from instep.ledger.held import REFUSALS, again
from instep.ledger.store import load, save, sent_row
from instep.ledger.tables import conflicts, counters, cursors, held, incidents, intents, runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from instep.core.model import Incident, Intent
    from instep.core.unit import Unit
    from instep.ledger.database import Ledger

#: Incidents that are looked at together.
MANY = 500
#: How many runs are remembered; those that wrote are in the journal for good.
REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a system was heard: the cursor, and when it was last swept and last heard."""

    cursor: str | None = None
    swept_at: float = 0.0
    heard_at: float = 0.0
    error: str = ""


def start(ledger: Ledger, unit: str, mode: str, at: str) -> int:
    """Write down that a run begins; answers its number."""
    with ledger.begin() as db:
        left = update(runs).where(runs.c.unit == unit, runs.c.state == "running")
        db.execute(left.values(state="interrupted"))
        made = insert(runs).values(unit=unit, mode=mode, state="running", started_at=at)
        number: int = db.execute(made.returning(runs.c.id)).scalar_one()
        db.execute(delete(runs).where(runs.c.id <= number - REMEMBERED))
        return number


def wake(ledger: Ledger, unit: Unit) -> frozenset[int] | None:
    """Make every incident due where the rules are others than those it was settled under.

    Everything is to be listed then, since the rules may read what was not read before, and what
    was agreed is looked at with the new ones. Answers which incidents were due in any case,
    ``None`` where the rules are the same.
    """
    with ledger.begin() as db:
        mine = f"rules {unit.name}"
        before = {name: n for name, n in _counted(db, mine).items() if name == mine}
        if not _count(db, before, {mine: unit.rules}):
            return None
        changed = _relensed(db, unit)
        if not before:
            return None
        here = incidents.c.unit == unit.name
        owed = frozenset(db.scalars(select(incidents.c.id).where(here, incidents.c.due)))
        _renew(db, unit, changed)
        db.execute(update(incidents).where(here).values(due=True))
        db.execute(update(cursors).where(cursors.c.unit == unit.name).values(swept_at=0.0))
        again(db)
        return owed


def _counted(db: Connection, prefix: str) -> dict[str, int]:
    """Give the numbers whose names begin with a prefix."""
    rows = db.execute(select(counters).where(counters.c.name.startswith(prefix, autoescape=True)))
    return {row.name: row.value for row in rows}


def _count(db: Connection, before: Mapping[str, int], now: Mapping[str, int]) -> set[str]:
    """Keep numbers in place of others; answers the names of those that are not as before."""
    moved = {name for name in {*before, *now} if before.get(name) != now.get(name)}
    db.execute(delete(counters).where(counters.c.name.in_(moved)))
    if rows := [{"name": name, "value": now[name]} for name in moved & now.keys()]:
        db.execute(insert(counters), rows)
    return moved


def _relensed(db: Connection, unit: Unit) -> dict[str, set[str]]:
    """Name, by system, the fields whose words are read or spelled in another way than before."""
    numbers = lenses(unit)
    named = {f"lens {unit.name} {at} {name}": (at, name) for at, name in numbers}
    before = _counted(db, f"lens {unit.name} ")
    # A rule that went away may come back, and be another by then.
    moved = _count(db, before, {**before, **{name: numbers[at] for name, at in named.items()}})
    changed: dict[str, set[str]] = {}
    for name in moved & before.keys() & named.keys():
        system, field = named[name]
        changed.setdefault(system, set()).add(field)
    return changed


def _renew(db: Connection, unit: Unit, changed: Mapping[str, Collection[str]]) -> None:
    """Look with changed rules at what was agreed in every incident."""
    ids = db.scalars(select(incidents.c.id).where(incidents.c.unit == unit.name)).all()
    for at in range(0, len(ids), MANY):
        rows = load(db, ids[at : at + MANY])
        pairs = ((row, renewed(unit, row, changed), True) for row in rows)
        moved = [pair for pair in pairs if pair[0] != pair[1]]
        save(db, moved)
        for before, after, _ in moved:
            for intent in _retold(before, after):
                told = {name: sent_row(sent) for name, sent in intent.sent.items()}
                db.execute(update(intents).where(intents.c.id == intent.id).values(sent=told))


def _retold(before: Incident, after: Incident) -> list[Intent]:
    """Give the open intents that are others than before."""
    return [intent for intent in after.intents if intent not in before.intents]


def end(ledger: Ledger, run: int, state: str, at: str, report: dict[str, Any]) -> None:
    """Write down how a run ended."""
    with ledger.begin() as db:
        db.execute(
            update(runs).where(runs.c.id == run).values(state=state, ended_at=at, report=report)
        )


def first(ledger: Ledger, unit: str) -> bool:
    """Whether no run of the unit was completed yet."""
    with ledger.begin() as db:
        done = select(runs.c.id).where(runs.c.unit == unit, runs.c.state == "completed").limit(1)
        return db.execute(done).first() is None


def cursor(ledger: Ledger, unit: str, system: str) -> Cursor:
    """Give how far a system was heard."""
    with ledger.begin() as db:
        row = db.execute(select(cursors).where(_here(unit, system))).first()
    if row is None:
        return Cursor()
    return Cursor(row.cursor, row.swept_at, row.heard_at, row.error)


def heard(
    ledger: Ledger, unit: str, system: str, *, at: float, swept: bool, error: str = ""
) -> None:
    """Write down that a system was heard, or why it was not."""
    values: dict[str, Any] = {"error": error}
    if not error:
        values["heard_at"] = at
    if swept:
        values["swept_at"] = at
    with ledger.begin() as db:
        if db.execute(update(cursors).where(_here(unit, system)).values(values)).rowcount == 0:
            db.execute(insert(cursors).values(unit=unit, system=system, **values))


def _here(unit: str, system: str) -> Any:
    """Name the cursor of a system."""
    return and_(cursors.c.unit == unit, cursors.c.system == system)


def counts(db: Connection) -> dict[str, int]:
    """Count incidents, due ones, what is held, what was given up (dead), and losers kept."""
    asked = {
        "incidents": select(func.count()).select_from(incidents),
        "due": select(func.count()).select_from(incidents).where(incidents.c.due),
        "held": select(func.count()).select_from(held).where(held.c.why.not_in(REFUSALS)),
        "dead": select(func.count()).select_from(held).where(held.c.why == Why.DEAD),
        "attic": select(func.count()).select_from(conflicts),
    }
    return {name: int(db.scalar(query) or 0) for name, query in asked.items()}
