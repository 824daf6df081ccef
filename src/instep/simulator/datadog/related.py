"""What is related to an incident in Datadog: impacts, integrations and todos.

Each has its own spelling of times, its own content type and its own errors (all observed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from instep.simulator.datadog import parts
from instep.simulator.datadog.incident import Incident, Part, spell, spell_go
from instep.simulator.datadog.parts import JSON_API, ONE, READ, WRITE, Route
from instep.simulator.datadog.writes import (
    RefusedError,
    attributes_of,
    bad,
    data_of,
    generic,
    read_date,
    resource_of,
)
from instep.simulator.wire import HTML, Call, Reply, as_json

if TYPE_CHECKING:
    from instep.simulator.datadog import DatadogSimulator

IMPACTS = "incident_impacts"
INTEGRATIONS = "incident_integrations"
TODOS = "incident_todos"
#: What the service makes of any status that is sent: entered by hand, and changed by hand.
ENTERED, CHANGED = 3, 4
NO_INCIDENT = "incident not found: failed to get incident: incident not found"


def _impacts(double: DatadogSimulator, _: Call, incident_id: str) -> Reply:
    incident = _impacted(double, incident_id)
    rows = [_impact(part, incident_id) for part in incident.impacts]
    return as_json({"data": rows}, kind=JSON_API)


def _add_impact(double: DatadogSimulator, call: Call, incident_id: str) -> Reply:
    given = attributes_of(resource_of(call.body, IMPACTS))
    if incident_id == str(UUID(int=0)):
        detail = "invalid impact data: incident id is required: invalid impact"
        raise RefusedError({"title": "Bad Request", "detail": detail})
    incident = _impacted(double, incident_id)
    values = {"end_at": None, "fields": None} | _impact_values(given)
    if not {"description", "start_at"} <= values.keys():
        raise bad("invalid impact data: description and start_at are required")
    made = parts.add(double, incident, "impacts", values)
    return as_json({"data": _impact(made, incident_id)}, 201, kind=JSON_API)


def _change_impact(double: DatadogSimulator, call: Call, incident_id: str, part_id: str) -> Reply:
    incident = _impacted(double, incident_id)
    values = _impact_values(attributes_of(resource_of(call.body, IMPACTS)))
    after = parts.change(double, incident, "impacts", _one_impact(incident, part_id), values)
    return as_json({"data": _impact(after, incident_id)}, kind=JSON_API)


def _end_impact(double: DatadogSimulator, _: Call, incident_id: str, part_id: str) -> Reply:
    incident = _impacted(double, incident_id)
    parts.remove(double, incident, "impacts", _one_impact(incident, part_id))
    return Reply(204)


def _impacted(double: DatadogSimulator, incident_id: str) -> Incident:
    incident = double.seen(incident_id)
    if incident is None:
        raise generic(f"rpc error: code = NotFound desc = {NO_INCIDENT}")
    return incident


def _one_impact(incident: Incident, part_id: str) -> Part:
    part = parts.pick(incident, "impacts", part_id)
    if part is None:
        raise generic("rpc error: code = NotFound desc = impact not found: impact not found")
    return part


def _impact_values(given: dict[str, Any]) -> dict[str, Any]:
    known = {name: given[name] for name in ("description", "fields") if name in given}
    dates = {name: given[name] for name in ("start_at", "end_at") if name in given}
    return known | {name: read_date(name, date) for name, date in dates.items()}


def _impact(part: Part, incident_id: str) -> dict[str, Any]:
    incident = {"incident": {"data": {"id": incident_id, "type": "incidents"}}}
    attributes = {
        "created": spell_go(part.created),
        "description": part.values["description"],
        "end_at": spell_go(part.values["end_at"]),
        "fields": part.values["fields"],
        "impact_type": "customer",
        "modified": spell_go(part.modified),
        "start_at": spell_go(part.values["start_at"]),
    }
    related = part.related() | incident
    return {"id": part.id, "type": IMPACTS, "attributes": attributes, "relationships": related}


def _integrations(double: DatadogSimulator, _: Call, incident_id: str) -> Reply:
    """List them in the other family; ``next_offset`` is the size of a page, not of this one."""
    found = double.show(incident_id).integrations
    rows = [_integration(part, spelled=spell_go) for part in found]
    meta = {"pagination": {"offset": 0, "next_offset": 25, "size": len(rows)}}
    return as_json({"data": rows, "meta": meta}, kind=JSON_API)


def _integrate(double: DatadogSimulator, call: Call, incident_id: str) -> Reply:
    incident = double.show(incident_id)
    values = _metadata(call) | {"status": ENTERED, "incident_id": incident_id}
    made = parts.add(double, incident, "integrations", values, new_id=double.named_id())
    return as_json({"data": _integration(made, with_people=True)}, 201)


def _one_integration(double: DatadogSimulator, _: Call, incident_id: str, part_id: str) -> Reply:
    return as_json({"data": _integration(_integrated(double.show(incident_id), part_id))})


def _reintegrate(double: DatadogSimulator, call: Call, incident_id: str, part_id: str) -> Reply:
    incident = double.show(incident_id)
    part, values = _integrated(incident, part_id), _metadata(call) | {"status": CHANGED}
    after = parts.change(double, incident, "integrations", part, values)
    return as_json({"data": _integration(after, with_people=True)})


def _disintegrate(double: DatadogSimulator, _: Call, incident_id: str, part_id: str) -> Reply:
    incident = double.show(incident_id)
    parts.remove(double, incident, "integrations", _integrated(incident, part_id))
    return Reply(204)


def _integrated(incident: Incident, part_id: str) -> Part:
    part = parts.pick(incident, "integrations", part_id)
    if part is None:
        raise generic("incident integration doesn't exist")
    return part


def _metadata(call: Call) -> dict[str, Any]:
    given = attributes_of(data_of(call.body, INTEGRATIONS))
    if given.get("integration_type") not in (1, 7, 8) or not isinstance(
        given.get("metadata"), dict
    ):
        raise RefusedError("integration_type and metadata are required")
    return {name: given[name] for name in ("integration_type", "metadata")}


def _integration(part: Part, *, with_people: bool = False, spelled: Any = spell) -> dict[str, Any]:
    attributes = {
        "created": spelled(part.created),
        "modified": spelled(part.modified),
        **part.values,
        "created_by_uuid": part.author.id,
        "last_modified_by_uuid": part.editor.id,
        **(_people(part) if with_people else {}),
    }
    return _resource(INTEGRATIONS, part, attributes)


def _todos(double: DatadogSimulator, _: Call, incident_id: str) -> Reply:
    rows = [_todo(part, with_uuids=True) for part in double.show(incident_id).todos]
    meta = {"pagination": {"offset": 0, "next_offset": len(rows), "size": len(rows)}}
    return as_json({"data": rows, "meta": meta})


def _add_todo(double: DatadogSimulator, call: Call, incident_id: str) -> Reply:
    incident = double.show(incident_id)
    values = {"completed": None, "due_date": None, "incident_id": incident_id} | _todo_values(call)
    if not {"content", "assignees"} <= values.keys():
        raise RefusedError("content and assignees are required")
    made = parts.add(double, incident, "todos", values, new_id=double.named_id())
    return as_json({"data": _todo(made, with_people=True)}, 201)


def _one_todo(double: DatadogSimulator, _: Call, incident_id: str, part_id: str) -> Reply:
    part = _assigned(double.show(incident_id), part_id)
    return as_json({"data": _todo(part, with_people=True, with_uuids=True)})


def _change_todo(double: DatadogSimulator, call: Call, incident_id: str, part_id: str) -> Reply:
    incident = double.show(incident_id)
    part = _assigned(incident, part_id)
    after = parts.change(double, incident, "todos", part, _todo_values(call))
    return as_json({"data": _todo(after, with_people=True, with_uuids=True)})


def _end_todo(double: DatadogSimulator, _: Call, incident_id: str, part_id: str) -> Reply:
    incident = double.show(incident_id)
    parts.remove(double, incident, "todos", _assigned(incident, part_id))
    return Reply(204, b"", {"content-type": HTML})


def _assigned(incident: Incident, part_id: str) -> Part:
    part = parts.pick(incident, "todos", part_id)
    if part is None:
        raise RefusedError(f"{part_id} not found", 404)
    return part


def _todo_values(call: Call) -> dict[str, Any]:
    given = attributes_of(data_of(call.body, TODOS))
    known = {name: given[name] for name in ("content", "assignees") if name in given}
    dates = {name: given[name] for name in ("completed", "due_date") if name in given}
    return known | {name: spell(read_date(name, date)) for name, date in dates.items()}


def _todo(part: Part, *, with_people: bool = False, with_uuids: bool = False) -> dict[str, Any]:
    """Spell a todo: a new one shows people and no ids of them, a listed one the reverse."""
    attributes = {
        "created": spell(part.created),
        "modified": spell(part.modified),
        **part.values,
        "created_by_uuid": part.author.id if with_uuids else None,
        "last_modified_by_uuid": part.editor.id if with_uuids else None,
        **(_people(part) if with_people else {}),
    }
    return _resource(TODOS, part, attributes)


def _people(part: Part) -> dict[str, Any]:
    return {"created_by": part.author.embedded(), "last_modified_by": part.editor.embedded()}


def _resource(kind: str, part: Part, attributes: dict[str, Any]) -> dict[str, Any]:
    related = {"attributes": attributes, "relationships": part.related()}
    return {"type": kind, "id": part.id, **related}


ROUTES: list[Route] = [
    ("GET", f"{ONE}/impacts", READ, _impacts),
    ("POST", f"{ONE}/impacts", WRITE, _add_impact),
    ("PATCH", f"{ONE}/impacts/([^/]+)", WRITE, _change_impact),
    ("DELETE", f"{ONE}/impacts/([^/]+)", WRITE, _end_impact),
    ("GET", f"{ONE}/relationships/integrations", READ, _integrations),
    ("POST", f"{ONE}/relationships/integrations", WRITE, _integrate),
    ("GET", f"{ONE}/relationships/integrations/([^/]+)", READ, _one_integration),
    ("PATCH", f"{ONE}/relationships/integrations/([^/]+)", WRITE, _reintegrate),
    ("DELETE", f"{ONE}/relationships/integrations/([^/]+)", WRITE, _disintegrate),
    ("GET", f"{ONE}/relationships/todos", READ, _todos),
    ("POST", f"{ONE}/relationships/todos", WRITE, _add_todo),
    ("GET", f"{ONE}/relationships/todos/([^/]+)", READ, _one_todo),
    ("PATCH", f"{ONE}/relationships/todos/([^/]+)", WRITE, _change_todo),
    ("DELETE", f"{ONE}/relationships/todos/([^/]+)", WRITE, _end_todo),
]
