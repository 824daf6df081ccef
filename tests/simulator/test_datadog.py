"""Datadog's incidents: list, get, create, import, change and delete, with their traps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.datadog.org import BOT, USERS
from instep.simulator.datadog.types import INCIDENT_TYPE
from tests.simulator.datadog import PATH, make, meet, patch, read, search, wrap

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


async def test_a_page_over_100_may_be_clamped(world: World, connect: Connect) -> None:
    """With the switch, the largest page answers for a larger one."""
    async with meet(world, connect, incidents=120, clamps_pages=True) as (_, client):
        page = (await client.get(PATH, params={"page[size]": 500})).json()
    assert len(page["data"]) == page["meta"]["pagination"]["next_offset"] == 100


async def test_deleting_shifts_later_rows_into_earlier_pages(
    double: DatadogSimulator, client: httpx.AsyncClient
) -> None:
    """Offset paging drifts: a row is missed if an earlier one goes between two pages."""
    keys = double.ids()
    first = (await client.get(PATH, params={"page[size]": 4})).json()["data"]
    double.delete(keys[0])
    second = (await client.get(PATH, params={"page[size]": 4, "page[offset]": 4})).json()["data"]
    assert keys[4] not in {one["id"] for one in (*first, *second)}


async def test_a_second_patch_without_effect_may_leave_modified(
    world: World, connect: Connect
) -> None:
    """With the switch off, only the first touch moves it, which makes a responder."""
    async with meet(world, connect, noop_moves=False) as (_, client):
        made = await make(client)
        first = (await patch(client, made["id"])).json()["data"]["attributes"]
        second = (await patch(client, made["id"])).json()["data"]["attributes"]
        third = (await patch(client, made["id"], title="New")).json()["data"]["attributes"]
    assert made["attributes"]["modified"] < first["modified"] == second["modified"]
    assert second["modified"] < third["modified"]


async def test_null_clears_fields_and_dates(client: httpx.AsyncClient) -> None:
    """A cleared text is null, a cleared severity UNKNOWN again, a cleared date null."""
    made = await make(client, {"summary": "x", "severity": "SEV-1"})
    await patch(client, made["id"], {"summary": None, "severity": None}, detected=None)
    attributes = (await read(client, made["id"]))["attributes"]
    assert attributes["fields"]["summary"]["value"] is None
    assert attributes["severity"] == attributes["fields"]["severity"]["value"] == "UNKNOWN"
    assert attributes["detected"] is None


async def test_a_patch_keeps_what_it_does_not_name(client: httpx.AsyncClient) -> None:
    """Fields, title and commander that are left out stay as they are."""
    made = await make(client, {"summary": "kept", "services": ["Search"]})
    await patch(client, made["id"], {"severity": "SEV-2"})
    fields = (await read(client, made["id"]))["attributes"]["fields"]
    assert (fields["summary"]["value"], fields["services"]["value"]) == ("kept", ["Search"])


async def test_a_user_who_cannot_command_is_refused(client: httpx.AsyncClient) -> None:
    """A pending user may command; one who is disabled or unknown may not."""
    made = await make(client)
    body: dict[str, Any] = {"data": {"id": made["id"], "type": "incidents"}}
    statuses = {}
    for user in (*USERS, replace(BOT, id="nobody", status="Unknown")):
        named = {"data": {"type": "users", "id": user.id}}
        body["data"]["relationships"] = {"commander_user": named}
        reply = await client.patch(f"{PATH}/{made['id']}", json=body)
        statuses[user.status] = reply.status_code
    assert statuses == {"Active": 200, "Pending": 200, "Disabled": 400, "Unknown": 400}


async def test_only_handles_and_rules_page_people(world: World, connect: Connect) -> None:
    """Every write may name handles, which are paged; a rule pages for a create, never an import."""
    handles = [{"display_name": "Ana", "handle": "@ana@example.com"}]
    async with meet(world, connect) as (double, client):
        made = await make(client)
        await patch(client, made["id"], title="Renamed")
        assert (await client.post(f"{PATH}/import", json=wrap(title="Old"))).status_code == 201
        assert double.notified == 0
        await make(client, notification_handles=handles)
        await patch(client, made["id"], notification_handles=handles)
        assert double.notified == 2
    async with meet(world, connect, notification_rule=True) as (double, client):
        await client.post(f"{PATH}/import", json=wrap(title="Old"))
        assert double.notified == 0
        await make(client)
        assert double.notified == 1


async def test_an_import_cannot_say_everything(client: httpx.AsyncClient) -> None:
    """Impact, handles, long titles and a resolution without its state are refused.

    ``resolved`` goes with the state of that name only (documented), not with ``completed``.
    """
    bodies = [
        wrap({"state": "completed"}, title="Old", resolved="2026-01-02T00:00:00Z"),
        wrap(title="Old", customer_impacted=True),
        wrap(title="Old", notification_handles=[]),
        wrap(title="x" * 1025),
        wrap(title="Old", resolved="2026-01-02T00:00:00Z"),
        wrap(title="Old", visibility="secret"),
        wrap(),
    ]
    replies = [await client.post(f"{PATH}/import", json=body) for body in bodies]
    assert [reply.status_code for reply in replies] == [400] * len(bodies)


@pytest.mark.parametrize(
    "data",
    [
        {"relationships": None},
        {"relationships": {"commander_user": {"data": {"id": ["?"]}}}},
        {"attributes": {"title": "T", "incident_type_uuid": ["?"]}},
        {"attributes": {"title": "T", "notification_handles": 5}},
    ],
)
async def test_odd_shapes_are_refused(client: httpx.AsyncClient, data: dict[str, Any]) -> None:
    """What is of no known shape is a 400 and no crash."""
    about = {"type": "incidents", "attributes": {"title": "T", "customer_impacted": False}}
    assert (await client.post(PATH, json={"data": about | data})).status_code == 400


async def test_an_import_can_name_who_declared_and_when(client: httpx.AsyncClient) -> None:
    """What happened in the past is taken over, and what is left out is of now."""
    body = wrap({"state": "resolved"}, title="Old", declared="2026-01-01T01:00:00+01:00")
    user = {"data": {"type": "users", "id": USERS[2].id}}
    body["data"]["relationships"] = {"declared_by_user": user, "commander_user": user}
    made = (await client.post(f"{PATH}/import?include=users", json=body)).json()
    attributes = (await read(client, made["data"]["id"]))["attributes"]
    assert made["data"]["attributes"]["declared"] == "2026-01-01T00:00:00Z"
    assert attributes["declared"] == attributes["detected"] == "2026-01-01T00:00:00+00:00"
    assert (attributes["declared_by_uuid"], attributes["created_by_uuid"]) == (
        USERS[2].id,
        BOT.id,
    )
    assert attributes["resolved"] is None
    assert attributes["created"].startswith("2026-02-03")
    assert {one["id"] for one in made["included"]} == {USERS[2].id, BOT.id}


async def test_fractions_of_seconds_come_in_all_lengths(client: httpx.AsyncClient) -> None:
    """No fraction where it is zero, six digits in core reads, no trailing zeros in imports."""
    body = wrap(
        title="Old", declared="2026-01-01T00:00:00.500000Z", detected="2026-01-01T00:00:00Z"
    )
    made = (await client.post(f"{PATH}/import", json=body)).json()["data"]
    seen = (await read(client, made["id"]))["attributes"]
    assert made["attributes"]["declared"] == "2026-01-01T00:00:00.5Z"
    assert seen["declared"] == "2026-01-01T00:00:00.500000+00:00"
    assert seen["detected"] == "2026-01-01T00:00:00+00:00"


async def test_old_shapes_lack_the_mirrors(world: World, connect: Connect) -> None:
    """Severity and state are fields; what stands beside them may be missing."""
    async with meet(world, connect, mirrors=False) as (double, client):
        attributes = (await read(client, double.ids()[0]))["attributes"]
    assert not {"severity", "state"} & attributes.keys()
    assert {"severity", "state"} <= attributes["fields"].keys()


async def test_a_slug_may_show_a_servicenow_record(world: World, connect: Connect) -> None:
    """The slug is then not the number that people see in Datadog."""
    async with meet(world, connect, slug_source="servicenow") as (_, client):
        attributes = (await make(client))["attributes"]
    assert attributes["fields"]["slug"]["value"] == f"INC{attributes['public_id']:07}"


async def test_empty_lists_read_as_null(client: httpx.AsyncClient) -> None:
    """A list field that is emptied comes back as null."""
    made = await make(client, {"services": ["Checkout"]})
    await patch(client, made["id"], {"services": []})
    assert (await read(client, made["id"]))["attributes"]["fields"]["services"]["value"] is None


async def test_empty_lists_may_be_kept(world: World, connect: Connect) -> None:
    """With the switch, a list field that is emptied comes back as an empty list."""
    async with meet(world, connect, keeps_empty_lists=True) as (_, client):
        made = await make(client, {"services": []})
    assert made["attributes"]["fields"]["services"]["value"] == []


async def test_bad_requests_have_the_first_family_of_errors(client: httpx.AsyncClient) -> None:
    """Missing attributes, a wrong type and another id are 400."""
    made = await make(client)
    other = {"data": {"type": "incidents", "id": "x", "attributes": {}}}
    fieldless = wrap(title="T", customer_impacted=False)
    fieldless["data"]["attributes"]["fields"] = []
    replies = [
        await client.post(PATH, json=wrap(title="T")),
        await client.post(PATH, json=wrap(title="T", customer_impacted=True)),
        await client.post(PATH, json={"data": {"type": "incident"}}),
        await client.post(PATH, content=b"{"),
        await client.post(PATH, json={"data": {"type": "incidents", "attributes": []}}),
        await client.post(PATH, json=fieldless),
        await client.patch(f"{PATH}/{made['id']}", json=other),
    ]
    assert [reply.status_code for reply in replies] == [400] * 7


async def test_deleting_is_once(client: httpx.AsyncClient) -> None:
    """The first delete is an empty 204, the second a 404 that names the incident."""
    key = (await make(client))["id"]
    gone = await client.delete(f"{PATH}/{key}")
    again = await client.delete(f"{PATH}/{key}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert gone.headers["content-type"] == "text/html; charset=utf-8"
    assert (again.status_code, again.json()) == (404, {"errors": [f"incident {key} not found"]})


@pytest.mark.parametrize("status", [403, 400])
async def test_deleting_can_be_off(world: World, connect: Connect, status: int) -> None:
    """Where the setting is off, as it is by default, an incident cannot be deleted by the API."""
    switches = {"allows_delete": False, "delete_refusal": status}
    async with meet(world, connect, **switches) as (double, client):
        key = double.ids()[0]
        assert (await client.delete(f"{PATH}/{key}")).status_code == status
        assert (await client.get(f"{PATH}/{key}")).status_code == 200


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
