"""What ProdManager holds, and the hands of a person at its web interface."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from instep.simulator import prodmanager_incident as shape
from instep.simulator.index import Index
from instep.simulator.prodmanager_incident import Form, Incident, event
from instep.simulator.prodmanager_list import BIGGEST
from instep.simulator.prodmanager_text import broken, failed, spell
from instep.simulator.seed import Story, stories
from instep.simulator.world import Simulator, World

SEED_SEVERITIES = ("critical", "high", "moderate", "low")
ALWAYS = datetime.min.replace(tzinfo=UTC)


def not_found(number: str | int) -> str:
    """Answer the reason that a 404 gives."""
    return f"Resource not found : {int(number)}"


def places(kind: str) -> dict[int, str]:
    """Answer the scopes or the services, by id."""
    return shape.SCOPES if kind == "scope" else shape.SERVICES


class Holder(Simulator):
    """Holds incidents; ``index`` finds them by reference, at once."""

    def __init__(self, world: World, timezone: str) -> None:
        """Start empty, on a machine in ``timezone``."""
        super().__init__(world)
        self.held: dict[int, Incident] = {}
        self.index: Index[Incident] = Index(0.0, lambda row: row.reference)
        self._zone = ZoneInfo(timezone)
        self._orphans: dict[int, list[shape.Event]] = {}

    def now(self) -> datetime:
        """Answer the server's local time, to the minute."""
        return self._local(self.world.now())

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self._zone).replace(tzinfo=None, second=0, microsecond=0)

    def find(self, number: str | int, verb: str) -> Incident:
        """Answer an incident by id, or refuse with 404."""
        if int(number) > BIGGEST:
            raise broken()
        if int(number) not in self.held:
            raise failed(404, f"Incident {verb} failed", incident=[not_found(number)])
        return self.held[int(number)]

    def open(self, values: dict[str, Any], now: datetime) -> Incident:
        """Hold a new incident made at the local time ``now``."""
        # The id after the highest one held: so the id of a deleted last one comes back.
        number = max(self.held, default=0) + 1
        events = (event("create", shape.row(values), now), *self._orphans.pop(number, ()))
        return self._keep(Incident(number, values, now, events))

    def replace(self, old: Incident, values: dict[str, Any]) -> None:
        """Replace a row; if nothing differs, no event is written."""
        changed = shape.changes(old.values, values)
        if changed:
            made = event("update", changed, self.now())
            self._keep(Incident(old.id, values, old.created, (made, *old.events)))

    def say(self, number: int, said: shape.Event) -> None:
        """Add a comment, even to an incident that does not exist."""
        if number in self.held:
            old = self.held[number]
            self._keep(replace(old, events=(said, *old.events), wires={}))
        else:
            # It turns up on the incident that gets this id later.
            self._orphans.setdefault(number, []).insert(0, said)

    def _keep(self, incident: Incident) -> Incident:
        self.held[incident.id] = incident
        self.index.put(str(incident.id), incident, ALWAYS)
        return incident

    def seed(self, count: int) -> None:
        """Hold ``count`` incidents of the last fortnight."""
        for story in stories(self.name, count, self.world.random, self.world.now()):
            self._tell(story)

    def _tell(self, story: Story) -> None:
        services = {name: number for number, name in shape.SERVICES.items()}
        dates = {
            "start_impact_date": story.started,
            "investigation_date": story.acknowledged,
            "stable_date": story.mitigated,
            "resolve_date": story.resolved,
        }
        values = {
            "name": story.title,
            "description": story.summary,
            "external_reference": None,
            "external_link": None,
            "scope": 1 + story.severity % len(shape.SCOPES),
            "service": services.get(story.part, 1),
            "severity": SEED_SEVERITIES[story.severity],
            "status": story.phase,
            **{name: date and self._local(date) for name, date in dates.items()},
        }
        self.open(values, self._local(story.opened))

    def records(self) -> list[dict[str, Any]]:
        """Answer the incidents held, oldest first, as a get with a token shows them."""
        return [incident.view("http://prodmanager") for incident in self.held.values()]

    def ids(self) -> list[str]:
        """Answer the ids of the incidents held, oldest first."""
        return [str(number) for number in self.held]

    def add(self, **values: Any) -> str:
        """Open an incident; takes what ``edit`` takes. Answers its id."""
        given = {"name": "Something is wrong", "severity": "high", "scope": 1, "service": 1}
        form = self._as_person(given | values)
        incident = self.open(Form(form, self.now()).create(), self.now())
        if values.get("status", "active") != "active":
            self.edit(incident.id, **values)
        return str(incident.id)

    def edit(self, record_id: str | int, **changes: Any) -> None:
        """Save the web form of an incident with ``changes``; it makes ``""`` of null texts.

        Takes every field of an update; ``scope`` and ``service`` may be names, dates datetimes,
        and ``None`` empties.
        """
        old = self.find(str(record_id), "update")
        shown = {key: "" if value is None else value for key, value in old.values.items()}
        form = self._as_person(shown | changes)
        self.replace(old, Form(form, self.now()).update())

    def comment(self, record_id: str | int, text: str, *, internal: bool = False) -> None:
        """Comment on an incident; by default the public can read it."""
        self.say(int(record_id), event("comment", text, self.now(), internal=internal))

    def delete(self, record_id: str | int) -> None:
        """Delete an incident with its events; nothing of it stays."""
        number = self.find(str(record_id), "deletion").id
        del self.held[number]
        self.index.put(str(number), None, ALWAYS)

    def _as_person(self, values: dict[str, Any]) -> dict[str, Any]:
        return {key: self._typed(key, value) for key, value in values.items()}

    def _typed(self, key: str, value: Any) -> Any:
        if value is None:
            return ""
        if isinstance(value, datetime):
            return spell(self._local(value) if value.tzinfo else value)
        if key in {"scope", "service"} and not str(value).isdigit():
            return next(number for number, name in places(key).items() if name == value)
        return value
