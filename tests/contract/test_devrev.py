"""The contract, kept by DevRev; what no source tells is tried both ways."""

# ruff: noqa: RUF012 - the suite has declared them as class variables

from __future__ import annotations

from instep.simulator.devrev import DevRevSimulator
from instep.systems.devrev import DevRev
from tests.contract.extras import CensusSuite, CommentsSuite
from tests.contract.served import HttpSuite
from tests.contract.suite import TOKEN


class TestDevRev(CensusSuite, CommentsSuite, HttpSuite):
    """DevRev as its documents have it."""

    connect = DevRev.connect
    arguments = {"token": TOKEN}
    double = DevRevSimulator
    shown = {
        "stage.state.name": "in_progress",
        "applies_to_parts[0].name": "Checkout",
        "created_by.email": "instep-bot@example.com",
        "display_id": r"INC-\d+",
    }
    paths = (
        "title",
        "body",
        "severity",
        "stage",
        "identified_date",
        "acknowledged_date",
        "actual_close_date",
        "owned_by",
        "applies_to_parts",
        "tags",
        "custom_fields.tnt__ext_status",
        'custom_fields["tnt__region"]',
        "modified_date",
        *shown,
    )
    words = {
        "title": "Checkout latency above 5 s",
        "body": "p95 rose at **09:12**.",
        "severity": "sev-1",
        "stage": "acknowledged",
        "identified_date": "2026-02-03T09:12:00Z",
        "owned_by": ("ana@example.com", "ben@example.com"),
        "applies_to_parts": ("Checkout",),
        "tags": ("customer-visible",),
        "custom_fields.tnt__ext_status": "monitoring",
        'custom_fields["tnt__region"]': "eu",
    }
    change = {"title": "Checkout down", "severity": "sev-0"}
    moved = ("actual_close_date", "modified_date")
    edit = {"title": "Renamed by a person"}
    edited = ("title", "Renamed by a person")
    offered = {
        "severity": "sev-1",
        "stage": "acknowledged",
        'custom_fields["tnt__region"]': "eu",
        "owned_by": "Ana@example.com",
        "applies_to_parts": "Checkout",
        "tags": "region",
    }
    listed = ("severity", "stage", 'custom_fields["tnt__region"]')
    absent = "custom_fields.tnt__nowhere"
    unknown = "don:core:dvrv-us-1:devo/SIM:incident/99999"
    creating = "incidents.create"
    updating = "incidents.update"
    listing = "incidents.list"


class TestDevRevOther(TestDevRev):
    """A DevRev that replaces sync metadata, answers 400 for what is missing and has no diagram."""

    switches = {"missing": 400, "sync_metadata": "replace", "transitions": False}


class TestDevRevByGroup(TestDevRev):
    """DevRev polled group by group."""

    arguments = {"token": TOKEN, "group_by": "severity"}


class TestDevRevReference(TestDevRev):
    """A DevRev that does not let its sync metadata be written: the mark is in a custom field."""

    arguments = {"token": TOKEN, "reference": "custom_fields.tnt__external_reference"}
    switches = {"sync_metadata": "refuse"}
