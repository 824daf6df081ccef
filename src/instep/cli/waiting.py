"""What waits for a person: held operations, and fields on which sides differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from instep.core.merge import merge
from instep.core.plan import Why
from instep.ledger import store, views

if TYPE_CHECKING:
    from instep.engine.context import App

#: Incidents that are looked at in one go.
BATCH = 256


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits: ``due`` counts incidents that some side has not settled, for whatever reason."""

    held: list[dict[str, Any]]
    dead: list[dict[str, Any]]
    conflicts: list[dict[str, Any]]
    due: int

    @property
    def people(self) -> int:
        """Count what only a person can bring on."""
        return len(self.held) + len(self.dead) + len(self.conflicts)


def waiting(app: App) -> Waiting:
    """Ask the ledger what waits; conflicts are merged anew from what the sides say."""
    with app.ledger.begin() as db:
        held = [row | {"fields": dict(row["fields"])} for row in views.held_up(db)]
        conflicts: list[dict[str, Any]] = []
        due = after = 0
        while ids := store.due(db, app.unit.name, after, BATCH):
            due, after = due + len(ids), ids[-1]
            conflicts += [
                {
                    "incident": row.id,
                    "field": name,
                    "since": max(c.at for c in outcome.waiting),
                    "values": [
                        {"value": c.value, "origins": list(c.origins), "at": c.at}
                        for c in outcome.waiting
                    ],
                }
                for row in store.load(db, ids)
                for name, outcome in merge(app.unit, row).items()
                if outcome.waiting
            ]
    dead = [row for row in held if row["why"] == Why.REFUSED]
    alive = [row for row in held if row["why"] != Why.REFUSED]
    return Waiting(alive, dead, conflicts, due)
