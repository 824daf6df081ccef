"""ProdManager's scopes and services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from instep.simulator.prodmanager import ProdManagerSimulator
from tests.simulator.prodmanager import make

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from instep.simulator.world import World
    from tests.simulator.conftest import Connect

pytestmark = pytest.mark.asyncio
ALL = "incident_api scope_api service_api"


@pytest.fixture
async def client(world: World, connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of an empty ProdManager, which may write all kinds."""
    async with connect(ProdManagerSimulator(world, incidents=0, permissions=ALL)) as made:
        yield made


async def named(client: httpx.AsyncClient, kind: str, **form: Any) -> int:
    """Create a scope or service; answer its id."""
    reply = await client.post(f"/api/{kind}/create", data=form)
    assert reply.status_code == 302, reply.text
    return int(reply.headers["location"].rpartition(f"/api/{kind}/")[2])


async def test_both_are_listed_by_name(client: httpx.AsyncClient) -> None:
    """They are paged in headers, count their incidents and take no filter."""
    await make(client, scope="1")
    scopes = (await client.get("/api/scope", params={"name": "eu-west"})).json()["items"]
    assert [(one["name"], one["id"]) for one in scopes] == [
        ("ap-south", 3),
        ("eu-west", 1),
        ("us-east", 2),
    ]
    assert [one["incidents_count"] for one in scopes] == [0, 1, 0]
    assert scopes[1]["links"]["incidents"] == "http://double/api/incident?scope=1"
    services = await client.get("/api/service", params={"per_page": 2})
    assert services.headers["x-next-page"] == "2"
    assert (await client.get("/api/service/1")).json()["name"] == "Checkout"
    missing = await client.get("/api/service/9")
    assert (missing.status_code, missing.json()["message"]) == (404, "Service show failed")
    assert (await client.get("/api/service/99999999999999999999")).status_code == 500


@pytest.mark.parametrize("kind", ["scope", "service"])
async def test_a_name_is_taken_once(client: httpx.AsyncClient, kind: str) -> None:
    """Names are unique exactly: other cases and leading spaces are other names."""
    await named(client, kind, name="moon")
    again = await client.post(f"/api/{kind}/create", data={"name": "moon"})
    assert again.status_code == 409
    reason = "Conflict on resource with attributes : {'name': 'moon', 'description': None}"
    assert again.json() == {
        "message": f"{kind.capitalize()} creation failed",
        "reasons": {kind: [reason]},
    }
    assert await named(client, kind, name="MOON") == 5
    assert await named(client, kind, name="  moon") == 6


@pytest.mark.parametrize("form", [{}, {"name": "ab"}])
async def test_a_name_has_three_characters(client: httpx.AsyncClient, form: dict[str, str]) -> None:
    """A name that is missing or too short is a 400."""
    reply = await client.post("/api/scope/create", data=form)
    assert (reply.status_code, set(reply.json()["reasons"])) == (400, {"name"})


async def test_an_update_replaces(client: httpx.AsyncClient) -> None:
    """A description that is left out becomes null; a name of another one is refused."""
    number = await named(client, "scope", name="moon", description="Far away")
    path = f"/api/scope/{number}"
    assert (await client.get(path)).json()["description"] == "Far away"
    reply = await client.post(f"{path}/update", data={"name": "moon"})
    assert reply.headers["location"].endswith(path)
    assert (await client.get(path)).json()["description"] is None
    assert (await client.post(f"{path}/update", data={"name": "eu-west"})).status_code == 409
    assert (await client.post("/api/scope/99/update", data={"name": "sun"})).status_code == 404


async def test_a_place_in_use_stays(client: httpx.AsyncClient) -> None:
    """It cannot be deleted while an incident is there; afterwards it is gone."""
    await make(client, scope="3")
    refused = await client.post("/api/scope/3/delete")
    assert refused.status_code == 403
    assert "dependency from other resources" in refused.json()["reasons"]["scope"]
    await client.post("/api/incident/1/delete")
    gone = await client.post("/api/scope/3/delete")
    assert (gone.status_code, gone.headers["location"]) == (302, "http://double/api/scope")
    again = await client.post("/api/scope/3/delete")
    assert (again.status_code, again.json()["reasons"]) == (
        404,
        {"scope": "Resource not found : 3"},
    )
