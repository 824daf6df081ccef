"""The contract, kept by ProdManager on either of its databases."""

# ruff: noqa: RUF012 - the suite has declared them as class variables

from __future__ import annotations

from instep.simulator.prodmanager import ProdManagerSimulator
from instep.systems.prodmanager import ProdManager
from tests.contract.extras import CommentsSuite, HintsSuite
from tests.contract.served import HttpSuite
from tests.contract.suite import TOKEN


class TestProdManager(CommentsSuite, HttpSuite):
    """ProdManager on SQLite, in UTC."""

    connect = ProdManager.connect
    arguments = {"token": TOKEN}
    double = ProdManagerSimulator
    shown = {"creation_date": r"20\d\d-\d\d-\d\dT\d\d:\d\d", "id": r"\d+"}
    paths = (
        "name",
        "description",
        "severity",
        "status",
        "start_impact_date",
        "investigation_date",
        "stable_date",
        "resolve_date",
        "scope",
        "service",
        "external_link",
        *shown,
    )
    words = {
        "name": "Checkout latency above 5 s",
        "description": "p95 rose at 09:12.",
        "severity": "high",
        "start_impact_date": "2026-02-03T09:12",
        "scope": "eu-west",
        "service": "Checkout",
    }
    change = {"name": "Checkout down", "severity": "critical"}
    moved = ("investigation_date", "stable_date", "resolve_date")
    edit = {"name": "Renamed by a person"}
    edited = ("name", "Renamed by a person")
    offered = {
        "severity": "high",
        "status": "stable",
        "scope": "eu-west",
        "service": "Checkout",
    }
    listed = tuple(offered)
    absent = "title"
    unknown = "99999"
    creating = "POST /api/incident/create"
    updating = "/update"
    listing = "GET /api/incident"
    keeps_keys = False


class TestProdManagerOther(HintsSuite, TestProdManager):
    """ProdManager on PostgreSQL, where ties are not stable, in New York, polled by open."""

    arguments = {"token": TOKEN, "timezone": "America/New_York", "by_open": True}
    switches = {"timezone": "America/New_York", "database": "postgresql"}
    closing = {"status": "resolved"}
    reopening = {"status": "active"}
