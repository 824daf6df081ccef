"""A Datadog incident: how it is kept, and the five shapes in which it is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid5

import orjson

from instep.simulator import datadog_org as org

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TIMES = (
    *("created", "modified", "detected", "declared", "resolved"),
    *("customer_impact_start", "customer_impact_end"),
)
ACTORS = ("created_by", "last_modified_by", "declared_by")
ONLY_DERIVED = (
    *("customer_impacted", "customer_impact_duration", "time_to_detect", "time_to_repair"),
    *("time_to_internal_response", "time_to_resolve"),
)


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One version of an incident; ``fields`` are bare values, people are ids of users.

    ``types`` names each field's type, in the order shown.
    """

    id: str
    public_id: int
    title: str
    created: datetime
    modified: datetime
    detected: datetime
    declared: datetime
    author: str
    editor: str
    fields: Mapping[str, Any]
    types: Mapping[str, str]
    resolved: datetime | None = None
    customer_impacted: bool = False
    customer_impact_scope: str | None = None
    customer_impact_start: datetime | None = None
    customer_impact_end: datetime | None = None
    commander: str | None = None
    responders: tuple[str, ...] = ()
    attachments: tuple[dict[str, Any], ...] = ()
    notification_handles: Any = None
    is_test: bool = False
    visibility: str = "organization"

    @property
    def reference(self) -> str | None:
        """Answer the first external reference that the incident carries."""
        references = self.fields.get(org.REFERENCE)
        return references[0] if references else None

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
        stale = {"commander_user": before.relation("commander")}
        attributes = self._attributes() | self._uuids() | self._people()
        return self._resource(attributes, self._relations() | stale)

    def as_imported(self) -> dict[str, Any]:
        """Answer the shape that import shows: ``Z`` timestamps, nothing derived (observed)."""
        attributes = self._attributes() | self._uuids()
        attributes = {key: attributes[key] for key in attributes if key not in ONLY_DERIVED}
        for key in TIMES:
            attributes[key] = attributes[key] and attributes[key].replace("+00:00", "Z")
        kind = {"incident_type": {"data": {"type": "incident_types", "id": org.INCIDENT_TYPE}}}
        return self._resource(attributes, self._relations() | kind)

    @cached_property
    def as_found(self) -> orjson.Fragment:
        """Answer the shape that search shows: whole seconds, ``""`` for no scope (observed)."""
        attributes = self._attributes() | dict.fromkeys(self._uuids()) | self._people()
        for key in TIMES:
            attributes[key] = attributes[key] and attributes[key][:19] + "+00:00"
        attributes["customer_impact_scope"] = self.customer_impact_scope or ""
        start, end = int(self.created.timestamp()), int(self.modified.timestamp())
        span = {"duration": end - start, "spans": [{"start": start, "end": end}]}
        attributes["field_analytics"] = {"state": {self.fields["state"]: span}}
        nothing: dict[str, Any] = {"user_defined_fields": {"data": []}}
        resource = self._resource(attributes, self._relations() | nothing)
        return orjson.Fragment(orjson.dumps(resource))

    def relation(self, role: str) -> dict[str, Any]:
        """Answer the relationship to the person in ``role`` (``commander``, ``author`` ...)."""
        user = getattr(self, role)
        return {"data": {"type": "users", "id": user} if user else None}

    def _resource(self, attributes: dict[str, Any], relations: dict[str, Any]) -> dict[str, Any]:
        kind = {"type": "incidents", "id": self.id}
        return kind | {"attributes": attributes, "relationships": relations}

    def _attributes(self) -> dict[str, Any]:
        times = {key: spell(getattr(self, key)) for key in TIMES}
        return {
            "public_id": self.public_id,
            "incident_type_uuid": org.INCIDENT_TYPE,
            "title": self.title,
            **times,
            **self._derived(),
            "customer_impact_scope": self.customer_impact_scope,
            "customer_impacted": self.customer_impacted,
            "notification_handles": self.notification_handles,
            "creation_idempotency_key": None,
            "archived": None,
            "is_test": self.is_test,
            "fields": {
                name: {"type": kind, "value": self.fields.get(name)}
                for name, kind in self.types.items()
            },
            "field_analytics": None,
            "severity": self.fields["severity"],
            "state": self.fields["state"],
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

    def _uuids(self) -> dict[str, Any]:
        return dict(
            zip(
                (f"{actor}_uuid" for actor in ACTORS),
                (self.author, self.editor, self.author),
                strict=True,
            )
        )

    def _people(self) -> dict[str, Any]:
        author, editor = org.BY_ID[self.author].embedded(), org.BY_ID[self.editor].embedded()
        people = dict(zip(ACTORS, (author, editor, author), strict=True))
        commander = org.BY_ID[self.commander].embedded() if self.commander else None
        return people | {"commander": commander}

    def _relations(self) -> dict[str, Any]:
        return {
            "created_by_user": self.relation("author"),
            "last_modified_by_user": self.relation("editor"),
            "commander_user": self.relation("commander"),
            "declared_by_user": self.relation("author"),
            "user_defined_fields": _many("user_defined_field", map(org.field_id, self.types)),
            "integrations": {"data": []},
            "attachments": _many("incident_attachments", (one["id"] for one in self.attachments)),
            "responders": _many("incident_responders", map(self._responder, self.responders)),
            "impacts": {"data": []},
        }

    def _responder(self, user: str) -> str:
        return str(uuid5(org.SPACE, f"responder/{self.id}/{user}"))


def _many(kind: str, ids: Any) -> dict[str, Any]:
    return {"data": [{"type": kind, "id": one} for one in ids]}


def spell(date: datetime | None) -> str | None:
    """Spell an instant as core reads do: microseconds, or no fraction when it is zero."""
    return date.isoformat() if date else None


def seconds(first: datetime | None, last: datetime | None) -> int:
    """Answer the whole seconds from ``first`` to ``last``; 0 where that makes no sense."""
    return max(int((last - first).total_seconds()), 0) if first and last else 0
