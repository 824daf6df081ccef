"""What stands beside an incident in Datadog: its attachments, and its unofficial timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from instep.simulator.datadog import parts
from instep.simulator.datadog.incident import Incident, Part, spell_go
from instep.simulator.datadog.parts import JSON_API, ONE, READ, WRITE, Route
from instep.simulator.datadog.writes import (
    RefusedError,
    attributes_of,
    bad,
    data_of,
    generic,
    resource_of,
)
from instep.simulator.wire import Call, Reply, as_json

if TYPE_CHECKING:
    from instep.simulator.datadog import DatadogSimulator

ATTACHMENTS = "incident_attachments"
CELLS = "incident_timeline_cells"
#: What the filter calls the two kinds.
KINDS = {"1": "postmortem", "2": "link"}
TIMELINES = ("absent", "content", "message")


def attached(part: Part, incident_id: str) -> dict[str, Any]:
    """Spell an attachment with what it belongs to."""
    incident = {"data": {"id": incident_id, "type": "incidents"}}
    return {
        "id": part.id,
        "type": ATTACHMENTS,
        "attributes": {**part.values, "modified": spell_go(part.modified)},
        "relationships": {"incident": incident, "last_modified_by_user": part.editor.related()},
    }


def _listed(double: DatadogSimulator, call: Call, incident_id: str) -> Reply:
    """List the attachments, unpaged; the filter is a number, not a name."""
    wanted = call.param("filter[attachment_type]")
    found = [
        one
        for one in _attachable(double, incident_id).attachments
        if wanted is None or one.values["attachment_type"] == KINDS.get(wanted)
    ]
    rows = [attached(one, incident_id) for one in found]
    return as_json({"data": rows, "included": _editors(found)}, kind=JSON_API)


def _attach(double: DatadogSimulator, call: Call, incident_id: str) -> Reply:
    incident = _attachable(double, incident_id)
    given = attributes_of(resource_of(call.body, ATTACHMENTS))
    if given.get("attachment_type") not in KINDS.values():
        raise bad("invalid attachment type")
    values = {"attachment": _document(given), "attachment_type": given["attachment_type"]}
    made = parts.add(double, incident, "attachments", values)
    return _shown(made, incident_id, 201)


def _reattach(double: DatadogSimulator, call: Call, incident_id: str, part_id: str) -> Reply:
    incident = _attachable(double, incident_id)
    part = _attachment(incident, part_id)
    data = resource_of(call.body, ATTACHMENTS)
    if data.get("id") != part_id:
        raise bad("data.id does not match the path")
    values = {"attachment": _document(attributes_of(data))}
    return _shown(parts.change(double, incident, "attachments", part, values), incident_id, 200)


def _detach(double: DatadogSimulator, _: Call, incident_id: str, part_id: str) -> Reply:
    incident = _attachable(double, incident_id)
    parts.remove(double, incident, "attachments", _attachment(incident, part_id))
    return Reply(204)


def _attachable(double: DatadogSimulator, incident_id: str) -> Incident:
    try:
        UUID(incident_id)
    except ValueError:
        raise generic("malformed incident ID") from None
    incident = double.seen(incident_id)
    if incident is None:
        raise generic("incident not found")
    return incident


def _attachment(incident: Incident, part_id: str) -> Part:
    part = parts.pick(incident, "attachments", part_id)
    if part is None:
        raise generic("attachment not found")
    return part


def _document(given: Mapping[str, Any]) -> dict[str, Any]:
    """Read what is attached: a title and an address."""
    document = given.get("attachment")
    if not isinstance(document, dict) or not isinstance(document.get("documentUrl"), str):
        raise bad("invalid attachment")
    return document


def _editors(found: Iterable[Part]) -> list[dict[str, Any]]:
    """Spell those who changed the attachments last, each once."""
    return [user.included() for user in {one.editor.id: one.editor for one in found}.values()]


def _shown(part: Part, incident_id: str, status: int) -> Reply:
    body = {"data": attached(part, incident_id), "included": [part.editor.included()]}
    return as_json(body, status, kind=JSON_API)


def cell_texts(given: Any) -> list[str]:
    """Read the timeline entries that a create carries."""
    cells = given if isinstance(given, list) else []
    contents = [cell.get("content") if isinstance(cell, dict) else None for cell in cells]
    texts = [one.get("content") if isinstance(one, dict) else None for one in contents]
    if not all(isinstance(text, str) for text in texts):
        raise RefusedError("initial_cells: expected cells with content")
    return [str(text) for text in texts]


def write_cell(double: DatadogSimulator, incident: Incident, text: str) -> Part:
    """Write an entry of the timeline."""
    return parts.add(double, incident, "cells", {"cell_type": "markdown", "text": text})


def _timeline(double: DatadogSimulator, _: Call, incident_id: str) -> Reply:
    """List the timeline: it begins with the incident's state, which is no comment."""
    key = _text_key(double)
    incident = double.show(incident_id)
    cells = [_cell(part, incident_id, key) for part in incident.cells]
    first = {
        "type": CELLS,
        "id": incident_id,
        "attributes": {
            "cell_type": "incident_status_change",
            "content": {"action": "created"},
            "created": spell_go(incident.declared),
            "modified": spell_go(incident.declared),
            "source": "datadog",
        },
    }
    return as_json({"data": [first, *cells]})


def _comment(double: DatadogSimulator, call: Call, incident_id: str) -> Reply:
    key = _text_key(double)
    incident = double.show(incident_id)
    given = attributes_of(data_of(call.body, CELLS))
    content = given.get("content")
    text = content.get(key) if isinstance(content, dict) else None
    if given.get("cell_type") != "markdown" or not isinstance(text, str):
        raise RefusedError(f"content: expected an object with {key}")
    return as_json({"data": _cell(write_cell(double, incident, text), incident_id, key)}, 201)


def _text_key(double: DatadogSimulator) -> str:
    """Answer under which name an entry has its text, or refuse: the endpoint is unofficial."""
    if double.timeline == "absent":
        raise RefusedError("Not Found", 404)
    return double.timeline


def _cell(part: Part, incident_id: str, key: str) -> dict[str, Any]:
    attributes = {
        "cell_type": part.values["cell_type"],
        "content": {key: part.values["text"]},
        "created": spell_go(part.created),
        "modified": spell_go(part.modified),
        "incident_id": incident_id,
        "parent_uuid": None,
        "source": "api",
    }
    return {"type": CELLS, "id": part.id, "attributes": attributes, "relationships": part.related()}


ROUTES: list[Route] = [
    ("GET", f"{ONE}/attachments", READ, _listed),
    ("POST", f"{ONE}/attachments", WRITE, _attach),
    ("PATCH", f"{ONE}/attachments/([^/]+)", WRITE, _reattach),
    ("DELETE", f"{ONE}/attachments/([^/]+)", WRITE, _detach),
    ("GET", f"{ONE}/timeline", READ, _timeline),
    ("POST", f"{ONE}/timeline", WRITE, _comment),
]
