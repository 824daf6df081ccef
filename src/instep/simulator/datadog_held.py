"""What Datadog holds, and the hands of a person at its web interface."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid5

from instep.simulator import datadog_org as org
from instep.simulator.datadog_config import seeded
from instep.simulator.datadog_incident import TIMES, Incident
from instep.simulator.datadog_writes import RefusedError, field_value, new_fields, with_responder
from instep.simulator.index import Index
from instep.simulator.seed import stories
from instep.simulator.world import Simulator, World

if TYPE_CHECKING:
    from collections.abc import Mapping


class Holder(Simulator):
    """Holds incidents, oldest first; ``index`` is what search knows of them.

    ``clears`` says whether reopening an incident empties ``resolved``.
    """

    def __init__(
        self, world: World, types: Mapping[str, str], search_lag: float, *, clears: bool
    ) -> None:
        """Start empty, with the fields of ``types``."""
        super().__init__(world)
        self.types = types
        self.held: dict[str, Incident] = {}
        self.order: list[str] = []
        self.index: Index[Incident] = Index(search_lag, lambda row: row.reference)
        self._clears_resolved = clears
        self._number = 1000

    def find(self, incident_id: str) -> Incident:
        """Answer an incident by id, or refuse with 404."""
        if incident_id not in self.held:
            raise RefusedError(f"incident {incident_id} not found", 404)
        return self.held[incident_id]

    def open(self, given: dict[str, Any], author: org.User, new_id: str = "") -> Incident:
        """Declare an incident; without ``new_id`` its id is a UUID of version 5 (observed)."""
        self._number += 1
        new_id = new_id or str(uuid5(org.SPACE, f"incident/{self._number}"))
        now = self.world.now().astimezone(UTC)
        incident = Incident(
            id=new_id,
            public_id=self._number,
            author=author.id,
            editor=author.id,
            types=self.types,
            **{
                "created": now,
                "modified": now,
                "declared": now,
                "detected": now - timedelta(microseconds=11_873),
                "responders": tuple(filter(None, (given.get("commander"),))),
                **given,
                "fields": new_fields(self._number, given.get("fields", {})),
            },
        )
        self.order.append(new_id)
        return self.keep(incident)

    def change(self, old: Incident, changes: dict[str, Any], editor: org.User) -> Incident:
        """Change an incident; the editor joins its responders (observed)."""
        # Even a PATCH without a change moves `modified` (observed once, assumed always); a
        # frozen clock must not hide that.
        now = max(self.world.now().astimezone(UTC), old.modified + timedelta(microseconds=1))
        fields = {**old.fields, **changes.pop("fields", {})}
        resolved = self._resolved(old, fields["state"], now)
        joined = with_responder(old, editor.id, changes.get("commander"))
        times = {"modified": now, "editor": editor.id, "resolved": resolved, "responders": joined}
        return self.keep(replace(old, **{**times, **changes, "fields": fields}))

    def _resolved(self, old: Incident, state: str, now: datetime) -> datetime | None:
        was_done, is_done = old.fields["state"] in org.DONE, state in org.DONE
        if is_done and not was_done:
            return now - timedelta(microseconds=5_395)
        reopened = was_done and not is_done
        return None if reopened and self._clears_resolved else old.resolved

    def keep(self, incident: Incident) -> Incident:
        """Hold a version of an incident; search learns of it later."""
        self.held[incident.id] = incident
        self.index.put(incident.id, incident, min(self.world.now(), incident.modified))
        return incident

    def seed(self, count: int) -> None:
        """Hold ``count`` incidents of the last fortnight."""
        for story in stories(self.name, count, self.world.random, self.world.now()):
            self.open(seeded(story, self._number + 1), org.ANA)

    def records(self) -> list[dict[str, Any]]:
        """Answer the incidents held, oldest first, as GET shows them."""
        return [self.held[one].view for one in self.order]

    def ids(self) -> list[str]:
        """Answer the ids (UUIDs) of the incidents held, oldest first."""
        return list(self.order)

    def add(self, **values: Any) -> str:
        """Declare an incident; takes what ``edit`` takes. Answers its id."""
        given = self._as_person({"title": "Something is wrong"} | values)
        return self.open(given, org.ANA).id

    def edit(self, record_id: str | int, **changes: Any) -> None:
        """Change an incident, named by id or public id, as Ana.

        Takes attributes (``title``, ``customer_impact_start`` ..., dates as datetime or text),
        ``commander`` (an e-mail) and every field (``severity``, ``state``, ``summary`` ...).
        """
        incident = self.find(self._key(record_id))
        self.change(incident, self._as_person(changes), org.ANA)

    def delete(self, record_id: str | int) -> None:
        """Delete an incident; nothing of it stays."""
        key = self.find(self._key(record_id)).id
        del self.held[key]
        self.order.remove(key)
        self.index.put(key, None, self.world.now())

    def _key(self, record_id: str | int) -> str:
        number = str(record_id).removeprefix("IR-")
        found = (one.id for one in self.held.values() if str(one.public_id) == number)
        return str(record_id) if record_id in self.held else next(found, str(record_id))

    def _as_person(self, changes: dict[str, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for name, value in changes.items():
            if name in self.types:
                read = field_value(name, {"value": value}, self.types[name])
                plain.setdefault("fields", {})[name] = read
            elif name == "commander":
                plain[name] = org.BY_EMAIL[value].id if value else None
            elif name in TIMES and isinstance(value, str):
                plain[name] = datetime.fromisoformat(value).astimezone(UTC)
            else:
                plain[name] = value
        return plain
