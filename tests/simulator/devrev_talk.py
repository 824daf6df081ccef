"""A conversation with DevRev in every verb, good and bad."""

from __future__ import annotations

from typing import Any

import httpx

from instep.simulator.devrev.lookups import ANA, ARTIFACTS, STAGE_IDS, SYNC_UNITS
from tests.simulator.devrev import walk

ACCOUNT = "ACC-1"
CREATE: dict[str, Any] = {
    "title": "All of it",
    "body": "Text",
    "severity": 2,
    "reported_by": 3,
    "stage": {"stage": STAGE_IDS["fixing"], "notes": "seen"},
    "stage_validation_options": ["allow_non_start"],
    "owned_by": ["DEVU-2", "SVCACC-3", "REVU-131"],
    "applies_to_parts": ["RUNN-5", "PROD-2"],
    "tags": [{"tag_id": "TAG-9", "value": "eu"}, {"tag_id": "TAG-10"}],
    "artifacts": [ARTIFACTS[0].id],
    "pia": ["ART-7"],
    "playbooks": ["ART-7"],
    "related_docs": ["ART-7"],
    "impact": {"count": 1, "customer_ids": [ACCOUNT]},
    "custom_schema_spec": {"tenant_fragment": True, "subtype": "security", "apps": ["monitor"]},
    "custom_fields": {
        "tnt__region": "eu",
        "tnt__level": 2,
        "tnt__retries": 3,
        "tnt__error_rate": 0.5,
        "tnt__customer_facing": True,
        "tnt__review_on": "2026-03-01",
        "tnt__alerted_at": "2026-02-03T09:11:00.5Z",
        "tnt__lead": ANA.id,
        "tnt__cost": {"amount": 12.5, "currency": "EUR"},
        "tnt__channels": ["chat", "phone"],
        "tnt__checks": [True],
        "tnt__codes": [502, 503],
        "tnt__rates": [0.5],
        "tnt__reviews": ["2026-03-01"],
        "tnt__alerts": ["2026-02-03T09:11:00Z"],
        "tnt__helpers": [ANA.id],
        "tnt__costs": [{"amount": 1, "currency": "EUR"}],
        "ctype__cve": "CVE-2026-1",
        "app_monitor__alert_url": "https://alerts.example.com/1",
    },
    "identified_date": "2026-02-03T09:12:00.000Z",
    "external_source_data": {"created_date": "2026-02-03T09:12:00.000Z"},
    "staged_info": {"is_staged": False},
    "sync_metadata": {
        "external_reference": "https://peer/1",
        "origin_system": "peer",
        "last_sync_in": {
            "status": "succeeded",
            "sync_date": "2026-02-03T09:12:00.000Z",
            "sync_unit": SYNC_UNITS[0].id,
        },
    },
}
FILTERS: dict[str, Any] = {
    "modified_date": {"type": "range", "after": "2020-01-01T00:00:00.000Z"},
    "created_date": {"type": "preset", "preset_type": "last_n_days", "days": 9999},
    "severity": [2],
    "stage": [STAGE_IDS["fixing"]],
    "owned_by": ["DEVU-2"],
    "staged_info": {"is_staged": False},
    "custom_fields": {"tnt__region": ["eu"]},
    "sync_metadata": {
        "origin_system": ["peer"],
        "last_sync_in": {"status": ["succeeded"], "sync_unit": [SYNC_UNITS[0].id]},
    },
    "sort_by": ["modified_date:asc"],
}
GROUPED = [
    *("severity", "reported_by", "stage", "owned_by", "applies_to_parts", "tags", "subtype"),
    *("created_date", "created_by", *(f"custom_fields.{name}" for name in CREATE["custom_fields"])),
]


async def said(client: httpx.AsyncClient, verb: str, **body: Any) -> dict[str, Any]:
    """Call a verb with something good."""
    reply = await client.post(f"/{verb}", json=body)
    assert reply.is_success, (verb, reply.text)
    data: dict[str, Any] = reply.json()
    return data


async def talk_of_incidents(client: httpx.AsyncClient) -> str:
    """Make, change, list and group incidents in every way; answer the id of one."""
    made = (await said(client, "incidents.create", **CREATE))["incident"]["id"]
    await said(client, "incidents.create", title="Small")
    await said(
        client,
        "incidents.update",
        id=made,
        severity=1,
        stage={"stage": STAGE_IDS["mitigated"]},
        owned_by={"set": ["DEVU-3"]},
        tags={"set": []},
        impact={"customer_ids": {"set": []}},
        mitigated_date="2026-02-03T10:02:00.000Z",
        custom_schema_spec={"drop": {"subtype": True}},
    )
    await said(client, "incidents.update", id=made, stage={"stage": STAGE_IDS["fixing"]})
    await said(client, "incidents.get", id=made)
    await said(client, "incidents.list", **FILTERS)
    await said(client, "incidents.list", limit=3)
    whole = await said(client, "incidents.create", **CREATE | {"artifacts": []})
    for by in GROUPED:
        answer = await said(client, "incidents.group", group_by=by, limit_per_group=1, limit=2)
        assert answer["groups"], by
    await said(client, "incidents.group", group_by="severity", **FILTERS)
    await said(client, "incidents.delete", id=whole["incident"]["id"])
    return str(made)


