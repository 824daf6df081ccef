"""Datadog's traps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.datadog_org import BOT, INCIDENT_TYPE, USERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from instep.simulator.world import World
    from tests.simulator.conftest import Clock, Connect

pytestmark = pytest.mark.asyncio
PATH = "/api/v2/incidents"
KEYS = {"dd-api-key": "k", "dd-application-key": "a"}


@pytest.fixture
def double(world: World) -> DatadogSimulator:
    """Answer a Datadog with eight incidents."""
    return DatadogSimulator(world)


@pytest.fixture
async def client(double: DatadogSimulator, connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of it."""
    async with connect(double) as made:
        yield made


def wrap(fields: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    """Wrap attributes and bare field values as a create or an update has them."""
    wrapped = {name: {"value": value} for name, value in (fields or {}).items()}
    inner = attributes | ({"fields": wrapped} if wrapped else {})
    return {"data": {"type": "incidents", "attributes": inner}}


async def make(
    client: httpx.AsyncClient, fields: dict[str, Any] | None = None, **attributes: Any
) -> dict[str, Any]:
    """Create an incident; answer the resource that POST shows."""
    body = wrap(fields, **({"title": "Made", "customer_impacted": False} | attributes))
    reply = await client.post(PATH, json=body)
    assert reply.status_code == 201, reply.text
    data: dict[str, Any] = reply.json()["data"]
    return data


async def patch(
    client: httpx.AsyncClient,
    incident_id: str,
    fields: dict[str, Any] | None = None,
    **attributes: Any,
) -> httpx.Response:
    """Update an incident."""
    body = wrap(fields, **attributes)
    body["data"]["id"] = incident_id
    return await client.patch(f"{PATH}/{incident_id}", json=body)


async def read(client: httpx.AsyncClient, incident_id: str) -> dict[str, Any]:
    """Read an incident."""
    data: dict[str, Any] = (await client.get(f"{PATH}/{incident_id}")).json()["data"]
    return data


async def search(client: httpx.AsyncClient, query: str, **more: str) -> dict[str, Any]:
    """Search; answer the attributes of the result."""
    reply = await client.get(f"{PATH}/search", params={"query": query, **more})
    attributes: dict[str, Any] = reply.json()["data"]["attributes"]
    return attributes


async def test_two_keys_or_a_bearer_token(world: World, connect: Connect) -> None:
    """Missing credentials are 401, wrong ones 403, and both forms of right ones work."""
    double = DatadogSimulator(world, token="right")
    cases = [
        ({"accept": "*/*"}, 401),
        ({"dd-api-key": "k"}, 401),
        (KEYS, 403),
        ({"authorization": "Bearer wrong"}, 403),
        ({"authorization": "Bearer right"}, 200),
        (KEYS | {"dd-application-key": "right"}, 200),
    ]
    for headers, status in cases:
        async with connect(double, **headers) as client:
            assert (await client.get(PATH)).status_code == status


async def test_lists_are_oldest_first_and_25_by_default(world: World, connect: Connect) -> None:
    """The default page is 25, the largest 100, and `next_offset` stands even on the last page."""
    double = DatadogSimulator(world, incidents=30)
    async with connect(double) as client:
        first = (await client.get(PATH)).json()
        last = (await client.get(PATH, params={"page[size]": 100, "page[offset]": 25})).json()
        past = (await client.get(PATH, params={"page[offset]": 99})).json()
        assert (await client.get(PATH, params={"page[size]": 101})).status_code == 400
        assert (await client.get(PATH, params={"page[size]": "x"})).status_code == 400
    numbers = [one["attributes"]["public_id"] for one in first["data"] + last["data"]]
    assert numbers == sorted(numbers)
    assert len(first["data"]) == 25
    assert last["meta"] == {"pagination": {"offset": 25, "next_offset": 30, "size": 5}}
    assert past == {
        "data": [],
        "meta": {"pagination": {"offset": 99, "next_offset": 99, "size": 0}},
    }


async def test_a_list_knows_a_write_at_once_and_search_does_not(
    clock: Clock, client: httpx.AsyncClient
) -> None:
    """Search misses a fresh incident for two seconds, list and get have it."""
    made = await make(client, {"external_reference": ["devrev:INC-7/abc"]})
    listed = (await client.get(PATH, params={"page[size]": 100})).json()["data"]
    assert listed[-1]["id"] == made["id"]
    query = 'external_reference:"devrev:INC-7/abc"'
    assert (await search(client, query))["total"] == 0
    clock.pass_(2)
    found = await search(client, query)
    assert [row["data"]["id"] for row in found["incidents"]] == [made["id"]]


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
    assert {one["name"]: one["count"] for one in attributes["facets"]["state"]} == {
        "active": 4,
        "stable": 2,
    }
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


async def test_a_post_shows_no_uuids_and_a_get_no_people(client: httpx.AsyncClient) -> None:
    """The same incident has different shapes in the answers to POST, GET and PATCH."""
    made = await make(client)
    got = await read(client, made["id"])
    patched = (await patch(client, made["id"], title="Renamed")).json()["data"]["attributes"]
    assert made["attributes"]["created_by_uuid"] is None
    assert "created_by" in made["attributes"]
    assert got["attributes"]["created_by_uuid"] == BOT.id
    assert "created_by" not in got["attributes"]
    assert patched["created_by_uuid"] == BOT.id
    assert "created_by" in patched


async def test_a_new_incident_has_defaults(client: httpx.AsyncClient) -> None:
    """Fields appear by themselves, the id is a UUID of version 5 and the slug has the number."""
    made = await make(client)
    attributes = made["attributes"]
    fields = {name: field["value"] for name, field in attributes["fields"].items()}
    assert UUID(made["id"]).version == 5
    assert fields["slug"] == f"IR-{attributes['public_id']}"
    assert (fields["severity"], fields["state"]) == ("UNKNOWN", "active")
    assert attributes["fields"]["external_reference"] == {"type": "textarray", "value": None}
    assert attributes["detected"] < attributes["created"] == attributes["modified"]


async def test_every_patch_moves_modified_and_adds_a_responder(client: httpx.AsyncClient) -> None:
    """A PATCH without a change looks like a fresh edit, and its account joins the responders."""
    made = await make(client)
    assert made["relationships"]["responders"]["data"] == []
    first = (await patch(client, made["id"])).json()["data"]
    second = (await patch(client, made["id"])).json()["data"]
    dates = [one["attributes"]["modified"] for one in (made, first, second)]
    assert dates == sorted(set(dates))
    assert len(second["relationships"]["responders"]["data"]) == 1


async def test_the_answer_to_a_patch_is_stale(client: httpx.AsyncClient) -> None:
    """A new commander is in the attributes, but not yet in the relationships."""
    made = await make(client)
    body = {"data": {"id": made["id"], "type": "incidents", "relationships": {}}}
    user = {"type": "users", "id": USERS[2].id}
    body["data"]["relationships"] = {"commander_user": {"data": user}}
    answer = (await client.patch(f"{PATH}/{made['id']}", json=body)).json()["data"]
    assert answer["attributes"]["commander"]["data"]["id"] == user["id"]
    assert answer["relationships"]["commander_user"]["data"] is None
    got = await read(client, made["id"])
    assert got["relationships"]["commander_user"]["data"] == user
    body["data"]["relationships"]["commander_user"]["data"] = None
    await client.patch(f"{PATH}/{made['id']}", json=body)
    assert (await read(client, made["id"]))["relationships"]["commander_user"]["data"] is None


async def test_resolved_is_the_servers(client: httpx.AsyncClient) -> None:
    """It stays null when created as resolved, is set by the move, and cannot be written."""
    born = await make(client, {"state": "resolved"})
    assert born["attributes"]["resolved"] is None
    made = await make(client)
    assert (await patch(client, made["id"], resolved="2026-01-01T00:00:00Z")).status_code == 400
    await patch(client, made["id"], {"state": "resolved"})
    attributes = (await read(client, made["id"]))["attributes"]
    assert attributes["created"] < attributes["modified"]
    assert attributes["resolved"] < attributes["modified"]
    await patch(client, made["id"], {"state": "active"})
    assert (await read(client, made["id"]))["attributes"]["resolved"] is None


async def test_impact_dates_are_for_updates(client: httpx.AsyncClient) -> None:
    """Creation refuses them, PATCH takes any offset and null, reads show UTC without zeros."""
    start: dict[str, Any] = {"customer_impact_start": "2026-02-03T10:00:00+01:00"}
    made = await make(client)
    body = wrap(title="T", customer_impacted=False, **start)
    assert (await client.post(PATH, json=body)).status_code == 400
    await patch(client, made["id"], **start, customer_impact_end="2026-02-03T09:30:00.000Z")
    attributes = (await read(client, made["id"]))["attributes"]
    assert attributes["customer_impact_start"] == "2026-02-03T09:00:00+00:00"
    assert attributes["customer_impact_duration"] == 1800
    await patch(client, made["id"], customer_impact_start=None)
    assert (await read(client, made["id"]))["attributes"]["customer_impact_start"] is None


@pytest.mark.parametrize(
    ("fields", "attributes"),
    [
        ({"nonsense": "x"}, {}),
        ({"severity": "critical"}, {}),
        ({"services": "Checkout"}, {}),
        ({"summary": ["x"]}, {}),
        ({"slug": "IR-1"}, {}),
        ({"state": None}, {}),
        ({}, {"visibility": "private"}),
        ({}, {"title": ""}),
        ({}, {"customer_impacted": "no"}),
        ({}, {"customer_impact_scope": None}),
        ({}, {"detected": "yesterday"}),
        ({}, {"detected": "2026-01-01T00:00:00"}),
    ],
)
async def test_bad_values_are_refused(
    client: httpx.AsyncClient, fields: dict[str, Any], attributes: dict[str, Any]
) -> None:
    """Unknown fields, values outside a dropdown and wrong types are 400 with a text."""
    made = await make(client)
    reply = await patch(client, made["id"], fields, **attributes)
    assert reply.status_code == 400
    assert isinstance(reply.json()["errors"][0], str)


async def test_unknown_fields_may_be_ignored(world: World, connect: Connect) -> None:
    """With the switch, what is unknown is dropped without a word."""
    double = DatadogSimulator(world, ignores_unknown=True, extra_fields={"region": "dropdown"})
    async with connect(double) as client:
        made = await make(client, {"nonsense": "x", "region": "eu"}, visibility="private")
    assert "nonsense" not in made["attributes"]["fields"]
    assert made["attributes"]["fields"]["region"] == {"type": "dropdown", "value": "eu"}
    assert made["attributes"]["visibility"] == "organization"


async def test_empty_lists_read_as_null(client: httpx.AsyncClient) -> None:
    """A list field that is emptied comes back as null."""
    made = await make(client, {"services": ["Checkout"]})
    await patch(client, made["id"], {"services": []})
    assert (await read(client, made["id"]))["attributes"]["fields"]["services"]["value"] is None


async def test_bad_requests_have_the_first_family_of_errors(client: httpx.AsyncClient) -> None:
    """Missing attributes, a wrong type and another id are 400."""
    made = await make(client)
    other = {"data": {"type": "incidents", "id": "x", "attributes": {}}}
    replies = [
        await client.post(PATH, json=wrap(title="T")),
        await client.post(PATH, json=wrap(title="T", customer_impacted=True)),
        await client.post(PATH, json={"data": {"type": "incident"}}),
        await client.post(PATH, content=b"{"),
        await client.patch(f"{PATH}/{made['id']}", json=other),
    ]
    assert [reply.status_code for reply in replies] == [400] * 5


async def test_deleting_is_once(client: httpx.AsyncClient) -> None:
    """The first delete is an empty 204, the second a 404 that names the incident."""
    key = (await make(client))["id"]
    gone = await client.delete(f"{PATH}/{key}")
    again = await client.delete(f"{PATH}/{key}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert gone.headers["content-type"] == "text/html; charset=utf-8"
    assert (again.status_code, again.json()) == (404, {"errors": [f"incident {key} not found"]})


async def test_deleting_can_be_off(world: World, connect: Connect) -> None:
    """Where the setting is off, an incident cannot be deleted by the API."""
    double = DatadogSimulator(world, allows_delete=False)
    async with connect(double) as client:
        assert (await client.delete(f"{PATH}/{double.ids()[0]}")).status_code == 403


async def test_an_import_is_another_shape(client: httpx.AsyncClient) -> None:
    """It takes a past `resolved`, answers with `Z` and without derived values."""
    body = wrap(
        {"state": "resolved", "severity": "SEV-3"},
        title="Old",
        declared="2026-01-01T00:00:00Z",
        resolved="2026-01-02T00:00:00Z",
    )
    reply = await client.post(f"{PATH}/import", json=body)
    data = reply.json()["data"]
    assert UUID(data["id"]).version == 4
    assert data["attributes"]["resolved"] == "2026-01-02T00:00:00Z"
    assert "time_to_resolve" not in data["attributes"]
    assert data["relationships"]["incident_type"]["data"]["id"] == INCIDENT_TYPE
    body["data"]["attributes"]["fields"]["state"]["value"] = "active"
    assert (await client.post(f"{PATH}/import", json=body)).status_code == 400


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


async def test_config_and_users(client: httpx.AsyncClient) -> None:
    """Fields, the type and people can be looked up; pages of fields have numbers."""
    fields = f"{PATH}/config/user-defined-fields"
    listed = (await client.get(fields, params={"filter[incident-type]": INCIDENT_TYPE})).json()
    kinds = {one["attributes"]["name"]: one["attributes"]["type"] for one in listed["data"]}
    assert (kinds["external_reference"], kinds["severity"], kinds["summary"]) == (4, 1, 3)
    second = (await client.get(fields, params={"page[size]": 5, "page[number]": 1})).json()
    assert len(second["data"]) == len(kinds) - 5
    assert (await client.get(f"{PATH}/config/types")).json()["data"][0]["id"] == INCIDENT_TYPE
    assert (await client.get(f"{PATH}/config/types/{INCIDENT_TYPE}")).status_code == 200
    assert (await client.get(f"{PATH}/config/types/x")).status_code == 404
    people = (await client.get("/api/v2/users", params={"filter": "ben@example.com"})).json()
    assert [one["id"] for one in people["data"]] == [USERS[2].id]
    assert (await client.get(f"/api/v2/users/{USERS[2].id}")).status_code == 200
    assert (await client.get("/api/v2/users/x")).status_code == 404
    names = [
        one["attributes"]["name"]
        for one in (await client.get("/api/v2/permissions")).json()["data"]
    ]
    assert "incident_write" in names
    assert (await client.get("/api/v2/nowhere")).status_code == 404


async def test_keys_can_be_checked(double: DatadogSimulator, connect: Connect) -> None:
    """A good key is valid in both versions; without one it is a 403, not a 401."""
    async with connect(double, **KEYS) as client:
        assert (await client.get("/api/v1/validate")).json() == {"valid": True}
        answer = (await client.get("/api/v2/validate")).json()
        assert answer["data"]["attributes"]["valid"] is True
    async with connect(double, accept="*/*") as client:
        reply = await client.get("/api/v1/validate")
    assert (reply.status_code, reply.json()) == (403, {"errors": ["API key required"]})


async def test_the_reset_header_is_not_an_epoch(client: httpx.AsyncClient) -> None:
    """It says the seconds until the reset, and the other headers of the bucket are there."""
    headers = (await client.get(PATH)).headers
    assert int(headers["x-ratelimit-reset"]) <= int(headers["x-ratelimit-period"])
    assert headers["x-ratelimit-name"]


async def test_a_person_edits_in_words(double: DatadogSimulator) -> None:
    """A person names fields and e-mails, is found by public id, and joins the responders."""
    key = double.ids()[0]
    number = double.records()[0]["attributes"]["public_id"]
    double.edit(number, severity="SEV-5", commander="chloe@example.com", title="By hand")
    double.edit(f"IR-{number}", customer_impact_start="2026-02-01T00:00:00Z", commander=None)
    record = double.records()[0]
    assert record["attributes"]["severity"] == "SEV-5"
    assert record["attributes"]["customer_impact_start"] == "2026-02-01T00:00:00+00:00"
    assert record["relationships"]["commander_user"]["data"] is None
    assert len(record["relationships"]["responders"]["data"]) >= 2
    double.delete(key)
    assert key not in double.ids()
