"""DevRev's traps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from instep.simulator.devrev import DevRevSimulator
from instep.simulator.devrev.errors import RefusedError
from instep.simulator.devrev.lookups import PARTS, STAGE_IDS, USERS
from tests.simulator.devrev import ask, make, walk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from instep.simulator.world import World
    from tests.simulator.conftest import Clock, Connect

pytestmark = pytest.mark.asyncio


@pytest.fixture
def double(world: World) -> DevRevSimulator:
    """Answer a DevRev with eight incidents."""
    return DevRevSimulator(world)


@pytest.fixture
async def client(double: DevRevSimulator, connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of it."""
    async with connect(double) as made:
        yield made


async def test_a_bearer_token_is_needed(double: DevRevSimulator, connect: Connect) -> None:
    """Without `Bearer` the answer is 401, and so is it for another token than the one set."""
    async with connect(double, authorization="t") as client:
        assert (await ask(client, "incidents.list"))[0] == 401
    guarded = DevRevSimulator(double.world, token="right", incidents=0)
    async with connect(guarded) as client:
        status, body = await ask(client, "incidents.list")
    assert (status, body["type"]) == (401, "unauthenticated")


async def test_incidents_are_beta(world: World, double: DevRevSimulator, connect: Connect) -> None:
    """Without the scope header incidents are refused, lookups are not."""
    async with connect(double, authorization="Bearer t") as client:
        assert (await ask(client, "incidents.list"))[0] == 403
        assert (await ask(client, "dev-users.self"))[0] == 200
    lenient = DevRevSimulator(world, require_beta_scope=False)
    async with connect(lenient, authorization="Bearer t") as client:
        assert (await ask(client, "incidents.list"))[0] == 200


async def test_a_wrong_route_is_a_404_without_a_type(client: httpx.AsyncClient) -> None:
    """A typo in the verb must not look like a deleted incident."""
    assert await ask(client, "incidents.gett") == (404, {"message": "route not found"})


@pytest.mark.parametrize(
    ("body", "error", "field"),
    [
        ({}, "missing_required_field", "title"),
        ({"title": "T", "severities": 1}, "invalid_field", "severities"),
        ({"title": "T", "severity": "sev-1"}, "unexpected_json_type", "severity"),
        ({"title": "T", "severity": 9}, "value_not_permitted", "severity"),
        ({"title": "T", "stage": "triage"}, "unexpected_json_type", "stage"),
        ({"title": "T", "stage": {"stage": "triage"}}, "invalid_id", "stage.stage"),
        ({"title": "T", "stage": {"stage": "DEVU-1"}}, "unexpected_id_type", "stage.stage"),
        ({"title": "T", "stage": {"name": "triage"}}, "invalid_field", "stage.name"),
        ({"title": "T", "owned_by": ["DEVU-99"]}, "invalid_id", "owned_by"),
        ({"title": "T", "owned_by": ["TAG-9"]}, "unexpected_id_type", "owned_by"),
        ({"title": "T", "identified_date": None}, "unexpected_json_type", "identified_date"),
        ({"title": "T", "actual_close_date": "2026-01-01T00:00:00Z"}, "invalid_field", None),
        ({"title": "T", "tags": [{"value": "eu"}]}, "missing_required_field", "tags.tag_id"),
        ({"title": ""}, "value_not_permitted", "title"),
        ({"title": "T", "severity": 1.5}, "value_not_permitted", "severity"),
        ({"title": "T", "stage": {"notes": "N"}}, "missing_required_field", "stage.stage"),
        ({"title": "T", "custom_fields": {"tnt__region": "eu"}}, None, "tnt__region"),
    ],
)
async def test_bad_creates_are_refused(
    client: httpx.AsyncClient, body: dict[str, Any], error: str | None, field: str | None
) -> None:
    """Unknown keys, wrong types, names for ids and null are each refused by name."""
    status, answer = await ask(client, "incidents.create", **body)
    assert (status, answer["type"]) == (400, error or "customization_validation_error")
    assert answer["field_name"] == (field or "actual_close_date")


