"""What the wire tests of ProdManager share: incidents, listings and a connector to a router."""

from __future__ import annotations

import time
from typing import Any

import httpx
import orjson
import respx

from instep.core.model import Record
from instep.systems.prodmanager import ProdManager
from tests.wire.helpers import MARK, over

URL = "https://status.example.com"
API = f"{URL}/api"
PATHS = [
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
]
CREATED = {"content": orjson.dumps({"name": "n"}).decode(), "type": "create", "internal": True}
NAMES = {"scope": ("eu-west", "us-east"), "service": ("Search", "Checkout")}


def incident(number: int = 3, **more: Any) -> dict[str, Any]:
    """Spell an incident as lists and get do."""
    return {
        "id": number,
        "name": "Disk full",
        "description": "Line 1\nLine 2",
        "severity": "critical",
        "status": "stable",
        "creation_date": "2026-11-21T15:39",
        "start_impact_date": "2024-02-18T13:19",
        "investigation_date": "2024-02-18T13:30",
        "stable_date": "2024-02-18T14:00",
        "resolve_date": None,
        "scope": 1,
        "service": 2,
        "external_reference": str(MARK),
        "external_link": MARK.url,
        "events": [{"content": "x", "type": "comment"}, CREATED],
    } | more


def listing(rows: list[Any], *, total: int | None = None, following: object = "None") -> Any:
    """Answer one page; what follows is in the headers, as text."""
    headers = {"x-next-page": str(following)}
    headers |= {"x-total": str(len(rows) if total is None else total)}
    return httpx.Response(200, json={"items": rows}, headers=headers)


def who(**more: Any) -> httpx.Response:
    """Answer who the token is: one that may write, and is good for a month."""
    about = {"name": "connector", "exp": time.time() + 30 * 86400, "permissions": ["incident_api"]}
    return httpx.Response(200, json={"playload": about | more})


def made(router: respx.MockRouter, paths: list[str] | None = None, **more: Any) -> ProdManager:
    """Connect to the router, with a token that will do, and two scopes and services."""
    router.get(f"{API}/token/whoami", name="whoami").mock(side_effect=lambda _: who())
    for kind, names in NAMES.items():
        rows = [{"id": number, "name": name} for number, name in enumerate(names, 1)]
        route = router.get(f"{API}/{kind}", name=kind)
        route.mock(side_effect=lambda _, rows=rows: listing(rows))
    given: dict[str, Any] = {"token": "tok", "url": f"{URL}/", "timezone": "America/New_York"}
    used = PATHS if paths is None else paths
    return ProdManager.connect("status", used, transport=over(router), **(given | more))


async def read(system: ProdManager, router: respx.MockRouter, raw: dict[str, Any]) -> Record:
    """Read an incident through the connector."""
    router.get(f"{API}/incident/{raw['id']}").respond(json=raw)
    return await system.read(str(raw["id"]))


async def ids(system: ProdManager, since: str | None = None, *watch: str) -> list[str]:
    """List, and name what was shown, in that order."""
    return [one.id async for page in system.changes(since, watch) for one in page.records]


def redirect(router: respx.MockRouter, path: str, location: str | None = None) -> respx.Route:
    """Answer a write as the service does: a redirect, built from any host."""
    place = location or "http://internal:8080/api/incident/3"
    return router.post(f"{API}/incident/{path}").respond(302, headers={"Location": place})
