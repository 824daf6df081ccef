"""DevRev's double and connector against the OpenAPI document, which neither was written from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from instep.app import opened
from instep.config import loads
from instep.core.model import Mark, Words
from instep.engine.cycle import run_cycle
from instep.errors import Gone, Rejected
from instep.simulator.datadog import DatadogSimulator
from instep.simulator.devrev import DevRevSimulator
from instep.simulator.devrev.lookups import SYNC_UNITS
from instep.simulator.devrev.shapes import SHAPES
from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.world import World
from instep.systems.devrev import DevRev
from tests.simulator.devrev_talk import (
    CREATE,
    GROUPED,
    REFUSED,
    WRONG,
    said,
    talk_of_comments,
    talk_of_incidents,
    talk_of_the_organisation,
)
from tests.simulator.openapi import BESIDE, Judged, document

MARK = Mark("datadog", "IR-7", "7f2c9ab41d0e", "https://origin.example.com/incidents/IR-7")
HEADERS = {"authorization": "Bearer t", "x-devrev-scope": "beta"}


@pytest.fixture(autouse=True)
def _document() -> None:
    document()


@pytest.fixture
def double(world: World) -> DevRevSimulator:
    """Answer a DevRev with eight incidents."""
    return DevRevSimulator(world)


@pytest.fixture
def judged(double: DevRevSimulator) -> Judged:
    """Answer a transport to it that judges."""
    return Judged(httpx.ASGITransport(double.app))


@pytest.fixture
async def client(judged: Judged) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client that is judged."""
    async with httpx.AsyncClient(
        transport=judged, base_url="http://double", headers=HEADERS
    ) as made:
        yield made


async def test_all_that_the_double_says_fits_the_document(
    double: DevRevSimulator, client: httpx.AsyncClient, judged: Judged
) -> None:
    """A conversation with every verb, good and bad, in either form, has not one fault."""
    incident = await talk_of_incidents(client)
    await talk_of_comments(client, incident)
    await talk_of_the_organisation(client)
    for path in ("incidents.list?severity=1,2&limit=3", f"incidents.get?id={incident}"):
        assert (await client.get(f"/{path}")).is_success
    assert judged.faults == []
    for verb, body in REFUSED:
        assert (await client.post(f"/{verb}", json=body)).is_error, (verb, body)
    assert (await client.get("/incidents.gett")).status_code == 404
    assert [one for one in judged.faults if "incidents.gett" not in one] == []
    assert judged.verbs - {"incidents.gett"} == SHAPES.keys() - BESIDE - {"links.list"}


async def test_what_the_document_refuses_the_double_refuses(
    client: httpx.AsyncClient, judged: Judged
) -> None:
    """Whatever the document finds wrong in a request is a 400, in an error that it knows."""
    for verb, body in WRONG:
        assert (await client.post(f"/{verb}", json=body)).status_code == 400, (verb, body)
    for content, headers in ((b"{", {"content-type": "application/json"}), (b"{}", {})):
        reply = await client.post("/incidents.list", content=content, headers=headers)
        assert reply.status_code == 400
    assert [fault for one in judged.exchanges for fault in one.answered] == []
    # What the document says nothing about: a content type, which every request needs.
    assert [one.verb for one in judged.exchanges if not one.asked] == ["incidents.list"]


@pytest.mark.parametrize("kind", ["401", "403", "429", "500-before"])
async def test_trouble_fits_the_document(
    world: World, client: httpx.AsyncClient, judged: Judged, kind: str
) -> None:
    """An unknown token, a missing permission, a rate limit and an error answer as documented."""
    world.fault("list", kind)
    assert (await client.post("/incidents.list", json={})).is_error
    assert judged.faults == []


@pytest.mark.parametrize(
    "switches",
    [
        {"newer": True, "group_lists": True, "service_account": True, "relabelled": True},
        {"missing": 400, "empty_pages": True, "totals": False, "required_by_stage": True},
        {"unauthorized": "token_expired", "comment_moves_modified": True},
    ],
)
async def test_switched_doubles_fit_the_document(world: World, switches: Mapping[str, Any]) -> None:
    """Whatever is not known of the service stays within the document, either way."""
    judged = Judged(httpx.ASGITransport(DevRevSimulator(world, **switches).app))
    async with httpx.AsyncClient(transport=judged, base_url="http://x", headers=HEADERS) as client:
        incident = (await said(client, "incidents.create", **CREATE))["incident"]["id"]
        for by in GROUPED:
            await said(client, "incidents.group", group_by=by)
        await talk_of_comments(client, incident)
        world.fault("get", "401")
        for verb, body in REFUSED:
            await client.post(f"/{verb}", json=body)
    assert judged.faults == []