async def test_lists_are_wrapped_in_updates(client: httpx.AsyncClient) -> None:
    """A bare array in an update is refused; `set` replaces all, an empty wrapper nothing."""
    made = await make(client, owned_by=["DEVU-2", "DEVU-3"])
    status, answer = await ask(client, "incidents.update", id=made["id"], owned_by=["DEVU-2"])
    wanted = {"field_name": "owned_by", "expected": "object", "actual": "array"}
    assert (status, {key: answer.get(key) for key in wanted}) == (400, wanted)
    _, kept = await ask(client, "incidents.update", id=made["id"], owned_by={})
    assert len(kept["incident"]["owned_by"]) == 2
    _, emptied = await ask(client, "incidents.update", id=made["id"], owned_by={"set": []})
    assert "owned_by" not in emptied["incident"]


async def test_reads_are_not_writes(client: httpx.AsyncClient) -> None:
    """An int, ids and a stage id come back as objects; what is empty is left out."""
    made = await make(client, severity=2, applies_to_parts=["RUNN-5"], body="")
    assert made["severity"] == {"id": 2, "label": "sev-1", "ordinal": 2}
    assert made["stage"]["state"] == {"id": made["stage"]["state"]["id"], "name": "open"} | {
        "is_final": False
    }
    assert made["applies_to_parts"][0]["name"] == "Checkout"
    assert not {"body", "owned_by", "reported_by", "sync_metadata"} & made.keys()


async def test_timestamps_drop_trailing_zeros(client: httpx.AsyncClient) -> None:
    """Milliseconds are kept, offsets become UTC, and zeros at the end disappear."""
    made = await make(
        client,
        identified_date="2026-02-03T10:12:00.1009+01:00",
        mitigated_date="2026-02-03T09:12:00.000Z",
    )
    assert made["identified_date"] == "2026-02-03T09:12:00.1Z"
    assert made["mitigated_date"] == "2026-02-03T09:12:00Z"


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_date_beyond_the_calendar_is_refused(client: httpx.AsyncClient, date: str) -> None:
    """Its offset takes it where no date is in UTC: that is a 400 and no broken service."""
    status, body = await ask(client, "incidents.create", title="T", identified_date=date)
    assert (status, body["field_name"]) == (400, "identified_date")
    after = {"type": "range", "after": date}
    status, body = await ask(client, "incidents.list", modified_date=after)
    assert (status, body["field_name"]) == (400, "modified_date.after")


async def test_a_preset_reaches_as_far_as_its_number_goes(client: httpx.AsyncClient) -> None:
    """Days are documented up to 4294967295, and none are below zero."""
    preset = {"type": "preset", "preset_type": "last_n_days"}
    _, everything = await ask(client, "incidents.list")
    _, body = await ask(client, "incidents.list", modified_date=preset | {"days": 2**32 - 1})
    assert body == everything
    for days in (-1, 2**32):
        status, body = await ask(client, "incidents.list", modified_date=preset | {"days": days})
        assert (status, body["field_name"]) == (400, "modified_date.days")


async def test_stages_follow_the_diagram(client: httpx.AsyncClient) -> None:
    """A forbidden move or start is 400 unless the request says that it knows."""
    resolved = {"stage": {"stage": STAGE_IDS["resolved"]}}
    status, _ = await ask(client, "incidents.create", title="T", **resolved)
    assert status == 400
    made = await make(client, **resolved, stage_validation_options=["allow_non_start"])
    assert made["actual_close_date"]
    other = await make(client)
    assert (await ask(client, "incidents.update", id=other["id"], **resolved))[0] == 400
    option = {"stage_validation_options": ["allow_invalid_transition"]}
    status, moved = await ask(client, "incidents.update", id=other["id"], **resolved, **option)
    assert status == 200
    assert moved["incident"]["actual_close_date"]
    assert "mitigated_date" not in moved["incident"]


