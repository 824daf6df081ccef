"""A Datadog incident: how it is kept, and the five shapes in which it is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid5

import orjson

from instep.simulator.datadog import org
from instep.simulator.datadog.types import REFERENCE, IncidentType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

TIMES = (
    *("created", "modified", "detected", "declared", "resolved", "archived"),
    *("customer_impact_start", "customer_impact_end"),
)
ONLY_DERIVED = (
    *("customer_impacted", "customer_impact_duration", "time_to_detect", "time_to_repair"),
    *("time_to_internal_response", "time_to_resolve", "field_analytics"),
)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One version of something that belongs to an incident, with ``values`` of its own."""

    id: str
    values: Mapping[str, Any]
    created: datetime
    modified: datetime
    author: org.User
    editor: org.User

    def changed(self, values: Mapping[str, Any], now: datetime, editor: org.User) -> Part:
        """Answer the next version."""
        values = {**self.values, **values}
        return replace(self, values=values, modified=now, editor=editor)

    def related(self) -> dict[str, Any]:
        """Spell who made it and who changed it last."""
        author, editor = self.author.related(), self.editor.related()
        return {"created_by_user": author, "last_modified_by_user": editor}


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One version of an incident; ``fields`` are bare values, ``cells`` are its timeline."""

    id: str
    public_id: int
    title: str
    kind: IncidentType
    created: datetime
    modified: datetime
    detected: datetime | None
    declared: datetime
    author: org.User
    editor: org.User
    declarer: org.User
    fields: Mapping[str, Any]
    resolved: datetime | None = None
    archived: datetime | None = None
    customer_impacted: bool = False
    customer_impact_scope: str | None = None
    customer_impact_start: datetime | None = None
    customer_impact_end: datetime | None = None
    commander: org.User | None = None
    responders: tuple[org.User, ...] = ()
    attachments: tuple[Part, ...] = ()
    impacts: tuple[Part, ...] = ()
    integrations: tuple[Part, ...] = ()
    todos: tuple[Part, ...] = ()
    cells: tuple[Part, ...] = ()
    notification_handles: Any = None
    is_test: bool = False
    visibility: str = "organization"

    @property
    def reference(self) -> str | None:
        """Answer the first external reference that the incident carries."""
        references = self.fields.get(REFERENCE)
        return references[0] if references else None

    @property
    def is_private(self) -> bool:
        """Answer whether only those who take part in it see it."""
        return self.visibility == "private"

    @property
    def people(self) -> dict[str, org.User]:
        """Answer everybody named in it, by id."""
        named = (self.author, self.editor, self.declarer, self.commander, *self.responders)
        return {user.id: user for user in named if user}

    def joined(self, *users: org.User | None) -> tuple[org.User, ...]:
        """Answer the responders once these users have joined them."""
        return tuple({user.id: user for user in (*self.responders, *users) if user}.values())

    @cached_property
    def view(self) -> dict[str, Any]:
        """Answer the shape of list and get: ids of people, no embedded people."""
        return self._resource(self._attributes() | self._uuids(), self._relations())

    @cached_property
    def wire(self) -> orjson.Fragment:
        """Answer the shape of list and get, already spelled as JSON."""
        return orjson.Fragment(orjson.dumps(self.view))

    def as_created(self) -> dict[str, Any]:
        """Answer the shape that POST shows: embedded people, and no ids of them (observed)."""
        nulls = dict.fromkeys(self._uuids())
        return self._resource(self._attributes() | nulls | self._people(), self._relations())

    def as_patched(self, before: Incident) -> dict[str, Any]:
        """Answer the shape that PATCH shows: the commander's relationship is stale (observed)."""
        stale = {"commander_user": _related(before.commander)}
        attributes = self._attributes() | self._uuids() | self._people()
        return self._resource(attributes, self._relations() | stale)

    def as_imported(self) -> dict[str, Any]:
        """Answer the shape that import shows: ``Z`` timestamps, nothing derived (observed)."""
        attributes = self._attributes() | self._uuids()
        attributes = {key: attributes[key] for key in attributes if key not in ONLY_DERIVED}
        for key in TIMES:
            attributes[key] = spell_go(getattr(self, key))
        kind = {"incident_type": {"data": {"type": "incident_types", "id": self.kind.id}}}
        return self._resource(attributes, self._relations() | kind)

    @cached_property
    def as_found(self) -> orjson.Fragment:
        """Answer the shape that search shows: whole seconds, ``""`` for no scope (observed)."""
        people = {role: user and user.found() for role, user in self._actors().items()}
        attributes = self._attributes() | dict.fromkeys(self._uuids()) | people
        for key in TIMES:
            attributes[key] = attributes[key] and attributes[key][:19] + "+00:00"
        attributes["customer_impact_scope"] = self.customer_impact_scope or ""
        attributes["field_analytics"] = {"state": self._spans()}
        nothing: dict[str, Any] = {"user_defined_fields": {"data": []}}
        resource = self._resource(attributes, self._relations() | nothing)
        return orjson.Fragment(orjson.dumps(resource))

    def _spans(self) -> dict[str, Any]:
        """Answer how long the incident was in its states; the last span is open (observed)."""
        spans = {}
        start = int(self.created.timestamp())
        if self.resolved:
            end = int(self.resolved.timestamp())
            spans["active"] = _span(start, end)
            start = end
        return spans | {self.fields["state"]: _span(start, None)}

    def _resource(self, attributes: dict[str, Any], relations: dict[str, Any]) -> dict[str, Any]:
        kind = {"type": "incidents", "id": self.id}
        return kind | {"attributes": attributes, "relationships": relations}

    def _attributes(self) -> dict[str, Any]:
        mirrors = {name: self.fields[name] for name in ("severity", "state")}
        return {
            "public_id": self.public_id,
            "incident_type_uuid": self.kind.id,
            "title": self.title,
            **{key: spell(getattr(self, key)) for key in TIMES},
            **self._derived(),
            "customer_impact_scope": self.customer_impact_scope,
            "customer_impacted": self.customer_impacted,
            "notification_handles": self.notification_handles,
            "creation_idempotency_key": None,
            "is_test": self.is_test,
            "fields": {
                name: {"type": one.kind, "value": self.fields.get(name)}
                for name, one in self.kind.definitions.items()
            },
            "field_analytics": None,
            **(mirrors if self.kind.has_mirrors else {}),
            "non_datadog_creator": None,
            "visibility": self.visibility,
            "case_id": None,
        }

    def _derived(self) -> dict[str, int]:
        start, end = self.customer_impact_start, self.customer_impact_end
        return {
            "customer_impact_duration": seconds(start, end),
            "time_to_detect": seconds(start, self.detected),
            "time_to_repair": seconds(self.detected, end),
            "time_to_internal_response": seconds(self.detected, self.created),
            "time_to_resolve": seconds(self.created, self.resolved),
        }

    def _actors(self) -> dict[str, org.User | None]:
        return {
            "created_by": self.author,
            "last_modified_by": self.editor,
            "declared_by": self.declarer,
            "commander": self.commander,
        }

    def _uuids(self) -> dict[str, Any]:
        actors = self._actors().items()
        return {f"{role}_uuid": user and user.id for role, user in actors if role != "commander"}

    def _people(self) -> dict[str, Any]:
        return {role: user and user.embedded() for role, user in self._actors().items()}

    def _relations(self) -> dict[str, Any]:
        definitions = self.kind.definitions.values()
        return {
            **{f"{role}_user": _related(user) for role, user in self._actors().items()},
            "user_defined_fields": _many("user_defined_field", (one.id for one in definitions)),
            "integrations": _many("incident_integrations", _ids(self.integrations)),
            "attachments": _many("incident_attachments", _ids(self.attachments)),
            "responders": _many("incident_responders", map(self._responder, self.responders)),
            "impacts": _many("incident_impacts", _ids(self.impacts)),
        }

    def _responder(self, user: org.User) -> str:
        return str(uuid5(org.SPACE, f"responder/{self.id}/{user.id}"))


def _related(user: org.User | None) -> dict[str, Any]:
    return user.related() if user else {"data": None}


def _ids(parts: Iterable[Part]) -> Iterable[str]:
    return (one.id for one in parts)


def _many(kind: str, ids: Iterable[str]) -> dict[str, Any]:
    return {"data": [{"type": kind, "id": one} for one in ids]}


def _span(start: int, end: int | None) -> dict[str, Any]:
    return {"duration": (end or start) - start, "spans": [{"start": start, "end": end}]}


def spell(date: datetime | None) -> str | None:
    """Spell an instant as core reads do: microseconds, or no fraction when it is zero."""
    return date.isoformat() if date else None


def spell_go(date: datetime | None) -> str | None:
    """Spell an instant as the JSON:API endpoints do: ``Z``, and no zeros at the end."""
    if date is None:
        return None
    text = date.isoformat().removesuffix("+00:00")
    return (text.rstrip("0") if "." in text else text) + "Z"


def seconds(first: datetime | None, last: datetime | None) -> int:
    """Answer the whole seconds from ``first`` to ``last``; 0 where that makes no sense."""
    return max(int((last - first).total_seconds()), 0) if first and last else 0
