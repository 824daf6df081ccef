"""What belongs to a Datadog incident: each endpoint has its own times, types and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.datadog.org import BOT
from instep.simulator.datadog.types import INCIDENT_TYPE
from tests.simulator.datadog import PATH, make, meet, read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from instep.simulator.world import World
    from tests.simulator.conftest import Connect

pytestmark = pytest.mark.asyncio
NIL = "00000000-0000-0000-0000-000000000000"
CHANNEL = {
    "channel_id": "C1",
    "channel_name": "#peer",
    "team_id": "T1",
    "redirect_url": "https://s",
}
IMPACT = {"description": "Outage", "start_at": "2026-02-01T13:50:00.000Z"}
LINK = {"title": "Peer", "documentUrl": "https://peer/1"}


@pytest.fixture
def double(world: World) -> DatadogSimulator:
    """Answer a Datadog with eight incidents."""
    return DatadogSimulator(world)


@pytest.fixture
async def client(double: DatadogSimulator, connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of it."""
    async with connect(double) as made:
        yield made


def body(kind: str, attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Wrap the attributes of something."""
    return {"data": {"type": kind, "attributes": attributes, **more}}


def link(**more: Any) -> dict[str, Any]:
    """Write a link to attach."""
    return body("incident_attachments", {"attachment_type": "link", "attachment": LINK}, **more)


async def test_attachments_have_the_second_family_of_errors(client: httpx.AsyncClient) -> None:
    """A link can be attached and listed; a bad id is a 404 with an object for an error."""
    key = (await make(client))["id"]
    link = {"title": "Peer", "documentUrl": "https://peer/1"}
    body = {
        "data": {
            "type": "incident_attachments",
            "attributes": {"attachment_type": "link", "attachment": link},
        }
    }
    made = await client.post(f"{PATH}/{key}/attachments", json=body)
    assert made.status_code == 201
    listed = (await client.get(f"{PATH}/{key}/attachments")).json()["data"]
    assert [one["attributes"]["attachment"] for one in listed] == [link]
    post_mortems = {"filter[attachment_type]": "1"}
    other = await client.get(f"{PATH}/{key}/attachments", params=post_mortems)
    assert other.json()["data"] == []
    included = (await client.get(f"{PATH}/{key}", params={"include": "users,attachments"})).json()
    assert {one["type"] for one in included["included"]} == {"users", "incident_attachments"}
    gone = [
        (await client.delete(f"{PATH}/{key}/attachments/{listed[0]['id']}")).status_code
        for _ in range(2)
    ]
    assert gone == [204, 404]
    for bad, detail in (("x", "malformed incident ID"), (INCIDENT_TYPE, "incident not found")):
        reply = await client.get(f"{PATH}/{bad}/attachments")
        assert reply.status_code == 404
        assert reply.json() == {"errors": [{"title": "Generic Error", "detail": detail}]}


async def test_an_attachment_can_be_changed(client: httpx.AsyncClient) -> None:
    """The body names its id; what is no document, kind or resource of its type is refused."""
    path = f"{PATH}/{(await make(client))['id']}/attachments"
    made = (await client.post(path, json=link())).json()["data"]
    one, new = f"{path}/{made['id']}", link(id=made["id"])
    new["data"]["attributes"]["attachment"] = LINK | {"title": "New"}
    changed = await client.patch(one, json=new)
    assert changed.status_code == 200
    assert changed.json()["data"]["attributes"]["attachment"]["title"] == "New"
    wrong = [
        await client.patch(one, json=link(id="x")),
        await client.post(path, json=body("incident_attachments", {"attachment_type": "file"})),
        await client.post(path, json=body("incident_attachments", {"attachment_type": "link"})),
        await client.post(path, json=body("attachments", {})),
    ]
    assert [reply.status_code for reply in wrong] == [400] * 4
    said = 'got type "attachments" expected one of "incident_attachments"'
    assert wrong[-1].json()["errors"][0]["detail"] == said
    assert (await client.patch(f"{path}/x", json=link(id="x"))).status_code == 404


async def test_parts_are_named_in_the_incident(client: httpx.AsyncClient) -> None:
    """A row tells whether asking for its attachments is worth a call."""
    key = (await make(client))["id"]
    made = {}
    for place, new in (
        ("attachments", link()),
        ("impacts", body("incident_impacts", IMPACT)),
        ("relationships/integrations", integration()),
    ):
        reply = await client.post(f"{PATH}/{key}/{place}", json=new)
        made[place.rpartition("/")[2]] = [reply.json()["data"]["id"]]
    related = (await read(client, key))["relationships"]
    assert {name: [one["id"] for one in related[name]["data"]] for name in made} == made


@pytest.mark.parametrize("moves", [False, True])
async def test_parts_may_move_modified(world: World, connect: Connect, moves: bool) -> None:
    """Whether an attachment counts as a change of the incident is a switch."""
    async with meet(world, connect, side_writes_move=moves) as (_, client):
        made = await make(client)
        await client.post(f"{PATH}/{made['id']}/attachments", json=link())
        after = await read(client, made["id"])
    assert (after["attributes"]["modified"] != made["attributes"]["modified"]) == moves


async def test_impacts_normalise_their_times(client: httpx.AsyncClient) -> None:
    """Zeros at the end of a fraction go; an end may be missing, be set, and be cleared again."""
    path = f"{PATH}/{(await make(client))['id']}/impacts"
    made = await client.post(path, json=body("incident_impacts", IMPACT))
    assert made.headers["content-type"] == "application/vnd.api+json"
    attributes = made.json()["data"]["attributes"]
    assert attributes["start_at"] == "2026-02-01T13:50:00Z"
    assert (attributes["end_at"], attributes["fields"]) == (None, None)
    one = f"{path}/{made.json()['data']['id']}"
    for end in ("2026-02-01T14:50:00Z", None):
        changed = await client.patch(one, json=body("incident_impacts", {"end_at": end}))
        assert changed.json()["data"]["attributes"]["end_at"] == end
    assert len((await client.get(path)).json()["data"]) == 1
    assert (await client.delete(one)).status_code == 204
    assert (await client.get(path)).json() == {"data": []}


async def test_impacts_have_errors_of_another_service(client: httpx.AsyncClient) -> None:
    """They are told in the words of a remote call; the nil UUID is another error than a wrong."""
    key = (await make(client))["id"]
    unknown = f"{PATH}/{INCIDENT_TYPE}/impacts"
    nil = await client.post(f"{PATH}/{NIL}/impacts", json=body("incident_impacts", IMPACT))
    lost = await client.post(unknown, json=body("incident_impacts", IMPACT))
    gone = await client.delete(f"{PATH}/{key}/impacts/{NIL}")
    empty = await client.post(f"{PATH}/{key}/impacts", json=body("incident_impacts", {}))
    assert [reply.status_code for reply in (nil, lost, gone, empty)] == [400, 404, 404, 400]
    assert nil.json()["errors"][0]["detail"].startswith("invalid impact data: incident id")
    assert "failed to get incident" in lost.json()["errors"][0]["detail"]
    assert gone.json()["errors"][0] == {
        "title": "Generic Error",
        "detail": "rpc error: code = NotFound desc = impact not found: impact not found",
    }


def integration(**more: Any) -> dict[str, Any]:
    """Write a Slack channel as integration metadata."""
    about = {"integration_type": 1, "metadata": {"channels": [CHANNEL]}}
    return body("incident_integrations", about | more)


async def test_the_status_of_an_integration_is_overridden(client: httpx.AsyncClient) -> None:
    """Whatever is sent, it is entered by hand (3), then changed by hand (4)."""
    path = f"{PATH}/{(await make(client))['id']}/relationships/integrations"
    made = await client.post(path, json=integration(status=2))
    one = f"{path}/{made.json()['data']['id']}"
    changed = await client.patch(one, json=integration(status=2))
    seen = [reply.json()["data"]["attributes"]["status"] for reply in (made, changed)]
    assert (made.status_code, changed.status_code, seen) == (201, 200, [3, 4])
    assert (await client.post(path, json=integration(integration_type=2))).status_code == 400


async def test_integrations_read_in_two_families(client: httpx.AsyncClient) -> None:
    """One is JSON with an offset, the list JSON:API with ``Z``, paged as if 25 were there."""
    path = f"{PATH}/{(await make(client))['id']}/relationships/integrations"
    made = (await client.post(path, json=integration())).json()["data"]
    one, many = await client.get(f"{path}/{made['id']}"), await client.get(path)
    assert one.headers["content-type"] == "application/json"
    assert one.json()["data"]["attributes"]["created"].endswith("+00:00")
    assert "created_by" not in one.json()["data"]["attributes"]
    assert many.headers["content-type"] == "application/vnd.api+json"
    assert many.json()["data"][0]["attributes"]["created"].endswith("Z")
    assert many.json()["meta"]["pagination"] == {"offset": 0, "next_offset": 25, "size": 1}
    gone = [await client.delete(f"{path}/{made['id']}") for _ in range(2)]
    assert [reply.status_code for reply in gone] == [204, 404]
    assert gone[1].json()["errors"][0]["detail"] == "incident integration doesn't exist"


async def test_todos_show_people_or_their_ids(client: httpx.AsyncClient) -> None:
    """A new one embeds people without ids, a list has ids without people, one alone has both."""
    path = f"{PATH}/{(await make(client))['id']}/relationships/todos"
    about = {"content": "Call back", "assignees": ["@ana@example.com"]}
    made = (await client.post(path, json=body("incident_todos", about))).json()["data"]
    one, many = f"{path}/{made['id']}", (await client.get(path)).json()
    listed, got = many["data"][0], (await client.get(one)).json()["data"]
    shapes = [
        ("created_by" in todo["attributes"], todo["attributes"]["created_by_uuid"])
        for todo in (made, listed, got)
    ]
    assert shapes == [(True, None), (False, BOT.id), (True, BOT.id)]
    assert many["meta"]["pagination"]["next_offset"] == 1
    done = {"completed": "2026-02-01T22:00:00.000000+00:00"}
    changed = await client.patch(one, json=body("incident_todos", done))
    assert changed.json()["data"]["attributes"]["completed"] == "2026-02-01T22:00:00+00:00"
    assert (await client.post(path, json=body("incident_todos", {}))).status_code == 400
    gone = [await client.delete(one) for _ in range(2)]
    assert [reply.status_code for reply in gone] == [204, 404]
    assert gone[1].json() == {"errors": [f"{made['id']} not found"]}


@pytest.mark.parametrize("key", ["content", "message"])
async def test_the_timeline_has_one_of_two_forms(world: World, connect: Connect, key: str) -> None:
    """Where the unofficial endpoint answers, the text of an entry has one of two names."""
    first = [{"cell_type": "markdown", "content": {"content": "First"}, "important": False}]
    async with meet(world, connect, timeline=key) as (_, client):
        path = f"{PATH}/{(await make(client, initial_cells=first))['id']}/timeline"
        new = {"cell_type": "markdown", "content": {key: "Hello"}}
        made = await client.post(path, json=body("incident_timeline_cells", new))
        wrong = {"cell_type": "markdown", "content": {"text": "Hello"}}
        refused = await client.post(path, json=body("incident_timeline_cells", wrong))
        cells = [one["attributes"] for one in (await client.get(path)).json()["data"]]
    assert (made.status_code, refused.status_code) == (201, 400)
    texts = [one["content"][key] for one in cells if one["cell_type"] == "markdown"]
    assert texts == ["First", "Hello"]
    assert [one["source"] for one in cells] == ["datadog", "api", "api"]


async def test_the_timeline_is_usually_absent(client: httpx.AsyncClient) -> None:
    """It is no published endpoint; a create may still bring first entries, if they are some."""
    key = (await make(client))["id"]
    assert (await client.get(f"{PATH}/{key}/timeline")).status_code == 404
    about = {"title": "T", "customer_impacted": False, "initial_cells": [{"content": "x"}]}
    assert (await client.post(PATH, json=body("incidents", about))).status_code == 400