async def test_each_update_moves_the_date(client: httpx.AsyncClient) -> None:
    """Even an update without a change counts, and even while the clock stands still."""
    made = await make(client)
    _, answer = await ask(client, "incidents.update", id=made["id"])
    assert answer["incident"]["modified_date"] != made["modified_date"]


async def test_sync_metadata_is_merged_and_found(
    world: World, client: httpx.AsyncClient, connect: Connect
) -> None:
    """An update of one part keeps the rest; the reference finds every record that carries it."""
    sync = {"external_reference": "https://peer/1", "origin_system": "peer"}
    made = [(await make(client, sync_metadata=sync))["id"] for _ in range(2)]
    done = {"last_sync_in": {"status": "succeeded", "sync_date": "2026-02-03T09:00:00.000Z"}}
    await ask(client, "incidents.update", id=made[0], sync_metadata=done)
    wanted = {"external_reference": ["https://peer/1"]}
    _, found = await ask(client, "incidents.list", sync_metadata=wanted)
    assert {one["id"] for one in found["incidents"]} == set(made)
    _, one = await ask(
        client, "incidents.list", sync_metadata=wanted | {"last_sync_in": {"status": ["succeeded"]}}
    )
    assert [row["id"] for row in one["incidents"]] == made[:1]
    assert one["incidents"][0]["sync_metadata"]["last_sync_in"]["sync_date"].endswith("00Z")
    async with connect(DevRevSimulator(world, sync_metadata="refuse")) as refusing:
        assert (await ask(refusing, "incidents.create", title="T", sync_metadata=sync))[0] == 403


async def test_date_filters_are_tagged_and_inclusive(
    double: DevRevSimulator, client: httpx.AsyncClient
) -> None:
    """Without `type` a date filter is refused, with it both bounds belong to the range."""
    dates = sorted(one["modified_date"] for one in double.records())
    status, answer = await ask(client, "incidents.list", modified_date={"after": dates[2]})
    assert (status, answer["field_name"]) == (400, "modified_date.type")
    span = {"type": "range", "after": dates[2], "before": dates[4]}
    _, found = await ask(client, "incidents.list", modified_date=span)
    assert len(found["incidents"]) == 3
    days = {"type": "preset", "preset_type": "last_n_days", "days": 30}
    assert len((await ask(client, "incidents.list", created_date=days))[1]["incidents"]) == 8


async def test_date_filters_do_not_exist_on_get(client: httpx.AsyncClient) -> None:
    """The GET form takes comma-joined and dotted parameters, but no dates."""
    good = await client.get("/incidents.list?severity=1,2&staged_info.is_staged=false&limit=3")
    assert good.status_code == 200
    assert all(one["severity"]["id"] in {1, 2} for one in good.json()["incidents"])
    for name in ("modified_date.after=2026-01-01T00:00:00Z", "modified_date=x"):
        assert (await client.get(f"/incidents.list?{name}")).status_code == 400


async def test_a_walk_visits_each_incident_once(
    double: DevRevSimulator, client: httpx.AsyncClient
) -> None:
    """Opaque cursors lead to the end, where none is given, whatever is edited on the way."""
    body: dict[str, Any] = {"limit": 3, "sort_by": ["modified_date:asc"]}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        _, page = await ask(client, "incidents.list", **body, **cursor)
        seen += [one["id"] for one in page["incidents"]]
        double.edit(seen[0], title="Edited during the walk")
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(seen) == sorted(double.ids())
    back = {"cursor": page["prev_cursor"], "mode": "before"}
    _, before = await ask(client, "incidents.list", **body, **back)
    assert [one["id"] for one in before["incidents"]] == seen[3:6]


async def test_the_last_page_can_be_asked_for(client: httpx.AsyncClient) -> None:
    """Backwards without a cursor is the last page, in the order asked for."""
    whole = await walk(client, "incidents.list", "incidents", sort_by=["title:asc"])
    _, page = await ask(client, "incidents.list", sort_by=["title:asc"], mode="before", limit=2)
    assert page["incidents"] == whole[0][-2:]


