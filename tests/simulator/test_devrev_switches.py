"""What no source tells of DevRev: each switch of its double, both ways."""

from __future__ import annotations

import inspect
import re
from typing import Any

import httpx
import pytest

from instep.simulator.devrev import DevRevSimulator
from instep.simulator.devrev.lookups import STAGE_IDS
from instep.simulator.devrev.switches import NAMES
from instep.simulator.world import World
from tests.simulator.conftest import Clock, Connect
from tests.simulator.devrev import ask, make, refusal


def test_every_switch_is_explained() -> None:
    """The class says what each keyword does, and each keyword but two is a switch."""
    said = re.findall(r"^    - ``(\w+)``:", DevRevSimulator.__doc__ or "", re.MULTILINE)
    taken = inspect.signature(DevRevSimulator).parameters
    assert said == [name for name in taken if name not in {"world", "token", "incidents"}]
    assert set(said) == NAMES


@pytest.mark.parametrize(
    "wrong",
    [
        {"sync_metadata": "lose"},
        {"over_limit": "413"},
        {"nulls": "keep"},
        {"email_case": "upper"},
        {"title_filter": "like"},
        {"unauthorized": "nobody"},
        {"missing": 500},
        {"max_limit": 0},
        {"max_body": 0},
        {"quota": -1},
    ],
)
def test_a_switch_refuses_other_words(world: World, wrong: dict[str, Any]) -> None:
    """A word that no switch knows is a ValueError that names the switch."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DevRevSimulator(world, **wrong)


@pytest.mark.parametrize(("version", "status"), [("2024-01-24", 200), ("1999-01-01", 400)])
async def test_versions_are_checked(
    world: World, connect: Connect, version: str, status: int
) -> None:
    """An unknown version header is invalid_api_version, and says which; none is fine."""
    usual = {"authorization": "Bearer t", "x-devrev-scope": "beta"}
    async with connect(DevRevSimulator(world), **usual, **{"x-devrev-version": version}) as client:
        reply = await client.post("/incidents.list", json={})
    assert reply.status_code == status
    assert reply.json().get("value") == (None if status == 200 else version)


@pytest.mark.parametrize("kind", ["unauthenticated", "token_expired", "token_revoked"])
async def test_a_token_is_refused_for_a_reason(world: World, connect: Connect, kind: str) -> None:
    """The newer document tells apart why a token is not taken."""
    double = DevRevSimulator(world, token="right", unauthorized=kind)
    async with connect(double) as client:
        assert await refusal(client, "incidents.list") == {"status": 401, "type": kind}


async def test_a_large_body_is_413(world: World, connect: Connect) -> None:
    """Bodies beyond the limit are refused before they are read."""
    async with connect(DevRevSimulator(world, max_body=1000)) as client:
        refused = await refusal(client, "incidents.create", title="T", body="x" * 1000)
    assert refused == {"status": 413, "type": "request_entity_too_large"}


@pytest.mark.parametrize(("over", "status"), [("400", 400), ("clamp", 200)])
async def test_a_limit_beyond_the_most(
    world: World, connect: Connect, over: str, status: int
) -> None:
    """What more than the most rows gives is not told: a refusal, or the most."""
    double = DevRevSimulator(world, over_limit=over, max_limit=5)
    async with connect(double) as client:
        found, data = await ask(client, "incidents.list", limit=6)
        assert found == status
        assert len(data.get("incidents", [])) == (5 if status == 200 else 0)
        assert len((await ask(client, "incidents.list"))[1]["incidents"]) == 5
        assert (await ask(client, "incidents.list", limit=0))[0] == 400


async def test_pages_and_order_without_being_asked(world: World, connect: Connect) -> None:
    """The default limit and the default order are the service's own."""
    double = DevRevSimulator(world, default_limit=3, default_sort="title:asc")
    async with connect(double) as client:
        _, page = await ask(client, "incidents.list")
    titles = sorted(one["title"] for one in double.records())
    assert [one["title"] for one in page["incidents"]] == titles[:3]
    async with connect(DevRevSimulator(world)) as client:
        _, page = await ask(client, "incidents.list")
    dates = [one["created_date"] for one in page["incidents"]]
    assert dates == sorted(dates, reverse=True)


async def test_date_filters_may_be_refused(world: World, connect: Connect) -> None:
    """Older accounts were seen to refuse date filters of other objects."""
    span = {"type": "range", "after": "2026-01-01T00:00:00Z"}
    async with connect(DevRevSimulator(world, date_filters=False)) as client:
        refused = await refusal(client, "incidents.list", modified_date=span)
    assert refused == {"status": 400, "type": "invalid_field", "field_name": "modified_date"}


@pytest.mark.parametrize(("how", "found"), [("exact", 0), ("contains", 1)])
async def test_titles_match_whole_or_in_part(
    world: World, connect: Connect, how: str, found: int
) -> None:
    """Whether a title has to be exact is not told."""
    double = DevRevSimulator(world, title_filter=how)
    double.add(title="A needle in the hay")
    async with connect(double) as client:
        _, data = await ask(client, "incidents.list", title=["Needle"])
    assert len(data["incidents"]) == found


