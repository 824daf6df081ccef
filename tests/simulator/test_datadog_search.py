"""Datadog's search, which is unlike its list in every way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.datadog.org import USERS
from tests.simulator.datadog import PATH, make, meet, patch, read, search

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from instep.simulator.world import World
    from tests.simulator.conftest import Clock, Connect

pytestmark = pytest.mark.asyncio


@pytest.fixture
def double(world: World) -> DatadogSimulator:
    """Answer a Datadog with eight incidents."""
    return DatadogSimulator(world)


@pytest.fixture
async def client(double: DatadogSimulator, connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of it."""
    async with connect(double) as made:
        yield made


async def test_search_rows_are_not_list_rows(
    double: DatadogSimulator, clock: Clock, client: httpx.AsyncClient
) -> None:
    """Seconds are cut, ids of people are null, people are embedded and scope is empty text."""
    key = double.add(title="Needle", severity="SEV-1")
    clock.pass_(10)
    found = (await search(client, "Needle"))["incidents"][0]["data"]["attributes"]
    seen = (await read(client, key))["attributes"]
    assert seen["modified"].endswith(".123456+00:00")
    assert found["modified"] == seen["modified"][:19] + "+00:00"
    assert (seen["customer_impact_scope"], found["customer_impact_scope"]) == (None, "")
    assert found["created_by_uuid"] is None
    assert found["created_by"]["data"]["attributes"]["email"] == "ana@example.com"


async def test_the_search_envelope(double: DatadogSimulator, client: httpx.AsyncClient) -> None:
    """Incidents sit deep inside, come again as `included`, and facets count them."""
    reply = (
        await client.get(f"{PATH}/search", params={"query": "state:(active OR stable)"})
    ).json()
    attributes = reply["data"]["attributes"]
    rows = [one["data"] for one in attributes["incidents"]]
    assert reply["included"] == rows
    assert reply["meta"]["pagination"]["size"] == len(rows) == attributes["total"] == 6
    assert attributes["facets"]["state"] == [
        {"name": "active", "count": 4},
        {"name": "stable", "count": 2},
        {"name": "resolved", "count": 0},
        {"name": "completed", "count": 0},
    ]
    created = [one["attributes"]["created"] for one in rows]
    assert created == sorted(created, reverse=True)
    oldest = await search(client, "state:(active OR stable)", sort="created")
    assert [one["data"]["id"] for one in oldest["incidents"]] == [one["id"] for one in rows][::-1]


async def test_queries(double: DatadogSimulator, client: httpx.AsyncClient) -> None:
    """Facets are joined by AND, words are looked for in titles, other facets are refused."""
    number = double.records()[2]["attributes"]["public_id"]
    assert (await search(client, f"public_id:{number}"))["total"] == 1
    assert (await search(client, "state:resolved AND severity:SEV-9"))["total"] == 0
    assert (await search(client, "Checkout"))["total"] == 2
    for query in ("from_ts:1", ""):
        reply = await client.get(f"{PATH}/search", params={"query": query})
        assert reply.status_code == 400


async def test_test_incidents_hide_from_search(clock: Clock, client: httpx.AsyncClient) -> None:
    """A test incident is listed but never found."""
    await make(client, title="Only a drill", is_test=True)
    clock.pass_(5)
    assert (await search(client, "drill"))["total"] == 0


async def test_every_operator(clock: Clock, client: httpx.AsyncClient) -> None:
    """Alternatives, a minus, names of custom fields and of people narrow a search."""
    about = {"external_reference": ["peer:1"], "services": ["Zebra"], "severity": "SEV-4"}
    made = await make(client, about, title="Needle")
    clock.pass_(3)
    found = {
        query: (await search(client, query))["total"]
        for query in (
            'services:zebra AND external_reference:"peer:1"',
            "Needle AND -severity:(SEV-1 OR SEV-4)",
            "Needle -state:resolved",
            "Needle AND created_by:instep-bot@example.com AND visibility:organization",
            "Needle AND impact:none AND postmortem:No AND customer_impacted:false",
            f"slug:IR-{made['attributes']['public_id']}",
            "incident_type:Default AND declared_by:instep-bot@example.com AND Needle",
        )
    }
    assert list(found.values()) == [1, 0, 1, 1, 1, 1, 1]


async def test_free_text_cannot_be_searched_by_its_field(
    clock: Clock, client: httpx.AsyncClient
) -> None:
    """A text area is no facet, only the slug is one."""
    await make(client, {"summary": "unmistakable"})
    clock.pass_(3)
    assert (await search(client, "summary:unmistakable"))["total"] == 0
    facets = (await search(client, "state:active"))["facets"]["fields"]
    counted = {one["name"]: bool(one["facets"]) for one in facets}
    assert (counted["summary"], counted["slug"], counted["services"]) == (False, True, True)


@pytest.mark.parametrize(
    "query", ["from_ts:1&to_ts:2", "modified:[now-1h TO now]", "state:active OR state:stable"]
)
async def test_what_is_no_query_is_refused(client: httpx.AsyncClient, query: str) -> None:
    """Times, ranges and a loose OR are 400: there is no search by time of change."""
    reply = await client.get(f"{PATH}/search", params={"query": query})
    assert reply.status_code == 400
    assert reply.json()["errors"][0].startswith("invalid query")