async def test_an_empty_answer_has_the_list_of_its_verb(
    world: World, client: httpx.AsyncClient
) -> None:
    """In trouble a listing may be empty under its own key."""
    for verb, key in (("incidents.group", "groups"), ("parts.list", "parts")):
        world.fault(verb, "empty")
        assert await ask(client, verb) == (200, {key: []})


async def test_a_cursor_belongs_to_its_query(client: httpx.AsyncClient) -> None:
    """A cursor with another filter is refused, as is one made up."""
    _, page = await ask(client, "incidents.list", limit=3)
    for body in ({"cursor": page["next_cursor"], "severity": [1]}, {"cursor": "made-up"}):
        assert (await ask(client, "incidents.list", **body))[0] == 400


async def test_limits_and_sorting_are_checked(client: httpx.AsyncClient) -> None:
    """More than 100 rows, or the minus form of sorting, are refused."""
    assert (await ask(client, "incidents.list", limit=101))[0] == 400
    assert (await ask(client, "incidents.list", sort_by=["-modified_date"]))[0] == 400
    _, page = await ask(client, "incidents.list", sort_by=["title:desc"])
    titles = [one["title"] for one in page["incidents"]]
    assert titles == sorted(titles, reverse=True)


async def test_a_list_may_lag_behind(world: World, clock: Clock, connect: Connect) -> None:
    """With a lag, a new incident is there for get at once and for list only later."""
    double = DevRevSimulator(world, list_lag=5)
    async with connect(double) as client:
        made = await make(client)
        assert (await ask(client, "incidents.get", id=made["id"]))[0] == 200
        assert len((await ask(client, "incidents.list"))[1]["incidents"]) == 8
        clock.pass_(5)
        assert len((await ask(client, "incidents.list"))[1]["incidents"]) == 9


async def test_the_other_filters_narrow(double: DevRevSimulator, client: httpx.AsyncClient) -> None:
    """Stages, people, parts, authors, custom fields and absent things select as they should."""
    key = double.add(stage="mitigated", owned_by=["ben@example.com"], title="Needle")
    double.edit(key, custom_fields={"tnt__region": "eu"}, applies_to_parts=["Search"])
    filters: list[dict[str, Any]] = [
        {"stage": [STAGE_IDS["mitigated"]], "title": ["Needle"]},
        {"owned_by": ["DEVU-3"], "title": ["Needle"]},
        {"applies_to_parts": [PARTS[1].id], "title": ["Needle"]},
        {"created_by": [USERS[1].id], "title": ["Needle"]},
        {"custom_fields": {"tnt__region": ["eu"]}},
    ]
    for body in filters:
        _, found = await ask(client, "incidents.list", **body)
        assert [one["id"] for one in found["incidents"]] == [key]
    assert (await ask(client, "incidents.list", pia=["ART-7"]))[1]["incidents"] == []


async def test_groups_have_keys_totals_and_cursors(client: httpx.AsyncClient) -> None:
    """Groups are paged apart from their incidents, and say how many they hold."""
    _, page = await ask(client, "incidents.group", group_by="severity", limit=1, limit_per_group=1)
    group = page["groups"][0]
    assert group["key"]["type"] == "int"
    assert len(group["incidents"]) == 1
    assert ("next_cursor" in group) == (group["total"] > 1)
    _, rest = await ask(
        client,
        "incidents.group",
        group_by="severity",
        limit_per_group=1,
        cursor=page["next_cursor"],
    )
    keys = [one["key"]["value"] for one in rest["groups"]]
    assert group["key"]["value"] not in keys
    _, stages = await ask(client, "incidents.group", group_by="stage")
    assert sum(one["total"] for one in stages["groups"]) == 8
    assert {"type": "stage", "name": "triage"} in [one["key"] for one in stages["groups"]]
    assert (await ask(client, "incidents.group"))[1]["field_name"] == "group_by"


