"""What may be written into a Datadog incident, and the errors for all else.

Which status and text the core endpoints answer for bad input is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from instep.simulator.datadog import org
from instep.simulator.datadog.types import MULTI, Definition, IncidentType, Types
from instep.simulator.wire import as_object

CREATE = {
    "title": "text",
    "customer_impacted": "flag",
    "customer_impact_scope": "text",
    "fields": "fields",
    "incident_type_uuid": "any",
    "initial_cells": "any",
    "is_test": "flag",
    "notification_handles": "list",
}
PATCH = {
    "title": "text",
    "customer_impacted": "flag",
    "customer_impact_scope": "text",
    "customer_impact_start": "date",
    "customer_impact_end": "date",
    "detected": "date",
    "fields": "fields",
    "notification_handles": "list",
}
IMPORT = {
    "title": "text",
    "declared": "date",
    "detected": "date",
    "resolved": "date",
    "fields": "fields",
    "incident_type_uuid": "any",
    "visibility": "visibility",
}
#: What only choose or accompany the incident, and are no part of it.
ASIDE = ("incident_type_uuid", "initial_cells")
ROLES = {"commander_user": "commander"}
PAST_ROLES = ROLES | {"declared_by_user": "declarer"}


class RefusedError(Exception):
    """A request that the service refuses; ``errors`` is one of its two families of bodies."""

    def __init__(self, error: str | dict[str, Any], status: int = 400) -> None:
        """Keep the one error and the status."""
        super().__init__(str(error))
        self.errors = [error]
        self.status = status

    @property
    def kind(self) -> str:
        """Answer the content type that goes with the family of the body."""
        return "application/json" if isinstance(self.errors[0], str) else "application/vnd.api+json"


def generic(detail: str, status: int = 404) -> RefusedError:
    """Refuse as the JSON:API endpoints do; even a malformed id is a 404 there (observed)."""
    return RefusedError({"title": "Generic Error", "detail": detail}, status)


def bad(detail: str) -> RefusedError:
    """Refuse a body as the JSON:API endpoints do."""
    return RefusedError({"status": "400", "title": "Bad Request", "detail": detail})


def data_of(body: bytes, kind: str = "incidents") -> dict[str, Any]:
    """Read the ``data`` of a JSON:API request of that type."""
    data = (as_object(body) or {}).get("data")
    if not isinstance(data, dict) or data.get("type") != kind:
        raise RefusedError(f"invalid data: expected one object of type {kind}")
    return data


def resource_of(body: bytes, kind: str) -> dict[str, Any]:
    """Read ``data`` as the JSON:API endpoints do, which say what is wrong (observed)."""
    data = (as_object(body) or {}).get("data")
    sent = data.get("type") if isinstance(data, dict) else None
    if not isinstance(data, dict) or sent != kind:
        raise bad(f'got type "{sent}" expected one of "{kind}"')
    return data


def attributes_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Read the attributes of a resource; none are none."""
    attributes = data.get("attributes", {})
    if not isinstance(attributes, dict):
        raise RefusedError("attributes must be an object")
    return attributes


