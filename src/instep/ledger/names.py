"""Names: which incident and which record a person means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from instep.ledger.tables import external_references, incidents

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from instep.ledger.database import Ledger


def last(ledger: Ledger) -> int:
    """Give the highest number that an incident has; 0 if there is none."""
    with ledger.begin() as db:
        return int(db.scalar(select(func.max(incidents.c.id))) or 0)


def bound(db: Connection, system: str, name: str) -> list[int]:
    """Find the incidents of the records that a system shows under a display id, or knows so."""
    refs = external_references.c
    named = or_(func.lower(refs.display) == name.lower(), refs.record == name)
    query = select(refs.incident).where(refs.system == system, named)
    return list(db.scalars(query.order_by(refs.incident)))
