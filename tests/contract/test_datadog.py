"""The contract, kept by Datadog; what no source tells is tried both ways."""

# ruff: noqa: RUF012 - the suite has declared them as class variables

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from instep.simulator.datadog import DatadogSimulator
from instep.systems.datadog import Datadog
from tests.contract.extras import HintsSuite, LinksSuite
from tests.contract.served import HttpSuite
from tests.contract.suite import TOKEN, Bench

KEYS: Mapping[str, Any] = {"api_key": "an-api-key", "app_key": TOKEN}


class TestDatadog(HttpSuite):
    """Datadog as its documents have it."""

    connect = Datadog.connect
    arguments = KEYS
    double = DatadogSimulator
    shown = {
        "fields.services[0]": "Checkout",
        "fields.services[-1]": "Search",
        "visibility": "organization",
        "public_id": r"\d+",
        "is_test": "False",
    }
    paths = (
        "title",
        "fields.severity",
        "fields.state",
        "fields.summary",
        "fields.services",
        "commander",
        "customer_impact_start",
        "customer_impact_end",
        "customer_impact_scope",
        "detected",
        "resolved",
        'fields["root_cause"]',
        "modified",
        *shown,
    )
    words = {
        "title": "Checkout latency above 5 s",
        "fields.severity": "SEV-2",
        "fields.state": "active",
        "fields.summary": "p95 rose at 09:12.",
        "fields.services": ("Checkout", "Search"),
        "commander": ("ana@example.com",),
        'fields["root_cause"]': "A full disk.",
    }
    change = {"title": "Checkout down", "fields.severity": "SEV-1", "commander": None}
    moved = ("resolved", "detected", "modified")
    edit = {"title": "Renamed by a person"}
    edited = ("title", "Renamed by a person")
    offered = {
        "fields.severity": "SEV-2",
        "fields.state": "active",
        "commander": "ana@example.com",
    }
    listed = ("fields.severity", "fields.state")
    absent = "fields.nowhere"
    unknown = "00000000-0000-4000-8000-000000000000"
    creating = "POST /api/v2/incidents"
    updating = "PATCH /api/v2/incidents"
    listing = "GET /api/v2/incidents"


class TestDatadogOther(TestDatadog):
    """A Datadog that drops what it does not know and keeps ``resolved`` when it is reopened."""

    switches = {"ignores_unknown": True, "reopening_clears_resolved": False}


class TestDatadogQuiet(TestDatadog):
    """Datadog in a backfill: new incidents are imported."""

    arguments = {**KEYS, "quiet": True}


class TestDatadogOpen(HintsSuite, LinksSuite, TestDatadog):
    """Datadog polled by open, with links as attachments."""

    arguments = {**KEYS, "by_open": True, "link_attachments": True}
    closing = {"state": "resolved"}
    reopening = {"state": "active"}

    async def links(self, bench: Bench, record_id: str) -> Mapping[str, str]:
        """Read the attachments."""
        headers = {"dd-api-key": "an-api-key", "dd-application-key": TOKEN}
        transport = httpx.ASGITransport(bench.double.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://double", headers=headers
        ) as client:
            answer = await client.get(f"/api/v2/incidents/{record_id}/attachments")
        attached = [one["attributes"]["attachment"] for one in answer.json()["data"]]
        return {one["title"]: one["documentUrl"] for one in attached}