async def test_fields_may_be_required(world: World, connect: Connect) -> None:
    """An organisation can ask for more than a title."""
    double = DevRevSimulator(world, required_on_create="severity,owned_by")
    async with connect(double) as client:
        refused = await refusal(client, "incidents.create", title="T", severity=1)
        assert (refused["type"], refused["field_name"]) == ("missing_required_field", "owned_by")
        await make(client, severity=1, owned_by=["DEVU-2"])


async def test_a_service_account_is_no_dev_user(world: World, connect: Connect) -> None:
    """It cannot ask who it is, signs what it makes, and is the one that may set a source."""
    async with connect(DevRevSimulator(world, service_account=True)) as client:
        assert (await refusal(client, "dev-users.self"))["status"] == 403
        made = await make(client, source=1)
        assert made["created_by"]["type"] == "service_account"
        assert made["source"]["label"] == "Monitoring"
        assert (await refusal(client, "incidents.create", title="T", source=9))["status"] == 400
    async with connect(DevRevSimulator(world)) as client:
        refused = await refusal(client, "incidents.create", title="T", source=1)
        assert refused["field_name"] == "source"
        _, me = await ask(client, "dev-users.self")
        assert me["dev_user"]["email"] == "instep-bot@example.com"


@pytest.mark.parametrize(("missing", "kind"), [(404, "not_found"), (400, "invalid_id")])
async def test_what_is_missing(world: World, connect: Connect, missing: int, kind: str) -> None:
    """An id that names nothing is 404, or as others saw it 400."""
    async with connect(DevRevSimulator(world, missing=missing)) as client:
        refused = await refusal(client, "incidents.get", id="INC-99")
    assert (refused["status"], refused["type"]) == (missing, kind)


async def written(client: httpx.AsyncClient, **body: Any) -> tuple[int, dict[str, Any]]:
    """Update the first incident; answer status and incident."""
    status, data = await ask(client, "incidents.update", id="INC-1", **body)
    return status, data.get("incident", {})


@pytest.mark.parametrize(
    ("nulls", "status", "left"),
    [("refuse", 400, False), ("ignore", 200, True), ("clear", 200, False)],
)
async def test_null_in_a_write(
    world: World, connect: Connect, nulls: str, status: int, left: bool
) -> None:
    """Null is documented as an unexpected type; a service may pass over it, or empty the field."""
    double = DevRevSimulator(world, nulls=nulls)
    double.edit("INC-1", severity="sev-1", owned_by=["ana@example.com"])
    double.edit("INC-1", custom_fields={"tnt__region": "eu"})
    spec = {"custom_schema_spec": {"tenant_fragment": True}, "custom_fields": {"tnt__region": None}}
    async with connect(double) as client:
        said, incident = await written(client, severity=None, owned_by=None, title=None, **spec)
    assert said == status
    held = {"severity", "owned_by", "custom_fields"} & incident.keys()
    assert held == ({"severity", "owned_by", "custom_fields"} if left else set())
    assert double.records()[0]["title"]


async def test_transitions_may_be_free(world: World, connect: Connect) -> None:
    """Others saw no enforcement on works: then any move and any start will do."""
    async with connect(DevRevSimulator(world, transitions=False)) as client:
        made = await make(client, stage={"stage": STAGE_IDS["duplicate"]})
        status, _ = await ask(
            client, "incidents.update", id=made["id"], stage={"stage": STAGE_IDS["triage"]}
        )
    assert status == 200


async def test_a_quota_counts_by_the_clock(world: World, connect: Connect, clock: Clock) -> None:
    """Beyond it comes a 429 that says when the clock's next minute begins, in either way."""
    async with connect(DevRevSimulator(world, quota=2)) as client:
        served = [await client.get("/incidents.list") for _ in range(3)]
        assert [reply.status_code for reply in served] == [200, 200, 429]
        assert [reply.headers["x-ratelimit-remaining"] for reply in served] == ["1", "0", "0"]
        assert {reply.headers["x-ratelimit-limit"] for reply in served} == {"2"}
        wait = 60 - clock.at.second
        refused = served[-1]
        assert refused.json()["retry_after"] == int(refused.headers["retry-after"]) == wait
        then = int(clock.at.timestamp()) + wait
        assert refused.headers["x-ratelimit-reset"] == str(then)
        clock.pass_(wait)
        assert (await client.get("/incidents.list")).headers["x-ratelimit-remaining"] == "1"


async def test_without_a_quota_nothing_is_used_up(world: World, connect: Connect) -> None:
    """The headers count down from the usual limit, and nobody is ever told that none is left."""
    double = DevRevSimulator(world)
    async with connect(double) as client:
        await client.get("/incidents.list")
        double._served = 7998
        replies = [await client.get("/incidents.list") for _ in range(4)]
    left = [reply.headers["x-ratelimit-remaining"] for reply in replies]
    assert left == ["1", "8000", "7999", "7998"]
