"""ProdManager's scopes and services: named places that an incident is in, by id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from instep.simulator.prodmanager import listing
from instep.simulator.prodmanager.database import Database
from instep.simulator.prodmanager.text import REQUIRED, broken, failed, not_found, read_form, tidy
from instep.simulator.prodmanager.visit import Visit, as_sorted
from instep.simulator.wire import Reply

NAMES = {
    "scope": ("eu-west", "us-east", "ap-south"),
    "service": ("Checkout", "Search", "Notifications"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One scope or service."""

    name: str
    description: str | None

    def view(self, kind: str, number: int, count: int, base: str) -> dict[str, Any]:
        """Answer the read shape; ``count`` incidents are there."""
        links = {
            what: f"{base}/api/{what[:-1]}?{kind}={number}"
            for what in ("incidents", "maintenances", "monitors")
        }
        return {
            "id": number,
            "name": self.name,
            "description": self.description,
            "incidents_count": count,
            "maintenances_count": 0,
            "monitors_count": {"alert": 0, "ok": 0, "warning": 0},
            "links": links | {"self": f"{base}/api/{kind}/{number}"},
        }


class Places:
    """The scopes and the services, and the answers about them.

    ``count`` tells how many incidents are in the place of a kind and an id.
    """

    def __init__(self, database: Database, count: Callable[[str, int], int]) -> None:
        """Hold three scopes and three services."""
        self._database = database
        self._count = count
        self.held: dict[str, dict[int, Place]] = {
            kind: {at: Place(name, f"{name} {kind}") for at, name in enumerate(names, 1)}
            for kind, names in NAMES.items()
        }
        self._last = {kind: len(names) for kind, names in NAMES.items()}

    def number(self, kind: str, name: str) -> int:
        """Answer the id of a place by its exact name."""
        return next(at for at, place in self.held[kind].items() if place.name == name)

    def show_all(self, visit: Visit, kind: str) -> Reply:
        """List by name; there is no filter."""
        known = sorted(self.held[kind].items(), key=lambda place: place[1].name)
        page, headers = listing.page(known, visit.call)
        items = [self._view(visit, kind, number) for number, _ in page]
        return as_sorted({"items": items}, headers=headers)

    def show(self, visit: Visit, kind: str, number: str) -> Reply:
        """Show one."""
        return as_sorted(self._view(visit, kind, self._find(kind, number, "show")))

    def create(self, visit: Visit, kind: str) -> Reply:
        """Make one, with a name that no other has."""
        place = self._filled(visit, kind, "creation")
        reuses = self._database.reuses_ids
        number = (max(self.held[kind], default=0) if reuses else self._last[kind]) + 1
        self.held[kind][number] = place
        self._last[kind] = number
        return visit.moved(f"/api/{kind}/{number}")

    def update(self, visit: Visit, kind: str, number: str) -> Reply:
        """Replace one; a description that is left out becomes null."""
        place = self._filled(visit, kind, "update", int(number))
        self.held[kind][self._find(kind, number, "update")] = place
        return visit.moved(f"/api/{kind}/{int(number)}")

    def delete(self, visit: Visit, kind: str, number: str) -> Reply:
        """Delete one, unless an incident is there."""
        read_form(visit.call)
        message = f"{kind.capitalize()} deletion failed"
        if int(number) not in self.held[kind]:
            raise failed(404, message, **{kind: not_found(number)})
        if self._count(kind, int(number)):
            reason = "This resource is a dependency from other resources"
            raise failed(403, message, **{kind: reason})
        del self.held[kind][int(number)]
        return visit.moved(f"/api/{kind}")

    def _view(self, visit: Visit, kind: str, number: int) -> Mapping[str, Any]:
        count = self._count(kind, number)
        return self.held[kind][number].view(kind, number, count, visit.base)

    def _find(self, kind: str, number: str, verb: str) -> int:
        if int(number) > self._database.biggest_id:
            raise broken()
        if int(number) not in self.held[kind]:
            message = f"{kind.capitalize()} {verb} failed"
            raise failed(404, message, **{kind: [not_found(number)]})
        return int(number)

    def _filled(self, visit: Visit, kind: str, verb: str, own: int = 0) -> Place:
        form, message = read_form(visit.call), f"{kind.capitalize()} {verb} failed"
        takes_nul = self._database.takes_nul
        name = tidy(form.get("name"), takes_nul=takes_nul)
        description = tidy(form.get("description"), takes_nul=takes_nul)
        if not name:
            raise failed(400, message, name=[REQUIRED])
        if len(form["name"]) < 3:
            raise failed(400, message, name=["Field must be at least 3 characters long."])
        if any(at != own and one.name == name for at, one in self.held[kind].items()):
            sent = {"name": name, "description": description}
            reason = f"Conflict on resource with attributes : {sent}"
            raise failed(409, message, **{kind: [reason]})
        return Place(name, description)
