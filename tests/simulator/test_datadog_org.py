"""The Datadog organisation: keys and permissions, types and fields, people, privacy, the quota."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.datadog.org import USERS
from instep.simulator.datadog.types import INCIDENT_TYPE, SECURITY_TYPE
from instep.simulator.wire import Call
from tests.simulator.datadog import KEYS, PATH, make, meet, patch, read, search, wrap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from instep.simulator.world import World
    from tests.simulator.conftest import Clock, Connect

pytestmark = pytest.mark.asyncio
FIELDS = f"{PATH}/config/user-defined-fields"


@pytest.fixture
def double(world: World) -> DatadogSimulator:
    """Answer a Datadog with eight incidents."""
    return DatadogSimulator(world)


@pytest.fixture
async def client(double: DatadogSimulator, connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of it."""
    async with connect(double) as made:
        yield made


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


@pytest.mark.parametrize(
    ("lacks", "method", "path"),
    [
        ("incident_write", "POST", PATH),
        ("incident_write", "POST", f"{PATH}/import"),
        ("incident_read", "GET", PATH),
        ("user_access_read", "GET", "/api/v2/users"),
        ("incident_settings_write", "POST", FIELDS),
        ("incident_settings_read", "GET", f"{PATH}/config/types"),
    ],
)
async def test_a_missing_permission_is_a_403(
    world: World, connect: Connect, lacks: str, method: str, path: str
) -> None:
    """Each endpoint takes its own permission, and the rest go on working without it."""
    async with meet(world, connect, lacks=lacks) as (_, client):
        reply = await client.request(method, path)
        other = await client.get(f"{PATH}/config/types/{INCIDENT_TYPE}")
    assert (reply.status_code, reply.json()) == (403, {"errors": ["Forbidden"]})
    assert other.status_code == (403 if lacks == "incident_read" else 200)


async def test_a_key_of_another_site_is_refused_like_a_bad_one(
    world: World, connect: Connect
) -> None:
    """It is a 403, here in the longer form that gateways use, even when it is validated."""
    async with meet(world, connect, wrong_site=True) as (_, client):
        replies = [await client.get(path) for path in (PATH, "/api/v1/validate")]
    assert [reply.status_code for reply in replies] == [403, 403]
    assert replies[0].json()["errors"] == ["Forbidden"]
    assert replies[0].json()["statuspage"]


async def test_without_the_product_the_list_is_a_404(world: World, connect: Connect) -> None:
    """Where incidents are not enabled, the path is not there, though people are."""
    async with meet(world, connect, enabled=False) as (_, client):
        assert (await client.get(PATH)).status_code == 404
        assert (await client.get("/api/v2/users")).status_code == 200


async def test_gateways_say_more_than_the_service(double: DatadogSimulator) -> None:
    """A 502 of the gateway names a status page beside the error."""
    request = Call("GET", PATH)
    gateway = double.trouble("502", request)
    assert gateway.status == 502
    assert b"statuspage" in gateway.body
    assert b"statuspage" not in double.trouble("500", request).body


async def test_a_type_may_lack_a_field_of_another(world: World, connect: Connect) -> None:
    """Fields belong to one type: the same name has another id there, or is missing."""
    async with meet(world, connect, security_type=True, incidents=6) as (double, client):
        types = (await client.get(f"{PATH}/config/types")).json()["data"]
        fields = [
            (await client.get(FIELDS, params={"filter[incident-type]": one["id"]})).json()["data"]
            for one in types
        ]
        kinds = [one["attributes"]["incident_type_uuid"] for one in double.records()]
        about: dict[str, Any] = {"incident_type_uuid": SECURITY_TYPE}
        made = await make(client, **about)
        body = wrap({"external_reference": ["x"]}, title="T", customer_impacted=False, **about)
        refused = await client.post(PATH, json=body)
        unknown = await client.post(
            PATH, json=wrap(title="T", customer_impacted=False, incident_type_uuid="x")
        )
    assert [one["id"] for one in types] == [INCIDENT_TYPE, SECURITY_TYPE]
    assert [one["attributes"]["is_default"] for one in types] == [True, False]
    assert set(kinds) == {INCIDENT_TYPE, SECURITY_TYPE}
    ours, theirs = ({one["attributes"]["name"]: one["id"] for one in each} for each in fields)
    assert ours.keys() - theirs.keys() == {"external_reference"}
    assert not set(ours.values()) & set(theirs.values())
    assert "external_reference" not in made["attributes"]["fields"]
    assert (refused.status_code, unknown.status_code) == (400, 400)


