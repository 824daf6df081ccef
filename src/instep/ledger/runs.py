"""Runs and cursors: what was done when, and how far each system has been heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, select, update

from instep.core.operation import Why
from instep.ledger.held import REFUSALS, again
from instep.ledger.tables import conflicts, counters, cursors, held, incidents, runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from instep.ledger.database import Ledger

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


def wake(ledger: Ledger, unit: str, rules: int) -> frozenset[int] | None:
    """Make every incident due where the rules are others than those it was settled under.

    Everything is to be listed then, since the rules may read what was not read before. Answers
    which incidents were due in any case, ``None`` where the rules are the same.
    """
    mine = counters.c.name == f"rules {unit}"
    with ledger.begin() as db:
        before = db.scalar(select(counters.c.value).where(mine))
        if before == rules:
            return None
        db.execute(delete(counters).where(mine))
        db.execute(insert(counters).values(name=f"rules {unit}", value=rules))
        if before is None:
            return None
        here = incidents.c.unit == unit
        due = frozenset(db.scalars(select(incidents.c.id).where(here, incidents.c.due)))
        db.execute(update(incidents).where(here).values(due=True))
        db.execute(update(cursors).where(cursors.c.unit == unit).values(swept_at=0.0))
        again(db)
        return due


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
