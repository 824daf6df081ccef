"""The incidents that a simulated DevRev holds, and what happens to them whoever writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from instep.simulator.devrev import lookups as org
from instep.simulator.devrev.checks import to_ms
from instep.simulator.devrev.errors import (
    RefusedError,
    invalid_id,
    moved,
    not_found,
    not_permitted,
    other_kind,
)
from instep.simulator.devrev.incident import Incident
from instep.simulator.devrev.lookups import Directory, Thing
from instep.simulator.devrev.person import full
from instep.simulator.devrev.switches import Switches
from instep.simulator.devrev.timeline import Timelines, changed_names
from instep.simulator.index import Index
from instep.simulator.world import World

PREFIX = f"{org.CORE}:incident/"


class Held:
    """Every incident by its id, oldest first, with its timeline."""

    def __init__(
        self,
        world: World,
        directory: Directory,
        switches: Switches,
        severities: Mapping[int, str],
    ) -> None:
        """Begin empty."""
        self.world = world
        self.all: dict[str, Incident] = {}
        self.timelines = Timelines(world.random)
        self.is_stale = False
        self._directory = directory
        self._switches = switches
        self._severities = severities
        self._number = 0
        self._moved: dict[str, str] = {}
        self._index: Index[Incident] = Index(switches.list_lag, lambda row: row.reference)

    def find(self, key: str, field_name: str = "id", *, listed: bool = True) -> Incident:
        """Find an incident by either of its ids.

        ``listed`` says that the verb's errors list 404; the others say that the id is invalid.
        """
        don = PREFIX + key.removeprefix("INC-") if key.startswith("INC-") else key
        if don in self.all:
            return self.all[don]
        if don in self._moved:
            raise moved(self._moved[don])
        if self._directory.knows(key):
            raise other_kind(field_name)
        if don.removeprefix(PREFIX).isdigit() and listed and self._switches.missing == 404:
            raise not_found()
        raise invalid_id(field_name)

    def mention(self, key: str, field_name: str) -> Thing:
        """Find an incident, or anything else, as others mention it."""
        if self._directory.knows(key):
            return self._directory.find(key, (), field_name)
        return self.find(key, field_name, listed=False).thing

    def rows(self, references: Iterable[str] | None = None) -> Iterable[Incident]:
        """Answer what list and group know by now, or what of it carries a reference."""
        now = self.world.now()
        if references is None:
            return self._index.rows(now).values()
        return self._index.named(dict.fromkeys(references), now)

    def listed(self, ids: list[str]) -> list[Incident]:
        """Answer incidents as list and group know them by now; deleted ones are left out."""
        rows = self._index.rows(self.world.now())
        return [rows[one] for one in ids if one in rows]

    def open(self, values: dict[str, Any], author: Thing, at: datetime) -> Incident:
        """Open an incident; its timeline begins with that."""
        self._number += 1
        at = to_ms(at)
        made = {"created_by": author, "created_date": at, "modified_by": author}
        made["modified_date"] = at
        if org.is_final(values["stage"]) and self._switches.close_sets_date:
            made["actual_close_date"] = at
        incident = self._keep(self._incident(self._number, made | values))
        self.timelines.add(incident.id, author, at, event={"type": "created"})
        return incident

    def change(self, old: Incident, changes: dict[str, Any], author: Thing) -> Incident:
        """Put another version of an incident in its place."""
        # A frozen clock must not hide a change, so each one moves the date.
        tick = timedelta(milliseconds=1)
        at = max(to_ms(self.world.now()), old.values["modified_date"] + tick)
        values = {**old.values, "modified_date": at, "modified_by": author}
        closes = org.is_final(changes.get("stage", "triage"))
        if closes and not org.is_final(old.values["stage"]) and self._switches.close_sets_date:
            # That leaving a final state does not empty it again is assumed.
            values["actual_close_date"] = at
        incident = self._keep(self._incident(old.number, values | changes))
        names = changed_names(old.values, incident.values)
        if names:
            said = {"names": names, "before": old.values, "after": incident.values}
            self.timelines.add(incident.id, author, at, event={"type": "updated", **said})
        return incident

    def seed(self, values: dict[str, Any], opened: datetime, changed: datetime) -> None:
        """Hold an incident that was opened and last changed in the past."""
        incident = self.open(values, org.ANA, opened)
        self._keep(
            self._incident(incident.number, {**incident.values, "modified_date": to_ms(changed)})
        )

    def delete(self, record_id: str) -> None:
        """Delete an incident and its timeline; nothing stays."""
        del self.all[record_id]
        self.timelines.drop(record_id)
        self._index.put(record_id, None, self.world.now())

    def move(self, old: Incident) -> str:
        """Give an incident another id."""
        self._number += 1
        incident = self._keep(Incident(self._number, old.values, old.severities))
        self.timelines.move(old.id, incident.id)
        self.delete(old.id)
        self._moved[old.id] = incident.id
        return incident.id

    def check_unique(self, values: Mapping[str, Any], but: str = "") -> None:
        """Refuse what only one incident can have: an artifact, by a switch also a reference."""
        artifacts = set(values.get("artifacts") or ())
        reference = (values.get("sync_metadata") or {}).get("external_reference")
        if not artifacts and not (reference and self._switches.unique_reference):
            return
        for other in self.all.values():
            if other.id == but:
                continue
            if artifacts.intersection(other.values.get("artifacts", ())):
                kind = "artifact_already_attached_to_a_parent"
                raise RefusedError(kind, existing_parent=other.id, is_same=False)
            if self._switches.unique_reference and other.reference == reference is not None:
                raise not_permitted("sync_metadata.external_reference", "not unique")

    def _incident(self, number: int, values: dict[str, Any]) -> Incident:
        return Incident(number, full(values), self._severities)

    def _keep(self, incident: Incident) -> Incident:
        self.all[incident.id] = incident
        # With a frozen clock a date may lie ahead of it; the index must not wait for that.
        at = min(self.world.now(), incident.values["modified_date"])
        self._index.put(incident.id, incident, at)
        return incident
