"""A ProdManager incident: how it is kept, how a form fills it, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from instep.simulator.prodmanager_text import LINK, broken, dump, failed, normal, parse, spell

SCOPES = {1: "eu-west", 2: "us-east", 3: "ap-south"}
SERVICES = {1: "Checkout", 2: "Search", 3: "Notifications"}
STATUSES = ("active", "investigating", "stable", "resolved")
SEVERITIES = ("critical", "high", "moderate", "low", "minor")
TEXTS = ("description", "external_reference", "external_link")
PHASE_DATES = ("investigation_date", "stable_date", "resolve_date")
DATES = ("start_impact_date", *PHASE_DATES)
# Per status: the dates that may be sent, and which of them becomes now when it is not.
PHASES = {
    "active": ((), None),
    "investigating": (PHASE_DATES[:1], "investigation_date"),
    "stable": (PHASE_DATES[:2], "stable_date"),
    "resolved": (PHASE_DATES, "resolve_date"),
}
REQUIRED = "This field is required."
EPOCH = datetime(1, 1, 1)  # noqa: DTZ001
Values = Mapping[str, Any]
Event = dict[str, Any]


@dataclass(frozen=True)
class Incident:
    """One version of an incident; dates are local and to the minute, ``events`` newest first."""

    id: int
    values: Values
    created: datetime
    events: tuple[Event, ...]
    wires: dict[tuple[str, bool], bytes] = field(default_factory=dict, compare=False)

    @property
    def reference(self) -> str | None:
        """Answer the external reference, which need not be unique."""
        reference: str | None = self.values["external_reference"]
        return reference

    @cached_property
    def place(self) -> tuple[float, str, str]:
        """Answer the sort key: newest impact first, then status and severity by name."""
        age = (EPOCH - self.values["start_impact_date"]).total_seconds()
        return age, self.values["status"], self.values["severity"]

    def view(self, base: str, *, anonymous: bool = False) -> dict[str, Any]:
        """Answer the read shape; somebody without a token sees no events."""
        values = {key: spell(v) if key in DATES else v for key, v in self.values.items()}
        links = {
            "self": f"{base}/api/incident/{self.id}",
            "scope": f"{base}/api/scope/{self.values['scope']}",
            "service": f"{base}/api/service/{self.values['service']}",
        }
        events = [] if anonymous else list(self.events)
        made = {"id": self.id, "creation_date": spell(self.created)}
        return {**values, **made, "events": events, "links": links}

    def wire(self, base: str, *, anonymous: bool) -> bytes:
        """Answer the read shape, already spelled as JSON."""
        key = (base, anonymous)
        if key not in self.wires:
            self.wires[key] = dump(self.view(base, anonymous=anonymous))
        return self.wires[key]


def event(kind: str, content: str, now: datetime, *, internal: bool = True) -> Event:
    """Make an entry of the history; it has no id and no author."""
    return {"type": kind, "content": content, "creation_date": spell(now), "internal": internal}


def row(values: Values) -> str:
    """Spell a whole row, as the create event does."""
    plain = {key: spell(v) if key in DATES else v for key, v in values.items()}
    return json.dumps(plain, sort_keys=True)


def changes(old: Values, new: Values) -> str | None:
    """Spell what an update changed, with the database's own names; ``None`` for nothing."""
    changed = {
        _column(key): [_stored(key, old[key]), _stored(key, new[key])]
        for key in old
        if old[key] != new[key]
    }
    return json.dumps(changed, sort_keys=True) if changed else None


def _column(key: str) -> str:
    return f"{key}_id" if key in {"scope", "service"} else key


def _stored(key: str, value: Any) -> Any:
    if key in DATES:
        return spell(value)
    return value.upper() if key in {"status", "severity"} else value


class Form:
    """Reads a create or an update; all mistakes are reported at once."""

    def __init__(self, form: dict[str, Any], now: datetime) -> None:
        """Read ``form``; ``now`` is the server's local time, to the minute."""
        self._form = form
        self._now = now
        self._reasons: dict[str, list[str]] = {}

    def create(self) -> dict[str, Any]:
        """Answer a new row; a status and phase dates are ignored."""
        values = self._common()
        self._finish("Incident creation failed")
        return {**values, "status": "active", **dict.fromkeys(PHASE_DATES)}

    def update(self) -> dict[str, Any]:
        """Answer the whole new row; what was left out is emptied or becomes now."""
        values = self._common()
        values["status"] = self._choice("status", STATUSES)
        sent = {name: self._optional_date(name) for name in PHASE_DATES}
        self._finish("Incident update failed")
        allowed, at_once = PHASES[values["status"]]
        dates = {name: sent[name] if name in allowed else None for name in PHASE_DATES}
        if at_once and dates[at_once] is None:
            dates[at_once] = self._now
        return {**values, **dates}

    def _finish(self, message: str) -> None:
        if self._reasons:
            raise failed(400, message, **self._reasons)

    def _common(self) -> dict[str, Any]:
        texts = {name: self._text(name) for name in TEXTS}
        return {
            "name": self._name(),
            **texts,
            "external_link": self._link(texts["external_link"]),
            "scope": self._place("scope", SCOPES),
            "service": self._place("service", SERVICES),
            "severity": self._choice("severity", SEVERITIES),
            "start_impact_date": self._start(),
        }

    def _wrong(self, name: str, reason: str) -> None:
        self._reasons[name] = [reason]

    def _text(self, name: str) -> str | None:
        text = self._form.get(name)
        if text is None:
            return None
        if not isinstance(text, str) or not _is_sound(text):
            raise broken()
        return normal(text)

    def _name(self) -> str | None:
        name = self._text("name")
        if not name or not name.strip():
            self._wrong("name", REQUIRED)
        elif len(self._form["name"]) < 4:
            self._wrong("name", "Field must be at least 4 characters long.")
        return name

    def _link(self, link: str | None) -> str | None:
        sent = self._form.get("external_link", "")
        if sent != "" and not (sent and LINK.match(sent)):
            self._wrong("external_link", "Invalid URL.")
        return link

    def _place(self, name: str, known: Mapping[int, str]) -> int:
        sent = self._form.get(name)
        if sent is None or sent == "":
            self._wrong(name, REQUIRED)
            return 0
        number = int(sent) if str(sent).isdigit() else 0
        if number not in known:
            self._wrong(name, "Not a valid choice.")
        return number

    def _choice(self, name: str, known: tuple[str, ...]) -> str:
        sent = self._form.get(name)
        if sent not in known:
            self._wrong(name, REQUIRED)
        return str(sent)

    def _start(self) -> datetime | None:
        name = "start_impact_date"
        if name not in self._form:
            return self._now
        date = parse(self._date_text(name))
        if date is None:
            self._wrong(name, REQUIRED)
        return date

    def _optional_date(self, name: str) -> datetime | None:
        if self._form.get(name, "") == "":
            return None
        date = parse(self._date_text(name))
        if date is None:
            self._wrong(name, "Not a valid datetime value.")
        return date

    def _date_text(self, name: str) -> str:
        text = self._form[name]
        if not isinstance(text, str):
            raise broken()
        return text


def _is_sound(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
