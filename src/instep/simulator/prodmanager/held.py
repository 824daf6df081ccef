"""What ProdManager holds, and the hands of a person at its web interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from instep.simulator.index import Index
from instep.simulator.prodmanager import incident as shape
from instep.simulator.prodmanager.database import database
from instep.simulator.prodmanager.form import Form
from instep.simulator.prodmanager.incident import Incident, event
from instep.simulator.prodmanager.places import Places
from instep.simulator.prodmanager.text import broken, failed, not_found, spell
from instep.simulator.seed import Story, stories
from instep.simulator.world import Simulator, World

SEED_SEVERITIES = ("critical", "high", "moderate", "low")
ALWAYS = datetime.min.replace(tzinfo=UTC)
#: Subscribers that are told of one change, at most.
MOST_MAILS = 50


class Holder(Simulator):
    """Holds incidents; ``index`` finds them by reference, at once.

    ``notified`` counts the mails to subscribers, of whoever's changes; the seed sent none.
    """

    def __init__(
        self, world: World, *, timezone: str, base: str = "sqlite", subscribers: int = 50
    ) -> None:
        """Start empty, on a machine in ``timezone``, over the database ``base``."""
        super().__init__(world)
        self.held: dict[int, Incident] = {}
        self.index: Index[Incident] = Index(0.0, lambda row: row.reference)
        self.notified = 0
        self.database = database(base)
        self.places = Places(self.database, self._count_at)
        self._subscribers = subscribers
        self._zone = _zone(timezone)
        self._last = 0
        self._strays: dict[int, list[shape.Event]] = {}
        self._races: dict[int, Mapping[str, Any]] = {}

    def now(self) -> datetime:
        """Answer the server's local time, to the minute."""
        return self._local(self.world.now())

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self._zone).replace(tzinfo=None, second=0, microsecond=0)

    def _count_at(self, kind: str, number: int) -> int:
        return sum(one.values[kind] == number for one in self.held.values())

    def form(self, sent: Mapping[str, Any]) -> Form:
        """Answer a form as it was sent now."""
        places, takes_nul = self.places.held, self.database.takes_nul
        return Form(sent, self.now(), places=places, takes_nul=takes_nul)

    def find(self, number: str | int, verb: str) -> Incident:
        """Answer an incident by id, or refuse with 404."""
        if int(number) > self.database.biggest_id:
            raise broken()
        if int(number) not in self.held:
            raise failed(404, f"Incident {verb} failed", incident=[not_found(number)])
        return self.held[int(number)]

    def open(self, values: Mapping[str, Any], now: datetime, *, has_event: bool = True) -> Incident:
        """Hold a new incident made at the local time ``now``."""
        # The id after the highest one held: so the id of a deleted last one comes back.
        last = max(self.held, default=0) if self.database.reuses_ids else self._last
        number = self._last = last + 1
        made = (event("create", shape.row(values), now),) if has_event else ()
        self._mail()
        return self._keep(Incident(number, values, now, (*made, *self._strays.pop(number, ()))))

    def replace(self, old: Incident, values: Mapping[str, Any], *, has_event: bool = True) -> None:
        """Replace a row; if nothing differs, no event is written."""
        changed = shape.changes(old.values, values)
        if not changed:
            return
        made = (event("update", changed, self.now()),) if has_event else ()
        if old.values["status"] != values["status"]:
            self._mail()
        self._keep(Incident(old.id, values, old.created, (*made, *old.events)))

    def meet(self, number: int, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let the save that ``race`` announced happen; answer what an update then leaves.

        Both had loaded the same row, and each writes only the columns in which it differs.
        """
        changes = self._races.pop(number, None)
        if changes is None:
            return values
        loaded = self.held[number].values
        self.edit(number, **changes)
        own = {key: value for key, value in values.items() if value != loaded[key]}
        return {**self.held[number].values, **own}

    def say(self, number: int, said: shape.Event) -> None:
        """Add a comment, even to an incident that does not exist."""
        if number in self.held:
            old = self.held[number]
            self._keep(replace(old, events=(said, *old.events), wires={}))
        elif not self.database.keeps_strays:
            raise broken()
        else:
            # It turns up on the incident that gets this id later.
            self._strays.setdefault(number, []).insert(0, said)

    def _mail(self) -> None:
        self.notified += min(self._subscribers, MOST_MAILS)

    def _keep(self, incident: Incident) -> Incident:
        self.held[incident.id] = incident
        self.index.put(str(incident.id), incident, ALWAYS)
        return incident

    def seed(self, count: int) -> None:
        """Hold ``count`` incidents of the last fortnight."""
        for story in stories(self.name, count, self.world.random, self.world.now()):
            self._tell(story)
        self.notified = 0

    def _tell(self, story: Story) -> None:
        services = {place.name: at for at, place in self.places.held["service"].items()}
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
            "scope": 1 + story.severity % len(self.places.held["scope"]),
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
        incident = self.open(self.form(form).create(), self.now())
        if values.get("status", "active") != "active":
            self.edit(incident.id, **values)
        return str(incident.id)

    def edit(self, record_id: str | int, *, web: bool = True, **changes: Any) -> None:
        """Save the web form of an incident with ``changes``; it makes ``""`` of null texts.

        Takes every field of an update; ``scope`` and ``service`` may be names, dates datetimes,
        and ``None`` empties. Without ``web`` another client of the API saves it, who leaves null
        what is null.
        """
        old = self.find(str(record_id), "update")
        held = old.values if web else {k: v for k, v in old.values.items() if v is not None}
        form = self._as_person({**held, **changes})
        self.replace(old, self.form(form).update())

    def race(self, record_id: str | int, **changes: Any) -> None:
        """Let a person's ``edit`` happen at the same moment as the next update by the API."""
        self._races[int(record_id)] = changes

    def comment(self, record_id: str | int, text: str, *, internal: bool = False) -> None:
        """Comment on an incident in a text area; by default the public can read it."""
        lines = text.replace("\r\n", "\n").replace("\n", "\r\n")
        self.say(int(record_id), event("comment", lines, self.now(), internal=internal))

    def delete(self, record_id: str | int) -> None:
        """Delete an incident with its events; nothing of it stays."""
        number = self.find(str(record_id), "deletion").id
        del self.held[number]
        self.index.put(str(number), None, ALWAYS)

    def _as_person(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self._typed(key, value) for key, value in values.items()}

    def _typed(self, key: str, value: Any) -> Any:
        if value is None:
            return ""
        if isinstance(value, datetime):
            return spell(self._local(value) if value.tzinfo else value)
        if key in {"scope", "service"} and not str(value).isdigit():
            return self.places.number(key, value)
        return value


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"timezone is {name!r}, which nobody knows") from error
