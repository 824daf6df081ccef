"""The endpoints around Datadog's incidents: types, fields, users and keys."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid5

from instep.simulator.datadog import org
from instep.simulator.datadog.parts import JSON_API, Route
from instep.simulator.datadog.types import KINDS, Definition, IncidentType, field_id, stock
from instep.simulator.datadog.writes import RefusedError, attributes_of, bad, data_of, resource_of
from instep.simulator.wire import Call, Reply, as_json

if TYPE_CHECKING:
    from instep.simulator.datadog import DatadogSimulator

VALIDATE = ("/api/v1/validate", "/api/v2/validate")
CONFIG = "/api/v2/incidents/config"
FIELD = "user_defined_field"


def validate(call: Call) -> Reply:
    """Answer whether the API key is one; without a key it is 403, not 401 (observed)."""
    if not call.header("dd-api-key"):
        raise RefusedError("API key required", 403)
    if call.path == VALIDATE[0]:
        return as_json({"valid": True})
    attributes = {"valid": True, "api_key_id": org.ORG, "api_key_scopes": []}
    return as_json({"data": {"type": "validate_v2", "id": org.ORG, "attributes": attributes}})


def _types(double: DatadogSimulator, _: Call) -> Reply:
    """List the incident types, the default first."""
    return as_json({"data": [one.view() for one in double.types.everything()]}, kind=JSON_API)


def _one_type(double: DatadogSimulator, _: Call, type_id: str) -> Reply:
    found = double.types.get(type_id)
    if found is None:
        raise RefusedError({"status": "404", "title": "Not Found"}, 404)
    return as_json({"data": found.view()}, kind=JSON_API)


def _add_type(double: DatadogSimulator, call: Call) -> Reply:
    """Make a type: it has the stock fields, and none of those that were added to another."""
    given = attributes_of(resource_of(call.body, "incident_types"))
    if not given.get("name"):
        raise bad("name is required")
    new_id, old = double.random_id(), double.types.default
    severities, states = (old.definitions[name].choices for name in ("severity", "state"))
    made = replace(
        old,
        id=new_id,
        name=given["name"],
        description=given.get("description", ""),
        definitions=stock(new_id, severities, states, {}),
        is_default=bool(given.get("is_default")),
    )
    double.types.put(made)
    return as_json({"data": made.view()}, 201, kind=JSON_API)


def _fields(double: DatadogSimulator, call: Call) -> Reply:
    """List the fields of all types or of one; pages have a number here, not an offset."""
    wanted = call.param("filter[incident-type]")
    types = [one for one in double.types.everything() if wanted in {None, one.id}]
    found = [field.view(one.id) for one in types for field in one.definitions.values()]
    size, number = _number(call, "page[size]", 1000), _number(call, "page[number]", 0)
    page = found[size * number : size * (number + 1)]
    meta = {"offset": size * number, "size": len(page)}
    return as_json({"data": page, "meta": meta}, kind=JSON_API)


def _define(double: DatadogSimulator, call: Call) -> Reply:
    """Add a field to a type (documented; no such request was recorded)."""
    data = resource_of(call.body, FIELD)
    kind = _type_of(double, data)
    given = attributes_of(data)
    name, number = given.get("name"), given.get("type")
    kinds = {number: name for name, number in KINDS.items()}
    if not _is_name(name) or not isinstance(number, int) or number not in kinds:
        raise bad("name and type are required")
    if name in kind.definitions:
        raise bad(f"a field named {name} exists already")
    made = Definition(
        id=field_id(kind.id, str(name)),
        name=str(name),
        kind=kinds[number],
        display_name=given.get("display_name", ""),
        choices=tuple(one["value"] for one in given.get("valid_values") or ()),
        default=given.get("default_value"),
        is_required=bool(given.get("required")),
        category=given.get("category"),
        collected=given.get("collected"),
    )
    double.define(kind, made)
    return as_json({"data": made.view(kind.id)}, 201, kind=JSON_API)


def _type_of(double: DatadogSimulator, data: dict[str, Any]) -> IncidentType:
    related = data.get("relationships", {}).get("incident_type", {}).get("data", {})
    found = double.types.get(related.get("id"))
    if found is None:
        raise bad("relationships.incident_type is required")
    return found


def _is_name(name: Any) -> bool:
    """Answer whether a field may be called that (documented)."""
    return isinstance(name, str) and bool(re.fullmatch(r"[A-Za-z0-9][\w.]*", name, re.ASCII))


def _users(double: DatadogSimulator, call: Call) -> Reply:
    """List the people whose e-mail or name contains ``filter``, disabled and pending ones too."""
    text = (call.param("filter") or "").lower()
    statuses = {one for one in (call.param("filter[status]") or "").split(",") if one}
    everybody = double.people.everybody()
    named = [one for one in everybody if text in f"{one.email}\n{one.name or ''}".lower()]
    found = [one for one in named if not statuses or one.status in statuses]
    size, number = _number(call, "page[size]", 10), _number(call, "page[number]", 0)
    page = {"total_count": len(everybody), "total_filtered_count": len(found)}
    rows = [user.view() for user in found[size * number : size * (number + 1)]]
    return as_json({"data": rows, "meta": {"page": page}})


def _one_user(double: DatadogSimulator, _: Call, user_id: str) -> Reply:
    return as_json({"data": _somebody(double, user_id).view()})


def _invite(double: DatadogSimulator, call: Call) -> Reply:
    """Create a user, who is pending and has no name (observed)."""
    given = attributes_of(data_of(call.body, "users"))
    email = given.get("email")
    if not isinstance(email, str) or "@" not in email:
        raise RefusedError("email is required")
    if double.people.named(email):
        raise RefusedError("User already exists", 409)
    new_id = str(uuid5(org.SPACE, email.lower()))
    return as_json({"data": double.people.invite(new_id, email, given.get("title")).view()}, 201)


def _disable(double: DatadogSimulator, _: Call, user_id: str) -> Reply:
    double.people.disable(_somebody(double, user_id))
    return Reply(204)


def _somebody(double: DatadogSimulator, user_id: str) -> org.User:
    found = double.people.get(user_id)
    if found is None:
        raise RefusedError("User not found", 404)
    return found


def _permissions(_: DatadogSimulator, __: Call) -> Reply:
    return as_json({"data": [org.permission(name) for name in org.PERMISSIONS]})


def _number(call: Call, name: str, default: int) -> int:
    text = call.param(name) or ""
    return int(text) if text.isdigit() else default


ROUTES: list[Route] = [
    ("GET", f"{CONFIG}/types", "incident_settings_read", _types),
    ("POST", f"{CONFIG}/types", "incident_settings_write", _add_type),
    ("GET", f"{CONFIG}/types/([^/]+)", "incident_read", _one_type),
    ("GET", f"{CONFIG}/user-defined-fields", "incident_read", _fields),
    ("POST", f"{CONFIG}/user-defined-fields", "incident_settings_write", _define),
    ("GET", "/api/v2/users", "user_access_read", _users),
    ("POST", "/api/v2/users", "user_access_invite", _invite),
    ("GET", "/api/v2/users/([^/]+)", "user_access_read", _one_user),
    ("DELETE", "/api/v2/users/([^/]+)", "user_access_manage", _disable),
    ("GET", "/api/v2/permissions", "", _permissions),
]