async def test_deleting_leaves_no_trace(client: httpx.AsyncClient) -> None:
    """Afterwards get is a typed 404 and the list is shorter."""
    made = await make(client)
    assert await ask(client, "incidents.delete", id=made["id"]) == (200, {})
    status, answer = await ask(client, "incidents.get", id=made["id"])
    assert (status, answer["type"]) == (404, "not_found")
    assert (await ask(client, "incidents.get", id="nonsense"))[1]["type"] == "invalid_id"


async def test_every_answer_counts_down(client: httpx.AsyncClient) -> None:
    """Rate-limit headers stand on good and bad answers alike."""
    first = await client.get("/incidents.list")
    second = await client.get("/nowhere")
    left = [int(reply.headers["x-ratelimit-remaining"]) for reply in (first, second)]
    assert left[0] - left[1] == 1


async def test_lookups_resolve_names(client: httpx.AsyncClient) -> None:
    """Severities, stages, people, parts and tags can be found by what people call them."""
    _, schema = await ask(client, "schemas.aggregated.get", leaf_type="incident")
    severity = schema["schema"]["stock_fields"][0]["allowed_values"]
    assert [one["label"] for one in severity] == ["sev-0", "sev-1", "sev-2", "sev-3"]
    _, diagram = await ask(client, "stage-diagrams.get", leaf_type="incident")
    assert [one["stage"]["name"] for one in diagram["stage_diagram"]["stages"]] == list(STAGE_IDS)
    _, stages = await ask(client, "stages.custom.list", name=["resolved"])
    assert stages["result"][0]["state"]["is_final"] is True
    _, people = await ask(client, "dev-users.list", email=["ana@example.com"])
    assert [one["display_id"] for one in people["dev_users"]] == ["DEVU-2"]
    _, parts = await ask(client, "parts.list", name=["Checkout"], type=["runnable"])
    assert [one["id"] for one in parts["parts"]] == [PARTS[0].id]
    _, tags = await ask(client, "tags.list", name=["region"])
    assert tags["tags"][0]["allowed_values"] == ["eu", "us", "ap"]
    _, active = await ask(client, "dev-users.list", state=["deactivated"])
    assert [one["email"] for one in active["dev_users"]] == ["eve@example.com"]
    assert (await ask(client, "stage-diagrams.get", leaf_type="task"))[0] == 404
    refused = await ask(
        client, "schemas.aggregated.get", custom_schema_spec={"tenant_fragment": True}
    )
    assert refused[0] == 400


async def test_bodies_must_be_json_objects(client: httpx.AsyncClient) -> None:
    """A missing body, another content type and broken JSON are each refused."""
    json = {"content-type": "application/json"}
    replies = [
        await client.post("/incidents.list"),
        await client.post("/incidents.list", headers=json),
        await client.post("/incidents.list", headers=json, content=b"{"),
        await client.post("/incidents.list", json=[]),
    ]
    assert [reply.status_code for reply in replies] == [400] * 4


async def test_a_person_edits_in_words(double: DevRevSimulator) -> None:
    """A person names severities and stages, empties fields, and is no sync bot."""
    key = double.ids()[0]
    double.edit(key, severity="sev-3", stage="resolved", body=None, title="By hand")
    double.edit(
        "INC-1", external_reference="https://peer/9", identified_date="2026-01-01T00:00:00Z"
    )
    double.edit(key, reported_by="Customer", tags=["region"])
    with pytest.raises(RefusedError):
        double.edit(key, stage="asleep")
    record = double.records()[0]
    assert (record["severity"]["label"], record["title"]) == ("sev-3", "By hand")
    assert record["reported_by"]["label"] == "Customer"
    assert [one["tag"]["name"] for one in record["tags"]] == ["region"]
    assert "body" not in record
    assert record["sync_metadata"] == {"external_reference": "https://peer/9"}
    assert record["modified_by"]["email"] == "ana@example.com"
    double.delete(key)
    assert len(double.ids()) == 7
