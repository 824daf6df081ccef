"""Datadog as the wire tests speak to it: incidents, people, types and answers."""

from __future__ import annotations

from typing import Any

import httpx
import respx

from instep.core.model import Record
from instep.systems.datadog import Datadog
from tests.wire.helpers import MARK, over

API = "https://api.datadoghq.eu"
ID = "77afaefe-9585-5eba-9e1e-195149b3dc66"
ANA = "677cf521-0000-4000-8000-000000000001"
DEFAULT = "41d2e10b-4108-4736-92d7-791d00ea0702"
OTHER = "227f4739-0000-4000-8000-000000000002"
BEN = "677cf521-0000-4000-8000-000000000002"
PATHS = [
    "title",
    "fields.severity",
    "fields.state",
    "fields.summary",
    "fields.services",
    "fields.count",
    "commander",
    "customer_impact_start",
    "customer_impact_end",
    "detected",
    "resolved",
    "customer_impact_scope",
]


def incident(number: int = 336599, **attributes: Any) -> dict[str, Any]:
    """Spell an incident as GET and the list do."""
    about = {
        "public_id": number,
        "incident_type_uuid": DEFAULT,
        "title": "Checkout latency",
        "resolved": None,
        "customer_impact_scope": "",
        "customer_impact_start": "2026-02-16T09:40:00+00:00",
        "customer_impact_end": None,
        "customer_impacted": False,
        "created": "2026-02-16T09:47:35.513888+00:00",
        "modified": "2026-02-16T09:47:36.513888+00:00",
        "declared": "2026-02-16T09:47:35.513888+00:00",
        "detected": "2026-02-16T09:47:35.502740+00:00",
        "is_test": False,
        "visibility": "organization",
        "fields": {
            "severity": {"type": "dropdown", "value": "UNKNOWN"},
            "state": {"type": "dropdown", "value": "active"},
            "summary": {"type": "textbox", "value": None},
            "services": {"type": "autocomplete", "value": ["b", "a"]},
            "external_reference": {"type": "textarray", "value": ["TICKET-1", str(MARK)]},
            "slug": {"type": "textbox", "value": f"IR-{number}"},
        },
    }
    people = {"commander_user": {"data": {"type": "users", "id": ANA}}}
    fields = about["fields"] | attributes.pop("fields", {})
    return {
        "type": "incidents",
        "id": ID if number == 336599 else f"{number:08d}-0000-4000-8000-000000000000",
        "attributes": about | attributes | {"fields": fields},
        "relationships": people,
    }


def user(user_id: str, email: str, **more: Any) -> dict[str, Any]:
    """Spell a user as the users endpoints do."""
    return {"type": "users", "id": user_id, "attributes": {"email": email, **more}}


def answer_types(router: respx.MockRouter, **configuration: Any) -> respx.Route:
    """Answer the two incident types of the organisation; the second is its default."""
    types = [
        {"id": OTHER, "attributes": {"name": "Security", "is_default": False}},
        {
            "id": DEFAULT,
            "attributes": {"name": "Default", "is_default": True, "configuration": configuration},
        },
    ]
    return router.get(f"{API}/api/v2/incidents/config/types").respond(json={"data": types})


def answer_definitions(router: respx.MockRouter, **kinds: int) -> respx.Route:
    """Answer definitions of fields, the same ones for every type."""
    rows = [{"attributes": {"name": name, "type": kind}} for name, kind in kinds.items()]
    return router.get(f"{API}/api/v2/incidents/config/user-defined-fields").respond(
        json={"data": rows}
    )


def made(router: respx.MockRouter, paths: list[str] | None = None, **more: Any) -> Datadog:
    """Connect to the router; Ana and Ben are known users, and there are two incident types."""
    answer_types(router)
    router.get(f"{API}/api/v2/users/{ANA}").respond(json={"data": user(ANA, "Ana@example.com")})
    router.get(f"{API}/api/v2/users").respond(
        json={
            "data": [
                user(ANA, "bennet@example.com"),
                user("old", "ben@example.com", disabled=True),
                user(BEN, "ben@example.com"),
            ]
        }
    )
    given: dict[str, Any] = {"api_key": "api", "app_key": "app", "site": "datadoghq.eu"}
    return Datadog.connect(
        "datadog", PATHS if paths is None else paths, transport=over(router), **(given | more)
    )


async def read(system: Datadog, router: respx.MockRouter, raw: dict[str, Any]) -> Record:
    """Read an incident through the connector."""
    router.get(f"{API}/api/v2/incidents/{raw['id']}").respond(json={"data": raw})
    return await system.read(raw["id"])


def answer_list(router: respx.MockRouter, *pages: list[dict[str, Any]]) -> respx.Route:
    """Answer a listing page by page; ``next_offset`` is there even where nothing follows."""
    route = router.get(f"{API}/api/v2/incidents")
    meta = {"pagination": {"offset": 0, "next_offset": 100, "size": 100}}
    route.side_effect = [httpx.Response(200, json={"data": page, "meta": meta}) for page in pages]
    return route


def answer_writes(router: respx.MockRouter) -> tuple[respx.Route, respx.Route]:
    """Answer create, update and get with an incident; relationships as they were before."""
    stale = incident() | {"relationships": {"commander_user": {"data": None}}}
    router.get(f"{API}/api/v2/incidents/{ID}").respond(json={"data": incident()})
    return (
        router.post(f"{API}/api/v2/incidents").respond(201, json={"data": stale}),
        router.patch(f"{API}/api/v2/incidents/{ID}").respond(json={"data": stale}),
    )