@dataclass(frozen=True, slots=True)
class Writer:
    """Reads writes against the fields of the incident type and the people there are.

    ``ignores_unknown`` drops unknown attributes and fields, which are otherwise refused;
    ``keeps_empty`` holds an empty list as one, which otherwise reads as null.
    """

    types: Types
    people: org.People
    ignores_unknown: bool
    keeps_empty: bool

    def kind(self, data: Mapping[str, Any]) -> IncidentType:
        """Answer the type that a new incident asks for, or the default."""
        wanted = attributes_of(data).get("incident_type_uuid")
        found = self.types.get(wanted) if wanted else self.types.default
        if found is None:
            raise RefusedError(f"incident type {wanted} not found")
        return found

    def read(
        self, data: dict[str, Any], known: Mapping[str, str], kind: IncidentType
    ) -> dict[str, Any]:
        """Answer the changes that ``data`` asks for, by the names of ``Incident``."""
        changes: dict[str, Any] = {}
        for name, value in attributes_of(data).items():
            reader = known.get(name)
            if reader is None:
                self._unknown(name)
            elif reader == "fields":
                changes["fields"] = self._fields(kind, value)
            elif name not in ASIDE:
                changes[name] = _READERS[reader](name, value)
        related = data.get("relationships", {})
        if not isinstance(related, dict):
            raise RefusedError("relationships must be an object")
        # Those to integrations and postmortems are taken and have no effect here.
        roles = PAST_ROLES if known is IMPORT else ROLES
        named = {role: related[name] for name, role in roles.items() if name in related}
        return changes | {role: self._user(relation) for role, relation in named.items()}

    def _unknown(self, name: str) -> None:
        if not self.ignores_unknown:
            raise RefusedError(f"unknown or read-only attribute: {name}")

    def _fields(self, kind: IncidentType, fields: Any) -> dict[str, Any]:
        if not isinstance(fields, dict):
            raise RefusedError("fields must be an object")
        known: dict[str, Any] = {}
        for name, entry in fields.items():
            if name not in kind.definitions or name == "slug":
                self._unknown(f"fields.{name}")
            else:
                definition = kind.definitions[name]
                known[name] = field_value(definition, entry, keeps_empty=self.keeps_empty)
        return known

    def _user(self, relation: Any) -> org.User | None:
        data = relation.get("data") if isinstance(relation, dict) else None
        if data is None:
            return None
        user = self.people.get(data.get("id")) if isinstance(data, dict) else None
        if user is None:
            raise RefusedError("user not found")
        # A pending user is taken (observed); that a disabled one is not is assumed.
        if user.status == "Disabled":
            raise RefusedError(f"user {user.id} is disabled")
        return user


def field_value(definition: Definition, entry: Any, *, keeps_empty: bool = False) -> Any:
    """Read one field; the type sent with it is not looked at, only its value is (assumed)."""
    if not isinstance(entry, dict) or "value" not in entry:
        raise RefusedError(f"fields.{definition.name}: expected an object with a value")
    value = entry["value"]
    if definition.kind in MULTI:
        if not (value is None or _is_texts(value)):
            raise RefusedError(f"fields.{definition.name}: expected a list of strings")
        return value if keeps_empty else value or None
    return _single(definition, value)


def _single(definition: Definition, value: Any) -> Any:
    name, choices = definition.name, definition.choices
    if value is None:
        if name == "state":
            raise RefusedError("fields.state: a value is needed")
        return definition.default
    if definition.kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RefusedError(f"fields.{name}: expected a number")
    elif not isinstance(value, str) or (choices and value not in choices):
        raise RefusedError(f"fields.{name}: invalid value {value!r}")
    return value


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or (name == "title" and not value):
        raise RefusedError(f"{name}: expected a string")
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise RefusedError(f"{name}: expected a boolean")
    return value


def read_date(name: str, value: Any) -> datetime | None:
    """Read an instant in any offset; null is none."""
    if value is None:
        return None
    try:
        date = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise RefusedError(f"{name}: expected a timestamp") from None
    if date.tzinfo is None:
        raise RefusedError(f"{name}: a timestamp needs an offset")
    return date.astimezone(UTC)


def _visibility(name: str, value: Any) -> str:
    if value not in ("organization", "private"):
        raise RefusedError(f"{name}: expected organization or private")
    return str(value)


def _list(name: str, value: Any) -> Any:
    if not (value is None or isinstance(value, list)):
        raise RefusedError(f"{name}: expected a list")
    return value


def _any(_: str, value: Any) -> Any:
    return value


_READERS = {
    "text": _text,
    "flag": _flag,
    "date": read_date,
    "visibility": _visibility,
    "list": _list,
    "any": _any,
}
