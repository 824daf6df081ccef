"""What may be written into a Datadog incident, and the errors for all else.

Which status and text the core endpoints answer for bad input is assumed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from instep.simulator import datadog_org as org
from instep.simulator.wire import as_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from instep.simulator.datadog_incident import Incident

CREATE = {
    "title": "text",
    "customer_impacted": "flag",
    "customer_impact_scope": "text",
    "fields": "fields",
    "incident_type_uuid": "type",
    "initial_cells": "any",
    "is_test": "flag",
    "notification_handles": "any",
}
PATCH = {
    "title": "text",
    "customer_impacted": "flag",
    "customer_impact_scope": "text",
    "customer_impact_start": "date",
    "customer_impact_end": "date",
    "detected": "date",
    "fields": "fields",
    "notification_handles": "any",
}
IMPORT = {
    "title": "text",
    "declared": "date",
    "detected": "date",
    "resolved": "date",
    "fields": "fields",
    "incident_type_uuid": "type",
    "visibility": "text",
}


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


def generic(detail: str) -> RefusedError:
    """Refuse as the attachment endpoints do; even a malformed id is a 404 there (observed)."""
    return RefusedError({"title": "Generic Error", "detail": detail}, 404)


def data_of(body: bytes, kind: str = "incidents") -> dict[str, Any]:
    """Read the ``data`` of a JSON:API request of that type."""
    data = (as_object(body) or {}).get("data")
    if not isinstance(data, dict) or data.get("type") != kind:
        raise RefusedError(f"invalid data: expected one object of type {kind}")
    return data


class Writer:
    """Reads writes against the fields of the incident type.

    ``ignores_unknown`` drops unknown attributes and fields; otherwise they are refused.
    """

    def __init__(self, types: Mapping[str, str], *, ignores_unknown: bool) -> None:
        """Know the fields by their types."""
        self._types = types
        self._ignores_unknown = ignores_unknown

    def read(self, data: dict[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
        """Answer the changes that ``data`` asks for, by the names of ``Incident``."""
        changes: dict[str, Any] = {}
        for name, value in data.get("attributes", {}).items():
            kind = known.get(name)
            if kind is None:
                self._unknown(name)
            elif kind == "fields":
                changes["fields"] = self._fields(value)
            else:
                changes[name] = _READERS[kind](name, value)
        changes.pop("incident_type_uuid", None)
        changes.pop("initial_cells", None)
        related = data.get("relationships", {})
        if "commander_user" in related:
            changes["commander"] = _commander(related["commander_user"])
        return changes

    def _unknown(self, name: str) -> None:
        if not self._ignores_unknown:
            raise RefusedError(f"unknown or read-only attribute: {name}")

    def _fields(self, fields: Any) -> dict[str, Any]:
        if not isinstance(fields, dict):
            raise RefusedError("fields must be an object")
        known: dict[str, Any] = {}
        for name, entry in fields.items():
            if name not in self._types or name == "slug":
                self._unknown(f"fields.{name}")
            else:
                known[name] = field_value(name, entry, self._types[name])
        return known


def field_value(name: str, entry: Any, kind: str) -> Any:
    """Read one field; the type sent with it is not looked at, only its value is (assumed)."""
    if not isinstance(entry, dict) or "value" not in entry:
        raise RefusedError(f"fields.{name}: value is missing")
    value = entry["value"]
    if kind in org.MULTI:
        if not (value is None or _is_texts(value)):
            raise RefusedError(f"fields.{name}: expected a list of strings")
        return value or None
    return _single(name, value)


def _single(name: str, value: Any) -> Any:
    choices = org.CHOICES.get(name)
    if value is None:
        if name == "state":
            raise RefusedError("fields.state: a value is needed")
        return org.DEFAULTS.get(name)
    if not isinstance(value, str) or (choices and value not in choices):
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


def _date(name: str, value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        date = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise RefusedError(f"{name}: expected a timestamp") from None
    if date.tzinfo is None:
        raise RefusedError(f"{name}: a timestamp needs an offset")
    return date.astimezone(UTC)


def _type(_: str, value: Any) -> str:
    if value != org.INCIDENT_TYPE:
        raise RefusedError(f"incident type {value} not found")
    return org.INCIDENT_TYPE


def _any(_: str, value: Any) -> Any:
    return value


_READERS = {"text": _text, "flag": _flag, "date": _date, "type": _type, "any": _any}


def _commander(relation: Any) -> str | None:
    data = relation.get("data") if isinstance(relation, dict) else None
    if data is None:
        return None
    user = data.get("id") if isinstance(data, dict) else None
    if user not in org.BY_ID:
        raise RefusedError(f"user {user} not found")
    return str(user)


def new_fields(number: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the fields of a new incident: defaults, what was given, and the slug."""
    return {**org.DEFAULTS, **given, "slug": f"IR-{number}"}


def with_responder(incident: Incident, *users: str | None) -> tuple[str, ...]:
    """Answer the responders once these users have joined them."""
    return tuple(dict.fromkeys((*incident.responders, *(user for user in users if user))))