async def talk_of_comments(client: httpx.AsyncClient, incident: str) -> None:
    """Write, read, change and delete comments."""
    comment = {"type": "timeline_comment", "object": incident, "body": "Rolled back."}
    more = {"visibility": "internal", "external_ref": "peer:comment:99", "labels": ["peer"]}
    made = (await said(client, "timeline-entries.create", **comment, **more))["timeline_entry"]
    await said(client, "timeline-entries.create", **comment, body_type="text")
    one = {"id": made["id"]}
    await said(client, "timeline-entries.get", **one, external_ref="peer:comment:99")
    change = {"type": "timeline_comment", "body": "Done.", "external_ref": None}
    await said(client, "timeline-entries.update", **one, **change)
    await said(client, "timeline-entries.delete", **one)
    pages = await walk(client, "timeline-entries.list", "timeline_entries", object=incident)
    kinds = {entry["type"] for page in pages for entry in page}
    assert kinds == {"timeline_comment", "timeline_change_event"}
    await said(client, "timeline-entries.list", object=incident, collections=["discussions"])


async def talk_of_the_organisation(client: httpx.AsyncClient) -> None:
    """Ask for everything that turns names into ids, and register a webhook."""
    leaf, spec = {"leaf_type": "incident"}, {"subtype": "security", "apps": ["monitor"]}
    await said(client, "schemas.aggregated.get", **leaf, custom_schema_spec=spec)
    await said(client, "schemas.stock.get", **leaf)
    await said(client, "schemas.custom.list", leaf_type=["incident"], types=["tenant_fragment"])
    await said(client, "schemas.custom.list")
    await said(client, "schemas.subtypes.list", leaf_types=["incident"])
    await said(client, "stage-diagrams.get", **leaf)
    await said(client, "stage-diagrams.list", leaf_type=["incident"])
    await said(client, "stages.custom.list", name=["resolved"], limit=1)
    await said(client, "states.custom.list", is_final=True)
    await said(client, "dev-users.self")
    await said(client, "dev-users.list", state=["active"], limit=2)
    await said(client, "parts.list", name=["Checkout"], type=["runnable"])
    await said(client, "parts.list", parent_part={"parts": ["PROD-2"]})
    await said(client, "tags.create", name="p1", allowed_values=["a"])
    await said(client, "tags.list")
    types = {"url": "https://receiver.example.com", "event_types": ["incident_updated"]}
    hook = {"id": (await said(client, "webhooks.create", **types))["webhook"]["id"]}
    await said(client, "webhooks.get", **hook)
    await said(client, "webhooks.update", **hook, event_types={"add": ["incident_created"]})
    await said(client, "webhooks.list")
    await said(client, "webhooks.delete", **hook)


#: Requests that the document refuses, and the double has to.
WRONG: list[tuple[str, Any]] = [
    ("incidents.create", {}),
    ("incidents.create", {"titel": "T"}),
    ("incidents.create", {"title": "T", "severity": "sev-1"}),
    ("incidents.create", {"title": "T", "stage": STAGE_IDS["triage"]}),
    ("incidents.create", {"title": "T", "stage": {"name": "triage"}}),
    ("incidents.create", {"title": "T", "identified_date": None}),
    ("incidents.create", {"title": "T", "identified_date": "yesterday"}),
    ("incidents.create", {"title": "T", "actual_close_date": "2026-02-03T10:02:00.000Z"}),
    ("incidents.create", {"title": "T", "stage_validation_options": ["allow_invalid_transition"]}),
    ("incidents.create", {"title": "T", "tags": [{"value": "eu"}]}),
    ("incidents.update", {"title": "T"}),
    ("incidents.update", {"id": "INC-1", "owned_by": ["DEVU-2"]}),
    ("incidents.update", {"id": "INC-1", "owned_by": {"add": ["DEVU-2"]}}),
    ("incidents.list", {"modified_date": {"after": "2026-02-03T10:02:00.000Z"}}),
    ("incidents.list", {"modified_date": {"type": "preset", "preset_type": "x", "days": 1}}),
    ("incidents.list", {"severities": [1]}),
    ("incidents.list", {"mode": "sideways"}),
    ("incidents.group", {"limit": 3}),
    ("timeline-entries.create", {"object": "INC-1", "body": "no type"}),
    ("timeline-entries.create", {"object": "INC-1", "type": "x"}),
    ("timeline-entries.create", {"object": "INC-1", "type": "timeline_comment", "text": "x"}),
    ("timeline-entries.update", {"id": "x", "type": "timeline_comment", "visibility": "internal"}),
    ("timeline-entries.list", {}),
    ("timeline-entries.list", {"object": "INC-1", "collections": ["all"]}),
    ("schemas.aggregated.get", {"custom_schema_spec": {"tenant_fragment": True}}),
    ("dev-users.list", {"state": ["awake"]}),
    ("webhooks.list", {"limit": 1}),
    ("webhooks.create", {}),
]
#: Requests that are right by the document, and wrong for this organisation.
REFUSED: list[tuple[str, Any]] = [
    ("incidents.create", {"title": "T", "severity": 9}),
    ("incidents.create", {"title": "T", "stage": {"stage": "DEVU-2"}}),
    ("incidents.create", {"title": "T", "stage": {"stage": STAGE_IDS["resolved"]}}),
    ("incidents.create", {"title": "T", "owned_by": ["DEVU-99"]}),
    ("incidents.create", {"title": "T", "custom_fields": {"tnt__region": "eu"}}),
    ("incidents.create", {"title": "T", "artifacts": [ARTIFACTS[0].id]}),
    ("incidents.update", {"id": "INC-999", "severity": 1}),
    ("incidents.get", {"id": "INC-999"}),
    ("incidents.get", {"id": "nonsense"}),
    ("incidents.delete", {"id": "INC-999"}),
    ("incidents.list", {"limit": 1000}),
    ("incidents.list", {"cursor": "made-up"}),
    ("incidents.group", {"group_by": "weather"}),
    ("timeline-entries.list", {"object": "INC-999"}),
    ("timeline-entries.delete", {"id": "made-up"}),
    ("webhooks.delete", {"id": "don:integration:dvrv-us-1:devo/SIM:webhook/9"}),
]
