"""What waits: held operations, fields on which sides differ, and records that are gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from instep.core.merge import merge
from instep.core.operation import Why
from instep.engine import orders
from instep.engine.context import load
from instep.engine.orders import Group
from instep.engine.settle import due
from instep.ledger import held, views

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
    found, ids = orders.groups(app), due(app)
    return Waiting(
        held=[group for group in found if group.why not in held.REFUSALS],
        late=[group for group in found if group.why is Why.REFUSED],
        dead=[group for group in found if group.why is Why.DEAD],
        conflicts=conflicting(app, ids),
        gone=gone(app),
        due=len(ids),
    )


def conflicting(app: App, ids: Sequence[int]) -> list[dict[str, Any]]:
    """List the fields on which sides differ; they are merged anew from what the sides say."""
    parts = (load(app, ids[at : at + BATCH]) for at in range(0, len(ids), BATCH))
    return [
        {
            "incident": row.id,
            "field": name,
            "since": max(c.at for c in outcome.waiting),
            "values": [
                {"value": c.value, "origins": list(c.origins), "at": c.at} for c in outcome.waiting
            ],
        }
        for rows in parts
        for row in rows
        for name, outcome in merge(app.unit, row).items()
        if outcome.waiting
    ]


def gone(app: App) -> list[dict[str, Any]]:
    """List, by system, the records that are gone: how many, which incidents, and since when.

    What was let go has no reference, and is not missed.
    """
    with app.ledger.begin() as db:
        rows = views.gone(db)
    parts = {name: [row for row in rows if row["system"] == name] for name in app.unit.members}
    return [
        {
            "system": name,
            "count": len(part),
            "since": part[0]["gone_at"],
            "incidents": [row["incident"] for row in part],
        }
        for name, part in parts.items()
        if part
    ]