def definition(name: str, kind: Any = 4, type_id: str = SECURITY_TYPE) -> dict[str, Any]:
    """Write the definition of a field."""
    related = {"incident_type": {"data": {"type": "incident_types", "id": type_id}}}
    about = {"name": name, "type": kind}
    return {"data": {"type": "user_defined_field", "attributes": about, "relationships": related}}


async def test_a_field_can_be_made(world: World, connect: Connect) -> None:
    """Every incident of its type shows it at once, unchanged, and it can be written."""
    async with meet(world, connect, security_type=True) as (_, client):
        made = await make(client, incident_type_uuid=SECURITY_TYPE)
        reply = await client.post(FIELDS, json=definition("external_reference"))
        assert reply.status_code == 201
        shown = await read(client, made["id"])
        await patch(client, made["id"], {"external_reference": ["peer:1"]})
        after = await read(client, made["id"])
    field = reply.json()["data"]
    assert shown["attributes"]["fields"]["external_reference"]["value"] is None
    assert field["id"] in {
        one["id"] for one in shown["relationships"]["user_defined_fields"]["data"]
    }
    assert shown["attributes"]["modified"] == made["attributes"]["modified"]
    assert after["attributes"]["fields"]["external_reference"]["value"] == ["peer:1"]


@pytest.mark.parametrize(
    "body",
    [
        definition("severity"),
        definition("_x"),
        definition("with space"),
        definition("x", kind=9),
        definition("x", type_id="nowhere"),
        {"data": {"type": "field"}},
    ],
)
async def test_a_bad_definition_is_refused(
    world: World, connect: Connect, body: dict[str, Any]
) -> None:
    """A name that is taken or none, a type that is none, and no incident type are 400."""
    async with meet(world, connect, security_type=True) as (_, client):
        assert (await client.post(FIELDS, json=body)).status_code == 400


async def test_numbers_and_dates_have_types_of_their_own(world: World, connect: Connect) -> None:
    """A number field takes numbers only; what its type is called is not published."""
    more = {"cost": "number", "due": "datetime"}
    async with meet(world, connect, extra_fields=more) as (_, client):
        made = await make(client, {"cost": 2.5, "due": "2026-02-03T00:00:00Z"})
        refused = await patch(client, made["id"], {"cost": "2"})
    assert made["attributes"]["fields"]["cost"] == {"type": "number", "value": 2.5}
    assert refused.status_code == 400


async def test_required_fields_do_not_bind_the_api(client: httpx.AsyncClient) -> None:
    """What people must fill in at declaration may be left out by a request."""
    listed = (await client.get(FIELDS)).json()["data"]
    required = [one["attributes"]["name"] for one in listed if one["attributes"]["required"]]
    made = await make(client)
    assert required == ["root_cause"]
    assert made["attributes"]["fields"]["root_cause"]["value"] is None


async def test_a_type_can_be_made_and_be_the_default(client: httpx.AsyncClient) -> None:
    """A new default takes the next incidents; it has none of the custom fields."""
    about = {"name": "Fraud", "is_default": True}
    body: dict[str, Any] = {"data": {"type": "incident_types", "attributes": about}}
    made = (await client.post(f"{PATH}/config/types", json=body)).json()["data"]
    types = (await client.get(f"{PATH}/config/types")).json()["data"]
    new = await make(client)
    assert [one["id"] for one in types if one["attributes"]["is_default"]] == [made["id"]]
    assert new["attributes"]["incident_type_uuid"] == made["id"]
    assert "external_reference" not in new["attributes"]["fields"]
    body["data"]["attributes"] = {}
    assert (await client.post(f"{PATH}/config/types", json=body)).status_code == 400


