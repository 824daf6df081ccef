"""What Datadog holds, and the hands of a person at its web interface."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from instep.simulator.datadog import org
from instep.simulator.datadog.incident import TIMES, Incident
from instep.simulator.datadog.seed import seeded
from instep.simulator.datadog.types import DONE, Definition, IncidentType, Types
from instep.simulator.datadog.writes import RefusedError, field_value
from instep.simulator.index import Index
from instep.simulator.seed import stories
from instep.simulator.world import Simulator, World


class Holder(Simulator):
    """Holds incidents, oldest first; ``index`` is what search knows of them.

    ``types`` are the incident types, ``people`` the users, and ``notified`` counts the people
    and channels that were paged so far.
    """

    def __init__(
        self, world: World, types: Types, lag: float, *, clears: bool, noop_moves: bool
    ) -> None:
        """Start empty; search lags by ``lag`` seconds.

        ``clears`` says whether reopening an incident empties ``resolved``, ``noop_moves`` whether
        a change without effect moves ``modified``.
        """
        super().__init__(world)
        self.types = types
        self.people = org.People()
        self.notified = 0
        self.held: dict[str, Incident] = {}
        self.order: list[str] = []
        self.hidden: set[str] = set()
        self.index: Index[Incident] = Index(lag, lambda row: row.reference)
        self._clears = clears
        self._noop_moves = noop_moves
        self._number = 1000

    def random_id(self) -> str:
        """Make a UUID of version 4."""
        return str(UUID(int=self.world.random.getrandbits(128), version=4))

    def named_id(self) -> str:
        """Make a UUID of version 5."""
        return str(uuid5(org.SPACE, self.random_id()))

    def now(self) -> datetime:
        """Tell the time in UTC."""
        return self.world.now().astimezone(UTC)

    def find(self, incident_id: str) -> Incident:
        """Answer an incident by id, or refuse with 404."""
        if incident_id not in self.held:
            raise RefusedError(f"incident {incident_id} not found", 404)
        return self.held[incident_id]

    def open(self, given: dict[str, Any], author: org.User, new_id: str = "") -> Incident:
        """Declare an incident; without ``new_id`` its id is a UUID of version 5 (observed)."""
        self._number += 1
        new_id = new_id or str(uuid5(org.SPACE, f"incident/{self._number}"))
        now = self.now()
        kind: IncidentType = given.get("kind", self.types.default)
        slug = {"slug": kind.slug(self._number)}
        incident = Incident(
            id=new_id,
            public_id=self._number,
            author=author,
            editor=author,
            **{
                "kind": kind,
                "declarer": author,
                "created": now,
                "modified": now,
                "declared": now,
                "detected": now - timedelta(microseconds=11_873),
                "responders": tuple(filter(None, (given.get("commander"),))),
                **given,
                "fields": {**kind.defaults, **given.get("fields", {}), **slug},
            },
        )
        self.order.append(new_id)
        return self.keep(incident)

    def change(self, old: Incident, changes: dict[str, Any], editor: org.User) -> Incident:
        """Change an incident; the editor joins its responders (observed)."""
        now = self.now()
        fields = {**old.fields, **changes.pop("fields", {})}
        changed = {
            "resolved": self._resolved(old, fields["state"], now),
            "responders": old.joined(editor, changes.get("commander")),
            **changes,
            "fields": fields,
        }
        new = replace(old, **changed)
        # Observed for the first PATCH of an account, which also made it a responder: that a
        # later one without any effect moves `modified` too is a guess.
        if new == old and not self._noop_moves:
            return old
        return self.touch(new, editor)

    def touch(self, incident: Incident, editor: org.User) -> Incident:
        """Let ``modified`` move; a frozen clock must not hide that it did."""
        moved = max(self.now(), incident.modified + timedelta(microseconds=1))
        return self.keep(replace(incident, modified=moved, editor=editor))

    def _resolved(self, old: Incident, state: str, now: datetime) -> datetime | None:
        was_done, is_done = old.fields["state"] in DONE, state in DONE
        if is_done and not was_done:
            return now - timedelta(microseconds=5_395)
        reopened = was_done and not is_done
        return None if reopened and self._clears else old.resolved

    def keep(self, incident: Incident) -> Incident:
        """Hold a version of an incident; search learns of it later."""
        self.held[incident.id] = incident
        (self.hidden.add if incident.is_private else self.hidden.discard)(incident.id)
        self.index.put(incident.id, incident, min(self.world.now(), incident.modified))
        return incident

    def define(self, kind: IncidentType, added: Definition) -> None:
        """Add a field to a type: all its incidents show it at once, none has changed."""
        grown = replace(kind, definitions={**kind.definitions, added.name: added})
        self.types.put(grown)
        for incident in list(self.held.values()):
            if incident.kind.id == kind.id:
                self.keep(replace(incident, kind=grown))

    def seed(self, count: int) -> None:
        """Hold ``count`` incidents of the last fortnight; every third is of the last type."""
        types = self.types.everything()
        for story in stories(self.name, count, self.world.random, self.world.now()):
            kind = types[-1] if self._number % 3 == 0 else types[0]
            given = seeded(story, self._number + 1, kind)
            given["commander"] = given["commander"] and self.people.named(given["commander"])
            self.open(given, org.ANA)

    def records(self) -> list[dict[str, Any]]:
        """Answer the incidents held, oldest first, as GET shows them."""
        return [self.held[one].view for one in self.order]

    def ids(self) -> list[str]:
        """Answer the ids (UUIDs) of the incidents held, oldest first."""
        return list(self.order)

    def add(self, **values: Any) -> str:
        """Declare an incident; takes what ``edit`` takes, and the name of a ``kind``."""
        kinds = {one.name: one for one in self.types.everything()}
        kind = kinds[values.pop("kind", self.types.default.name)]
        given = self._as_person(kind, {"title": "Something is wrong"} | values)
        return self.open({"kind": kind} | given, org.ANA).id

    def edit(self, record_id: str | int, **changes: Any) -> None:
        """Change an incident, named by id or public id, as Ana.

        Takes attributes (``title``, ``visibility``, ``customer_impact_start`` ..., dates as
        datetime or text), ``commander`` (an e-mail) and every field (``severity``, ``state`` ...).
        """
        incident = self.find(self._key(record_id))
        self.change(incident, self._as_person(incident.kind, changes), org.ANA)

    def delete(self, record_id: str | int) -> None:
        """Delete an incident; nothing of it stays."""
        key = self.find(self._key(record_id)).id
        del self.held[key]
        self.order.remove(key)
        self.hidden.discard(key)
        self.index.put(key, None, self.world.now())

    def _key(self, record_id: str | int) -> str:
        number = str(record_id).removeprefix("IR-")
        found = (one.id for one in self.held.values() if str(one.public_id) == number)
        return str(record_id) if record_id in self.held else next(found, str(record_id))

    def _as_person(self, kind: IncidentType, changes: dict[str, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for name, value in changes.items():
            if name in kind.definitions:
                read = field_value(kind.definitions[name], {"value": value})
                plain.setdefault("fields", {})[name] = read
            elif name == "commander":
                plain[name] = self.people.named(value) if value else None
            elif name in TIMES and isinstance(value, str):
                plain[name] = datetime.fromisoformat(value).astimezone(UTC)
            else:
                plain[name] = value
        return plain
