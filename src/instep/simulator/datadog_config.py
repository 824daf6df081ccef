"""The endpoints around Datadog's incidents: types, fields, users, attachments and keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from instep.simulator import datadog_org as org
from instep.simulator.datadog_writes import RefusedError
from instep.simulator.wire import Call, Reply, as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from instep.simulator.datadog_incident import Incident
    from instep.simulator.seed import Story

VALIDATE = ("/api/v1/validate", "/api/v2/validate")
JSON_API = "application/vnd.api+json"
ATTACHMENT_KINDS = {"1": "postmortem", "2": "link"}
STATES = {"active": "active", "investigating": "active", "stable": "stable"}


def validate(call: Call) -> Reply:
    """Answer whether the API key is one; without a key it is 403, not 401 (observed)."""
    if not call.header("dd-api-key"):
        raise RefusedError("API key required", 403)
    if call.path == VALIDATE[0]:
        return as_json({"valid": True})
    attributes = {"valid": True, "api_key_id": org.ORG, "api_key_scopes": []}
    return as_json({"data": {"type": "validate_v2", "id": org.ORG, "attributes": attributes}})


def types(_: Call) -> Reply:
    """List the incident types: just the default one."""
    return as_json({"data": [org.incident_type()]}, kind=JSON_API)


def one_type(_: Call, type_id: str) -> Reply:
    """Show an incident type."""
    if type_id != org.INCIDENT_TYPE:
        raise RefusedError({"status": "404", "title": "Not Found"}, 404)
    return as_json({"data": org.incident_type()}, kind=JSON_API)


def fields(call: Call, known: Mapping[str, str]) -> Reply:
    """List the fields of a type; pages have a number here, not an offset."""
    wanted = call.param("filter[incident-type]")
    shown = known if wanted in {None, org.INCIDENT_TYPE} else {}
    size, number = _number(call, "page[size]", 1000), _number(call, "page[number]", 0)
    page = [org.field_view(name, kind) for name, kind in shown.items()]
    page = page[size * number : size * (number + 1)]
    meta = {"offset": size * number, "size": len(page)}
    return as_json({"data": page, "meta": meta}, kind=JSON_API)


def users(call: Call) -> Reply:
    """List the people whose e-mail or name contains ``filter``."""
    text = (call.param("filter") or "").lower()
    found = [one for one in org.USERS if text in one.email or text in one.name.lower()]
    size, number = _number(call, "page[size]", 10), _number(call, "page[number]", 0)
    page = {"total_count": len(org.USERS), "total_filtered_count": len(found)}
    rows = [user.view() for user in found[size * number : size * (number + 1)]]
    return as_json({"data": rows, "meta": {"page": page}})


def one_user(_: Call, user_id: str) -> Reply:
    """Show one user."""
    if user_id not in org.BY_ID:
        raise RefusedError("User not found", 404)
    return as_json({"data": org.BY_ID[user_id].view()})


def permissions(_: Call) -> Reply:
    """List the permissions of the organisation."""
    return as_json({"data": [org.permission(name) for name in org.PERMISSIONS]})


def _number(call: Call, name: str, default: int) -> int:
    text = call.param(name) or ""
    return int(text) if text.isdigit() else default


def included(include: str, page: list[Incident]) -> list[dict[str, Any]]:
    """Answer the resources that ``include`` adds to a page of incidents."""
    wanted = include.split(",")
    extra: list[dict[str, Any]] = []
    if "users" in wanted:
        people = {user for one in page for user in (one.author, one.editor, one.commander)}
        extra += [user.included() for user in org.USERS if user.id in people]
    if "attachments" in wanted:
        extra += [attached(made, one.id) for one in page for made in one.attachments]
    return extra


def attachment(data: dict[str, Any], new_id: str, now: datetime) -> dict[str, Any]:
    """Read a new attachment."""
    attributes = data.get("attributes", {})
    kind, inner = attributes.get("attachment_type"), attributes.get("attachment")
    if kind not in ATTACHMENT_KINDS.values() or not isinstance(inner, dict):
        raise RefusedError(
            {"status": "400", "title": "Bad Request", "detail": "invalid attachment"}
        )
    modified = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    shown = {"attachment": inner, "attachment_type": kind, "modified": modified}
    return {"id": new_id, "type": "incident_attachments", "attributes": shown}


def attached(made: dict[str, Any], incident_id: str) -> dict[str, Any]:
    """Spell an attachment with what it belongs to."""
    related = {
        "incident": {"data": {"id": incident_id, "type": "incidents"}},
        "last_modified_by_user": {"data": {"id": org.BOT.id, "type": "users"}},
    }
    return made | {"relationships": related}


def attachments(call: Call, incident: Incident) -> Reply:
    """List an incident's attachments, unpaged; the filter is a number, not a name."""
    wanted = call.param("filter[attachment_type]")
    rows = [
        attached(made, incident.id)
        for made in incident.attachments
        if wanted is None or made["attributes"]["attachment_type"] == ATTACHMENT_KINDS.get(wanted)
    ]
    return as_json({"data": rows, "included": [org.BOT.included()]}, kind=JSON_API)


def seeded(story: Story, number: int) -> dict[str, Any]:
    """Tell ``story`` as Datadog keeps it; many people never note the impact on customers."""
    noted = story.phase == "stable" or number % 3 == 0
    return {
        "title": story.title,
        "created": story.opened,
        "declared": story.opened,
        "detected": story.opened,
        "modified": story.changed,
        "resolved": story.resolved,
        "customer_impacted": noted,
        "customer_impact_scope": f"Customers of {story.part}" if noted else None,
        "customer_impact_start": story.started if noted else None,
        "customer_impact_end": story.mitigated if noted else None,
        "commander": org.BY_EMAIL[story.owner].id if story.acknowledged else None,
        "fields": {
            "severity": f"SEV-{story.severity + 1}",
            "state": STATES.get(story.phase, "resolved"),
            "summary": story.summary,
            "services": [story.part],
            "detection_method": "monitor",
        },
    }