@pytest.mark.parametrize(
    ("severities", "first"),
    [("UNKNOWN,SEV-1,SEV-2", "UNKNOWN"), ("P1,P2,P3", "P3"), ("", "UNKNOWN")],
)
async def test_severities_are_the_organisations(
    world: World, connect: Connect, severities: str, first: str
) -> None:
    """Values are no closed list; without UNKNOWN a new incident has the mildest."""
    async with meet(world, connect, severities=severities) as (double, client):
        made = await make(client)
        refused = await patch(client, made["id"], {"severity": "SEV-9"})
    assert made["attributes"]["severity"] == first
    assert refused.status_code == 400
    known = severities.split(",") if severities else [f"SEV-{n}" for n in range(6)]
    assert {one["attributes"]["severity"] for one in double.records()} <= {*known, "UNKNOWN"}


@pytest.mark.parametrize(("completed", "status"), [(True, 200), (False, 400)])
async def test_the_last_state_is_optional(
    world: World, connect: Connect, completed: bool, status: int
) -> None:
    """An organisation has a state behind resolved or it has not."""
    async with meet(world, connect, completed=completed) as (_, client):
        made = await make(client)
        assert (await patch(client, made["id"], {"state": "completed"})).status_code == status


async def test_people_come_in_three_states(client: httpx.AsyncClient) -> None:
    """A filter shows disabled and pending users too, unless it names a status."""
    everybody = (await client.get("/api/v2/users", params={"filter": "@example.com"})).json()
    pending = (await client.get("/api/v2/users", params={"filter[status]": "Pending"})).json()
    about = {one["attributes"]["status"]: one["attributes"] for one in everybody["data"]}
    assert about.keys() == {"Active", "Disabled", "Pending"}
    assert about["Disabled"]["disabled"] is True
    assert (about["Pending"]["name"], about["Pending"]["verified"]) == (None, False)
    assert [one["id"] for one in pending["data"]] == [USERS[-1].id]


async def test_an_invited_user_has_a_small_address(client: httpx.AsyncClient) -> None:
    """E-mails are kept in lower case; the same one cannot be invited again."""
    body: dict[str, Any] = {"data": {"type": "users", "attributes": {"email": "Gus@Example.com"}}}
    made, again = [await client.post("/api/v2/users", json=body) for _ in range(2)]
    user = made.json()["data"]
    assert (user["attributes"]["email"], user["attributes"]["status"]) == (
        "gus@example.com",
        "Pending",
    )
    assert again.status_code == 409
    assert (await client.delete(f"/api/v2/users/{user['id']}")).status_code == 204
    after = (await client.get(f"/api/v2/users/{user['id']}")).json()["data"]
    assert after["attributes"]["status"] == "Disabled"
    body["data"]["attributes"]["email"] = "nobody"
    assert (await client.post("/api/v2/users", json=body)).status_code == 400


async def test_a_private_incident_looks_like_none(
    double: DatadogSimulator, client: httpx.AsyncClient, clock: Clock
) -> None:
    """Once visibility flips, list, get, search and attachments know nothing of it."""
    key = double.add(title="Secret")
    clock.pass_(3)
    assert (await client.get(f"{PATH}/{key}")).status_code == 200
    double.edit(key, visibility="private")
    clock.pass_(3)
    listed = (await client.get(PATH)).json()
    gone = await client.get(f"{PATH}/{key}")
    assert key not in {one["id"] for one in listed["data"]}
    assert listed["meta"]["pagination"]["size"] == 8
    assert (gone.status_code, gone.json()) == (404, {"errors": [f"incident {key} not found"]})
    assert (await search(client, "Secret"))["total"] == 0
    assert (await client.get(f"{PATH}/{key}/attachments")).status_code == 404
    double.edit(key, visibility="organization")
    assert (await client.get(f"{PATH}/{key}")).status_code == 200


