"""What the wire tests of DevRev share: an incident, its organisation, and answers to requests."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
import respx

from instep.core.model import Record
from instep.systems.devrev import DevRev
from tests.wire.helpers import MARK, over

API = "https://api.devrev.ai"
CORE = "don:core:dvrv-us-1:devo/EXAMPLE"
USER = "don:identity:dvrv-us-1:devo/EXAMPLE:devu"
ID = f"{CORE}:incident/12"
PATHS = [
    "title",
    "body",
    "severity",
    "stage",
    "identified_date",
    "actual_close_date",
    "owned_by",
    "applies_to_parts",
    "tags",
    "custom_fields.tnt__ext_status",
    "custom_fields.ctype__rca",
]
REFERENCE = f"{MARK.url}#instep-{MARK.uid}"
INCIDENT: dict[str, Any] = {
    "id": ID,
    "display_id": "INC-12",
    "title": "Checkout latency above 5 s",
    "body": "p95 rose at **09:12**.",
    "created_date": "2026-02-03T09:15:01.207Z",
    "modified_date": "2026-02-03T09:41:12.1Z",
    "severity": {"id": 2, "label": "sev-1", "ordinal": 2},
    "stage": {"stage": {"id": f"{CORE}:custom_stage/41", "name": "acknowledged"}},
    "identified_date": "2026-02-03T09:12:00Z",
    "owned_by": [
        {"type": "dev_user", "id": f"{USER}/7", "email": "Ana@Example.com"},
        {"type": "sys_user", "id": f"{USER}/0"},
    ],
    "applies_to_parts": [{"type": "runnable", "id": f"{CORE}:runnable/5", "name": "checkout-api"}],
    "tags": [{"tag": {"id": f"{CORE}:tag/9", "name": "region"}, "value": "eu"}],
    "custom_fields": {"tnt__ext_status": "monitoring"},
    "sync_metadata": {"external_reference": REFERENCE, "origin_system": "datadog"},
}
SCHEMA: dict[str, Any] = {
    "custom_fields": [{"name": "tnt__ext_status", "field_type": "text"}],
    "stock_fields": [
        {"name": "title"},
        {
            "name": "severity",
            "allowed_values": [
                {"id": 1, "label": "sev-0"},
                {"id": 2, "label": "sev-1"},
                {"id": 9, "label": "sev-9", "is_deprecated": True},
            ],
        },
        {
            "name": "reported_by",
            "allowed_values": [{"id": 1, "label": "Customer"}, {"id": 3, "label": "System"}],
        },
    ],
}
STAGES = {
    "stage_diagram": {
        "stages": [
            {"stage": {"id": f"{CORE}:custom_stage/40", "name": "triage"}},
            {"stage": {"id": f"{CORE}:custom_stage/46", "name": "resolved"}},
        ]
    }
}


def made(
    router: respx.MockRouter,
    paths: Collection[str] = PATHS,
    *,
    schema: dict[str, Any] = SCHEMA,
    **more: Any,
) -> DevRev:
    """Connect to the router, which answers this schema."""
    router.post(f"{API}/schemas.aggregated.get").respond(json={"schema": schema})
    return DevRev.connect("devrev", paths, token="tok", transport=over(router), **more)


def answer_names(router: respx.MockRouter) -> None:
    """Answer the look-ups of names."""
    router.post(f"{API}/stage-diagrams.get").respond(json=STAGES)
    router.post(f"{API}/dev-users.list").respond(
        json={"dev_users": [{"id": f"{USER}/8", "email": "Ben@example.com"}]}
    )
    router.post(f"{API}/parts.list").respond(
        json={
            "parts": [
                {"id": f"{CORE}:runnable/6", "name": "search"},
                {"id": f"{CORE}:runnable/7", "name": "search"},
            ]
        }
    )
    router.post(f"{API}/tags.list").respond(json={"tags": [{"id": f"{CORE}:tag/3", "name": "p1"}]})


def answer_writes(router: respx.MockRouter, raw: dict[str, Any] | None = None) -> respx.Route:
    """Answer create, update and get with an incident; give the route of the update."""
    body = {"incident": raw or INCIDENT}
    router.post(f"{API}/incidents.get").respond(json=body)
    router.post(f"{API}/incidents.create").respond(201, json=body)
    return router.post(f"{API}/incidents.update").respond(json=body)


def bodies(router: respx.MockRouter, verb: str) -> list[Any]:
    """Give the bodies of all requests to one verb, in order."""
    calls = [call.request for call in router.calls if call.request.url.path == f"/{verb}"]
    return [orjson.loads(request.content) for request in calls]


async def read(system: DevRev, router: respx.MockRouter, raw: dict[str, Any]) -> Record:
    """Read an incident through the connector."""
    router.post(f"{API}/incidents.get").respond(json={"incident": raw})
    return await system.read(raw["id"])
