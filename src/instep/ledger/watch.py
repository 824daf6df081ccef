"""What a listing that is not whole is measured by: the open records, and how many there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, ColumnElement, and_, cast, func, or_, select, update

from instep.core.model import Word
from instep.ledger.tables import cursors, external_references, incidents, sides

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from instep.ledger.database import Ledger

Census = Mapping[str, int]


def open_records(
    ledger: Ledger, unit: str, system: str, closes: Mapping[str, Collection[Word]]
) -> list[str]:
    """Name the live linked records of a system whose incidents no field's value closes."""
    with ledger.begin() as db:
        rows = (
            select(external_references.c.record)
            .join(incidents, incidents.c.id == external_references.c.incident)
            .join(sides, _same_side())
            .where(external_references.c.system == system, incidents.c.unit == unit)
            .where(~sides.c.gone)
        )
        for name, values in closes.items():
            value = _within(db, incidents.c.base, name, "value")
            rows = rows.where(or_(value.is_(None), value.not_in(list(values))))
        return list(db.scalars(rows.order_by(external_references.c.id)))


def counted(ledger: Ledger, unit: str, system: str, field: str) -> tuple[dict[str, int], int]:
    """Count a system's live linked records by what they say of a field.

    Answers the counts by own word ("" for nothing said), and the ticket of the newest change.
    """
    with ledger.begin() as db:
        word = func.coalesce(_within(db, sides.c.says, field), "")
        rows = db.execute(
            select(word, func.count(), func.max(sides.c.seen))
            .join(incidents, incidents.c.id == sides.c.incident)
            .join(external_references, _same_side())
            .where(sides.c.system == system, ~sides.c.gone, incidents.c.unit == unit)
            .group_by(word)
        ).all()
        return {str(row[0]): row[1] for row in rows}, max((row[2] for row in rows), default=0)


def gap(ledger: Ledger, unit: str, system: str) -> Census | None:
    """Give by how much the service counted more than the ledger after the last whole listing."""
    with ledger.begin() as db:
        found: Census | None = db.scalar(select(cursors.c.census).where(_here(unit, system)))
        return found


def keep_gap(ledger: Ledger, unit: str, system: str, gap: Census | None) -> None:
    """Remember that, or forget it: the next census is then taken as what should be."""
    with ledger.begin() as db:
        db.execute(update(cursors).where(_here(unit, system)).values(census=gap))


def _within(db: Connection, document: ColumnElement[Any], *keys: str) -> ColumnElement[Any]:
    """Look into a document, in the words of the database."""
    if db.dialect.name == "sqlite":
        return func.json_extract(document, "$" + "".join(f'."{key}"' for key in keys))
    found: ColumnElement[Any] = cast(document, JSON)[keys].as_string()
    return found


def _same_side() -> ColumnElement[bool]:
    """Tie a side to its external reference."""
    return and_(
        sides.c.incident == external_references.c.incident,
        sides.c.system == external_references.c.system,
    )


def _here(unit: str, system: str) -> ColumnElement[bool]:
    """Name the cursor of a system."""
    return and_(cursors.c.unit == unit, cursors.c.system == system)
