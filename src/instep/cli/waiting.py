"""What waits: held operations, fields on which sides differ, and records that are gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from instep.core.merge import merge
from instep.core.operation import Why
from instep.engine import orders
from instep.engine.orders import Group
from instep.ledger import store
from instep.ledger.tables import external_references, sides

if TYPE_CHECKING:
    from instep.engine.context import App

#: Incidents that are looked at in one go.
BATCH = 256


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits: ``due`` counts incidents that some side has not settled, for whatever reason.

    ``held`` waits for a person, ``late`` is tried again by itself, ``dead`` is tried no more.
    """

    held: list[Group]
    late: list[Group]
    dead: list[Group]
    conflicts: list[dict[str, Any]]
    gone: list[dict[str, Any]]
    due: int

    @property
    def people(self) -> int:
        """Count what only a person can bring on; what is approved already is brought on."""
        waits = sum(len(group.rows) - group.approved for group in (*self.held, *self.dead))
        return waits + len(self.conflicts)


def waiting(app: App) -> Waiting:
    """Ask the ledger what waits."""
    found = orders.groups(app)
    return Waiting(
        held=[group for group in found if group.why not in (Why.REFUSED, Why.DEAD)],
        late=[group for group in found if group.why is Why.REFUSED],
        dead=[group for group in found if group.why is Why.DEAD],
        conflicts=conflicting(app),
        gone=gone(app),
        due=sum(len(ids) for ids in _due(app)),
    )


def conflicting(app: App) -> list[dict[str, Any]]:
    """List the fields on which sides differ; they are merged anew from what the sides say."""
    found: list[dict[str, Any]] = []
    for ids in _due(app):
        with app.ledger.begin() as db:
            rows = store.load(db, ids)
        found += [
            {
                "incident": row.id,
                "field": name,
                "since": max(c.at for c in outcome.waiting),
                "values": [
                    {"value": c.value, "origins": list(c.origins), "at": c.at}
                    for c in outcome.waiting
                ],
            }
            for row in rows
            for name, outcome in merge(app.unit, row).items()
            if outcome.waiting
        ]
    return found


def _due(app: App) -> list[list[int]]:
    """List the due incidents, in parts."""
    with app.ledger.begin() as db:
        ids = store.due(db, app.unit.name)
    return [ids[at : at + BATCH] for at in range(0, len(ids), BATCH)]


def gone(app: App) -> list[dict[str, Any]]:
    """List, by system, the records that are gone: how many, which incidents, and since when.

    What was let go has no reference, and is not missed.
    """
    query = (
        select(sides.c.system, sides.c.incident, sides.c.gone_at)
        .join(
            external_references,
            (external_references.c.incident == sides.c.incident)
            & (external_references.c.system == sides.c.system),
        )
        .where(sides.c.gone)
        .order_by(sides.c.gone_at, sides.c.incident)
    )
    with app.ledger.begin() as db:
        rows = db.execute(query).all()
    parts = {name: [row for row in rows if row.system == name] for name in app.unit.members}
    return [
        {
            "system": name,
            "count": len(part),
            "since": part[0].gone_at,
            "incidents": [row.incident for row in part],
        }
        for name, part in parts.items()
        if part
    ]