async def test_who_takes_part_sees_private_incidents(world: World, connect: Connect) -> None:
    """The key's owner sees what it made or answers for, and with a permission everything."""
    async with meet(world, connect, private_by_default=True) as (double, client):
        made = await make(client)
        imported = await client.post(f"{PATH}/import", json=wrap(title="Old"))
        other = double.add(visibility="private")
        statuses = [
            (await client.get(f"{PATH}/{key}")).status_code
            for key in (made["id"], imported.json()["data"]["id"], other)
        ]
    assert made["attributes"]["visibility"] == "private"
    assert statuses == [200, 200, 404]
    async with meet(world, connect, sees_private=True) as (double, client):
        other = double.add(visibility="private")
        assert (await read(client, other))["attributes"]["visibility"] == "private"


async def test_private_incidents_may_shorten_pages(world: World, connect: Connect) -> None:
    """With the switch a page has holes: short, even empty, though more rows follow."""
    switches = {"private_shortens_pages": True, "incidents": 6}
    async with meet(world, connect, **switches) as (double, client):
        for key in double.ids()[1:4]:
            double.edit(key, visibility="private")
        pages = [
            (await client.get(PATH, params={"page[size]": 2, "page[offset]": offset})).json()
            for offset in (0, 2, 4)
        ]
    assert [len(page["data"]) for page in pages] == [1, 0, 2]
    assert [page["meta"]["pagination"]["next_offset"] for page in pages] == [2, 4, 6]


async def test_the_quota_counts_by_the_clock(world: World, connect: Connect, clock: Clock) -> None:
    """Beyond it comes a 429 that says how many seconds remain until the clock's next minute."""
    async with meet(world, connect, quota=2) as (_, client):
        served = [await client.get(PATH) for _ in range(3)]
        assert [reply.status_code for reply in served] == [200, 200, 429]
        assert [reply.headers["x-ratelimit-remaining"] for reply in served] == ["1", "0", "0"]
        refused = served[-1]
        assert refused.json() == {"errors": ["Too many requests"]}
        assert refused.headers["x-ratelimit-reset"] == str(60 - clock.at.second)
        assert refused.headers["x-ratelimit-period"] == "60"
        clock.pass_(int(refused.headers["x-ratelimit-reset"]))
        assert (await client.get(PATH)).status_code == 200


async def test_without_a_quota_nothing_is_used_up(world: World, connect: Connect) -> None:
    """The headers count down from the usual limit, and nobody is ever told that none is left."""
    async with meet(world, connect, incidents=0) as (_, client):
        left = {(await client.get(PATH)).headers["x-ratelimit-remaining"] for _ in range(1001)}
    assert len(left) == 1000
    assert "0" not in left


async def test_the_edge_may_refuse_in_html(world: World, connect: Connect) -> None:
    """A 429 may have neither JSON nor headers that say when to come back."""
    async with meet(world, connect, quota=1, period=10, html_429=True) as (_, client):
        first = await client.get(PATH)
        refused = await client.get(PATH)
    assert first.headers["x-ratelimit-period"] == "10"
    assert refused.status_code == 429
    assert refused.headers["content-type"].startswith("text/html")
    assert "x-ratelimit-reset" not in refused.headers


@pytest.mark.parametrize(
    "switch",
    [
        {"timeline": "markdown"},
        {"delete_refusal": 404},
        {"slug_source": "jira"},
        {"search_lag": -1.0},
        {"facet_bloat": -1},
        {"quota": -1},
        {"period": 0},
        {"lacks": "incident_wirte"},
        {"severities": "UNKNOWN"},
        {"severities": ",".join(f"P{n}" for n in range(12))},
    ],
)
async def test_a_switch_that_cannot_be_set_is_said(world: World, switch: dict[str, Any]) -> None:
    """A value outside of what the service can do is a ValueError that names it."""
    with pytest.raises(ValueError, match=f"{next(iter(switch))}|permission: incident_wirte"):
        DatadogSimulator(world, **switch)
