"""A ProdManager incident: how it is kept, and how it and its history are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from instep.simulator.prodmanager.text import dump, spell

STATUSES = ("active", "investigating", "stable", "resolved")
SEVERITIES = ("critical", "high", "moderate", "low", "minor")
TEXTS = ("description", "external_reference", "external_link")
PHASE_DATES = ("investigation_date", "stable_date", "resolve_date")
DATES = ("start_impact_date", *PHASE_DATES)
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
        return self._age, self.values["status"], self.values["severity"]

    @cached_property
    def declared_place(self) -> tuple[float, int, int]:
        """Answer the sort key of PostgreSQL: choices as they are declared, not by name."""
        status = STATUSES.index(self.values["status"])
        return self._age, status, SEVERITIES.index(self.values["severity"])

    @property
    def _age(self) -> float:
        started: datetime = self.values["start_impact_date"]
        return (EPOCH - started).total_seconds()

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
    return json.dumps(plain)


def changes(old: Values, new: Values) -> str | None:
    """Spell what an update changed, with the database's own names; ``None`` for nothing."""
    changed = {
        _column(key): [_stored(key, old[key]), _stored(key, new[key])]
        for key in old
        if old[key] != new[key]
    }
    return json.dumps(changed) if changed else None


def _column(key: str) -> str:
    return f"{key}_id" if key in {"scope", "service"} else key


def _stored(key: str, value: Any) -> Any:
    if key in DATES:
        return spell(value)
    return value.upper() if key in {"status", "severity"} else value