PATHS = (
    *("title", "body", "severity", "stage", "state", "reported_by", "source", "subtype"),
    *("identified_date", "acknowledged_date", "mitigated_date", "target_close_date"),
    *("actual_close_date", "owned_by", "applies_to_parts", "tags"),
    *("custom_fields.tnt__region", "custom_fields.tnt__level", "custom_fields.tnt__channels"),
    *("custom_fields.tnt__lead", "custom_fields.tnt__alerted_at", "custom_fields.ctype__cve"),
)
WORDS: Words = {
    "title": "Checkout latency above 5 s",
    "body": "p95 rose at **09:12**.",
    "severity": "sev-1",
    "reported_by": "Internal Users",
    "stage": "fixing",
    "identified_date": "2026-02-03T09:12:00Z",
    "acknowledged_date": "2026-02-03T09:13:00.5Z",
    "mitigated_date": "2026-02-03T09:14:00.123456Z",
    "target_close_date": "2026-02-04T09:14:00Z",
    "owned_by": ("ana@example.com", "farid.haddad@example.com", "nobody@example.com"),
    "applies_to_parts": ("Checkout", "Search"),
    "tags": ("customer-visible",),
    "custom_fields.tnt__region": "eu",
    "custom_fields.tnt__level": "high",
    "custom_fields.tnt__channels": ("chat", "phone"),
    "custom_fields.tnt__alerted_at": "2026-02-03T09:11:00Z",
}
CHANGE: Words = {
    "title": "Checkout down",
    "body": None,
    "severity": "sev-0",
    "stage": "resolved",
    "owned_by": (),
    "applies_to_parts": ("Payments",),
    "tags": None,
    "custom_fields.tnt__region": "us",
}


async def listed(system: DevRev, since: str | None) -> str:
    """Walk a listing; answer where the next one may begin."""
    cursor = since
    async for page in system.changes(since):
        cursor = page.cursor
    assert cursor
    return cursor


async def drive(system: DevRev, double: DevRevSimulator) -> None:
    """Do everything that the connector can do."""
    await system.check()
    cursor = await listed(system, None)
    # From long ago on, groups have more members than fit on a page.
    await listed(system, "2020-01-01T00:00:00Z")
    written = await system.create(WORDS, MARK)
    double.edit(written.record.id, title="By a person", owned_by=["gwen"], subtype="security")
    await listed(system, cursor)
    await system.census()
    assert [one.id for one in await system.find(MARK)] == [written.record.id]
    written = await system.update(await system.read(written.record.id), CHANGE)
    await system.update(written.record, {"custom_fields.ctype__cve": "CVE-2026-1"})
    await system.update(written.record, {"source": None})
    await system.say(written.record.id, "Said once.", "instep:1")
    await system.say(written.record.id, "Said once.", "instep:1")
    double.delete_comment(double.comment(written.record.id, "By a person."))
    assert [one.text for one in await system.comments(written.record.id)] == ["Said once."]
    with pytest.raises(Rejected):
        await system.update(written.record, {"severity": "no such"})
    await system.delete(written.record.id)
    with pytest.raises((Gone, Rejected)):
        await system.read(written.record.id)


SMALL = {"max_limit": 20, "over_limit": "clamp"}


@pytest.mark.parametrize(
    ("switches", "settings"),
    [
        ({}, {}),
        *((SMALL, {"group_by": by}) for by in ("severity", "stage", "tags")),
        (SMALL | {"max_limit": 5}, {"group_by": "created_date"}),
        (SMALL | {"totals": False}, {"group_by": "custom_fields.tnt__region"}),
        ({"missing": 400, "transitions": False}, {"group_by": "stage"}),
        ({"group_lists": True, "totals": False}, {"group_by": "owned_by"}),
        ({"empty_pages": True}, {"group_by": "created_date"}),
        ({"sync_metadata": "refuse"}, {"reference": "custom_fields.tnt__external_reference"}),
        ({"newer": True, "email_case": "folded", "schema_prefixes": False}, {"foreign": True}),
    ],
)
async def test_all_that_the_connector_asks_fits_the_document(
    world: World, switches: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    """Driven through everything it can do, the connector never asks what the document refuses."""
    double = DevRevSimulator(world, incidents=120, **switches)
    double.add(origin_system="jira", sync_unit=SYNC_UNITS[0].id)
    judged = Judged(httpx.ASGITransport(double.app))
    system = DevRev.connect(
        "devrev", PATHS, token="t", version="2024-01-24", transport=judged, **settings
    )
    await drive(system, double)
    await system.close()
    assert judged.faults == []
    spoken = {"incidents.list", "incidents.create", "incidents.update", "incidents.delete"}
    spoken |= {"timeline-entries.create", "timeline-entries.list", "incidents.group"}
    assert spoken <= judged.verbs


CONFIG = """\
ledger: "sqlite:///{ledger}"
systems:
  devrev: {{type: devrev, token: t}}
  datadog: {{type: datadog, site: datadoghq.eu, api_key: a, app_key: t}}
  status: {{type: prodmanager, token: t, url: "https://status.example.com"}}
create:
  devrev: {{from: [datadog, status]}}
  datadog: {{from: [devrev, status]}}
  status: {{from: [devrev, datadog], set: {{scope: eu-west, service: Checkout}}}}
"""


async def test_a_whole_sync_fits_the_document(tmp_path: Path) -> None:
    """Three systems are brought in step, and edits follow, with all of DevRev's part judged."""
    world = World(seed=3)
    double = DevRevSimulator(world)
    judged = Judged(httpx.ASGITransport(double.app))
    transports: dict[str, httpx.AsyncBaseTransport] = {
        "devrev": judged,
        "datadog": httpx.ASGITransport(DatadogSimulator(world).app),
        "status": httpx.ASGITransport(ProdManagerSimulator(world).app),
    }
    config = loads(CONFIG.format(ledger=tmp_path / "instep.db"), "instep.yaml", {})
    async with opened(config, transports=transports) as app:
        first = await run_cycle(app)
        double.edit(double.ids()[0], severity="sev-3", stage="resolved", title="Edited by Ana")
        second = await run_cycle(app)
    assert (first.state, second.state) == ("completed", "completed")
    assert len(double.ids()) == 24
    assert judged.faults == []
    assert {"incidents.create", "incidents.list"} <= judged.verbs