async def test_search_sorts_by_creation_only(client: httpx.AsyncClient) -> None:
    """Another order is refused."""
    reply = await client.get(f"{PATH}/search", params={"query": "a", "sort": "-modified"})
    assert reply.status_code == 400


async def test_search_is_paged_as_lists_are(world: World, connect: Connect) -> None:
    """25 by default, 100 at most, and the total counts all."""
    async with meet(world, connect, incidents=30) as (_, client):
        params: dict[str, Any] = {"query": "state:(active OR stable OR resolved)"}
        first = (await client.get(f"{PATH}/search", params=params)).json()
        params["page[offset]"] = 25
        second = (await client.get(f"{PATH}/search", params=params)).json()
        params["page[size]"] = 101
        assert (await client.get(f"{PATH}/search", params=params)).status_code == 400
    assert first["data"]["attributes"]["total"] == 30
    assert [one["meta"]["pagination"] for one in (first, second)] == [
        {"offset": 0, "next_offset": 25, "size": 25},
        {"offset": 25, "next_offset": 30, "size": 5},
    ]


async def test_ties_within_a_second_are_in_no_order_of_time(
    world: World, connect: Connect, clock: Clock
) -> None:
    """Incidents of one second come in an order of their own, whatever their numbers."""
    async with meet(world, connect, incidents=0) as (_, client):
        numbers = []
        for _ in range(6):
            numbers.append((await make(client))["attributes"]["public_id"])
            clock.pass_(0.1)
        clock.pass_(3)
        rows = (await search(client, "Made"))["incidents"]
    found = [row["data"]["attributes"]["public_id"] for row in rows]
    assert sorted(found) == numbers
    assert found not in (numbers, numbers[::-1])


async def test_a_changed_row_lags_too(clock: Clock, client: httpx.AsyncClient) -> None:
    """A search shows what was, while a read shows what is."""
    made = await make(client)
    clock.pass_(3)
    await patch(client, made["id"], {"state": "resolved"})
    number = made["attributes"]["public_id"]
    assert (await search(client, f"state:active AND public_id:{number}"))["total"] == 1
    assert (await read(client, made["id"]))["attributes"]["state"] == "resolved"
    clock.pass_(3)
    assert (await search(client, f"state:active AND public_id:{number}"))["total"] == 0


async def test_a_nameless_user_is_empty_text_in_search(
    clock: Clock, client: httpx.AsyncClient
) -> None:
    """A pending user has no name: null where a write shows one, empty where a search does."""
    body: dict[str, Any] = {
        "data": {
            "type": "incidents",
            "attributes": {"title": "Nameless", "customer_impacted": False},
            "relationships": {"commander_user": {"data": {"type": "users", "id": USERS[-1].id}}},
        }
    }
    made = (await client.post(PATH, json=body)).json()["data"]["attributes"]
    clock.pass_(3)
    found = (await search(client, "Nameless"))["incidents"][0]["data"]["attributes"]
    names = [one["commander"]["data"]["attributes"]["name"] for one in (made, found)]
    assert names == [None, ""]


async def test_search_tells_how_long_each_state_lasted(
    clock: Clock, client: httpx.AsyncClient
) -> None:
    """Analytics are filled in search only; the last span has no end."""
    made = await make(client, title="Timed")
    clock.pass_(60)
    await patch(client, made["id"], {"state": "resolved"})
    clock.pass_(3)
    found = (await search(client, "Timed"))["incidents"][0]["data"]["attributes"]
    states = found["field_analytics"]["state"]
    assert states["active"]["duration"] == 60
    assert states["resolved"]["spans"][0]["end"] is None
    assert (await read(client, made["id"]))["attributes"]["field_analytics"] is None


async def test_a_test_incident_is_found_only_by_name(
    clock: Clock, client: httpx.AsyncClient
) -> None:
    """It is left out by default, though the facet exists."""
    await make(client, title="Only a drill", is_test=True)
    clock.pass_(3)
    assert (await search(client, "drill AND is_test:true"))["total"] == 1


async def test_facets_may_dwarf_the_rows(world: World, connect: Connect) -> None:
    """Hundreds of kilobytes of former commanders come with two incidents."""
    async with meet(world, connect, incidents=2, facet_bloat=232) as (_, client):
        reply = await client.get(f"{PATH}/search", params={"query": "state:active"})
    facets = reply.json()["data"]["attributes"]["facets"]
    assert len(reply.content) > 232 * 1024
    assert set(facets) >= {"severity", "commander", "responder", "time_to_resolve", "fields"}
    assert [one["name"] for one in facets["customer_impacted"]] == [0, True]


async def test_a_search_may_bring_people_along(client: httpx.AsyncClient) -> None:
    """What is asked for stands behind the incidents that are included anyway."""
    params = {"query": "state:active", "include": "users"}
    included = (await client.get(f"{PATH}/search", params=params)).json()["included"]
    assert [one["type"] for one in included] == sorted(one["type"] for one in included)
    assert {one["type"] for one in included} == {"incidents", "users"}
