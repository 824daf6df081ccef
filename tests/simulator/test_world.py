"""The world: faults, the log, and the peep-holes for tests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.devrev import DevRevSimulator
from instep.simulator.index import Index
from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.world import ReplyLostError, World

if TYPE_CHECKING:
    from tests.simulator.conftest import Clock, Connect

pytestmark = pytest.mark.asyncio
TITLE = {"title": "Lost in transit"}


async def test_a_fault_strikes_once_and_only_where_it_matches(
    world: World, connect: Connect
) -> None:
    """The nth matching request fails, those before and after it do not."""
    async with connect(DevRevSimulator(world)) as client:
        world.fault("incidents.create", "500-before", nth=2)
        statuses = [
            (await client.post(f"/incidents.{verb}", json=body)).status_code
            for verb, body in (
                ("create", TITLE),
                ("list", {}),
                ("create", TITLE),
                ("create", TITLE),
            )
        ]
    assert statuses == [201, 200, 500, 201]


@pytest.mark.parametrize(
    ("kind", "status", "made"),
    [
        ("500-before", 500, 0),
        ("429", 429, 0),
        ("401", 401, 0),
        ("403", 403, 0),
        ("502", 502, 0),
        ("503", 503, 0),
        ("html", 200, 0),
        ("500-after", 500, 1),
        ("garbage", 201, 1),
    ],
)
async def test_a_fault_says_whether_the_write_took_effect(
    world: World, connect: Connect, kind: str, status: int, made: int
) -> None:
    """Faults before the effect leave nothing behind, faults after it leave the record."""
    double = DevRevSimulator(world, incidents=0)
    async with connect(double) as client:
        world.fault("POST /incidents.create", kind)
        reply = await client.post("/incidents.create", json=TITLE)
    assert (reply.status_code, len(double.ids())) == (status, made)


async def test_a_hanging_request_ends_only_when_it_is_cancelled(
    world: World, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that hangs has no effect and never answers by itself."""
    double = DevRevSimulator(world, incidents=0)
    arrived = asyncio.Event()
    monkeypatch.setattr(world, "note", lambda _: arrived.set())
    async with connect(double) as client:
        world.fault("create", "hang")
        task = asyncio.create_task(client.post("/incidents.create", json=TITLE))
        await arrived.wait()
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert double.ids() == []


async def test_an_empty_listing_is_a_fault_of_its_own(world: World, connect: Connect) -> None:
    """Each service can answer a listing without rows although it holds some."""
    doubles = (DevRevSimulator(world), DatadogSimulator(world), ProdManagerSimulator(world))
    listings = (
        ("/incidents.list", "incidents"),
        ("/api/v2/incidents", "data"),
        ("/api/incident", "items"),
    )
    for double, (path, key) in zip(doubles, listings, strict=True):
        async with connect(double) as client:
            world.fault(path, "empty")
            assert (await client.get(path)).json()[key] == []
            assert (await client.get(path)).json()[key]


async def test_an_empty_search_has_the_envelope_of_a_search(world: World, connect: Connect) -> None:
    """A search that finds nothing by mistake still looks like one."""
    async with connect(DatadogSimulator(world)) as client:
        world.fault("search", "empty")
        reply = await client.get("/api/v2/incidents/search?query=state:active")
    assert reply.json()["data"]["attributes"]["total"] == 0


async def test_waiting_times_have_each_services_own_form(world: World, connect: Connect) -> None:
    """A 429 says when to come back in the header that this service uses."""
    world.retry_after = 7
    doubles = (DevRevSimulator(world), DatadogSimulator(world), ProdManagerSimulator(world))
    headers = ("retry-after", "x-ratelimit-reset", "retry-after")
    for double, header in zip(doubles, headers, strict=True):
        async with connect(double) as client:
            world.fault("GET", "429")
            assert (await client.get("/incidents.list")).headers[header] == "7"


async def test_the_log_tells_reads_from_writes(world: World, connect: Connect) -> None:
    """A DevRev read by POST is no write, and the log names service, path and status."""
    async with connect(DevRevSimulator(world)) as client:
        await client.post("/incidents.list", json={})
        await client.post("/incidents.create", json=TITLE)
        log = (await client.get("/_sim/log")).json()["requests"]
    assert [(one["path"], one["status"], one["is_write"]) for one in log] == [
        ("/incidents.list", 200, False),
        ("/incidents.create", 201, True),
    ]
    assert (world.writes, world.count(), world.count("list")) == (1, 2, 1)


async def test_the_log_names_the_faults_that_struck(world: World, connect: Connect) -> None:
    """Each request in the log says what was done to it; most say nothing."""
    async with connect(DevRevSimulator(world)) as client:
        world.fault("list", "garbage", nth=2)
        world.fault("list", "edit", nth=2)
        for _ in range(2):
            await client.post("/incidents.list", json={})
    assert [request.fault for request in world.requests] == ["", "garbage,edit"]


async def test_a_clock_that_jumps_back_hides_nothing(world: World, clock: Clock) -> None:
    """What the search index waits to learn waits no longer for a jump of the clock."""
    index: Index[str] = Index(2.0, lambda _: None)
    index.put("1", "first", clock.at)
    assert index.rows(world.now()) == {}
    world.skew(-3600)
    index.put("2", "second", world.now())
    assert index.rows(world.now()) == {}
    clock.pass_(2)
    assert list(index.rows(world.now())) == ["1", "2"]


async def test_peeping_needs_no_token_and_meets_no_fault(world: World, connect: Connect) -> None:
    """State and log are for tests: they are neither guarded, nor broken, nor logged."""
    double = DatadogSimulator(world, token="secret")
    world.fault("GET", "500-before")
    async with connect(double, accept="*/*") as client:
        state = await client.get("/_sim/state")
    assert state.json()["records"] == double.records()
    assert world.requests == []


async def test_an_action_can_follow_a_request(world: World, connect: Connect) -> None:
    """A person can edit between a read and the write that follows it."""
    double = ProdManagerSimulator(world, incidents=1)
    world.after("GET /api/incident", lambda: double.edit(1, name="Edited meanwhile"))
    async with connect(double) as client:
        seen = (await client.get("/api/incident/1")).json()["name"]
    assert seen != "Edited meanwhile" == double.records()[0]["name"]


async def test_an_unknown_fault_is_a_mistake_of_the_test(world: World) -> None:
    """A misspelled kind of fault is refused at once, and a lost reply is a reset connection."""
    with pytest.raises(ValueError, match='"kind" cannot be "explode"'):
        world.fault("GET", "explode")
    assert issubclass(ReplyLostError, ConnectionResetError)
