"""The twenty traps that ProdManager sets for whoever keeps it in step with something else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from instep.simulator.prodmanager import ProdManagerSimulator
from tests.simulator.prodmanager import FORM, PATH, PHASE_DATES, listed, make, read, save

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from instep.simulator.world import World
    from tests.simulator.conftest import Clock, Connect

pytestmark = pytest.mark.asyncio
DIGITS = ("2024-02-18T13:00", "2024-02-18T14:00", "2024-02-18T15:00")


@pytest.fixture
def double(world: World) -> ProdManagerSimulator:
    """Answer a ProdManager without incidents."""
    return ProdManagerSimulator(world, incidents=0)


@pytest.fixture
async def client(
    double: ProdManagerSimulator, connect: Connect
) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of it, which follows no redirects."""
    async with connect(double) as made:
        yield made


async def kinds(client: httpx.AsyncClient, number: int = 1) -> list[str]:
    """Answer the kinds of an incident's events, newest first."""
    return [one["type"] for one in (await read(client, number))["events"]]


async def test_nothing_tells_of_changes(client: httpx.AsyncClient) -> None:
    """Trap 1, no change feed: neither a date, a version nor an order tells; only events grow."""
    for date in DIGITS:
        await make(client, start_impact_date=date)
    await save(client, 1, name="Edited", start_impact_date=DIGITS[0])
    reply = await client.get(f"{PATH}/1", headers={"if-modified-since": "Tue, 03 Feb 2026"})
    assert reply.status_code == 200
    assert not {"etag", "last-modified"} & set(reply.headers)
    assert not {"modified_date", "updated_date", "version"} & set(reply.json())
    assert await listed(client) == [3, 2, 1]
    assert await kinds(client) == ["update", "create"]


async def test_a_change_may_leave_no_event(world: World, connect: Connect) -> None:
    """Trap 1, events are a hint: a change whose event could not be written answers 500."""
    double = ProdManagerSimulator(world, incidents=0, eventless_every=2)
    async with connect(double) as client:
        await make(client)
        assert (await save(client, 1, name="Edited")).status_code == 500
        assert (await read(client, 1))["name"] == "Edited"
        assert await kinds(client) == ["create"]


async def test_paging_by_offset_loses_rows(
    double: ProdManagerSimulator, client: httpx.AsyncClient
) -> None:
    """Trap 2, paging is unsafe: an insert repeats a row, a delete hides one."""
    for day in range(1, 7):
        double.add(start_impact_date=f"2024-02-0{day}T10:00")
    walk = await listed(client, per_page=2)
    double.add(start_impact_date="2024-02-09T10:00")
    walk += await listed(client, per_page=2, page=2)
    double.delete(7)
    walk += await listed(client, per_page=2, page=3)
    assert walk == [6, 5, 5, 4, 2, 1]


@pytest.mark.parametrize(("per_page", "distinct"), [(5, 110), (20, 119), (50, 120)])
async def test_ties_are_lost_between_pages(
    world: World, connect: Connect, per_page: int, distinct: int
) -> None:
    """Trap 2, PostgreSQL: of 120 untouched rows with equal keys, as many come as were seen to."""
    double = ProdManagerSimulator(world, incidents=0, database="postgresql")
    for _ in range(120):
        double.add()
    async with connect(double) as client:
        first = await client.get(PATH, params={"per_page": per_page})
        pages = range(1, int(first.headers["x-total-pages"]) + 1)
        walk = [await listed(client, per_page=per_page, page=page) for page in pages]
    assert first.headers["x-total"] == "120"
    assert sum(map(len, walk)) == 120
    assert len({number for page in walk for number in page}) == distinct


async def test_sqlite_can_be_told_to_lose_ties(world: World, connect: Connect) -> None:
    """Trap 2, the switch: equal keys are lost between small pages on SQLite as well."""
    double = ProdManagerSimulator(world, incidents=0, unstable_ties=True)
    for _ in range(40):
        double.add()
    async with connect(double) as client:
        walk = [await listed(client, per_page=5, page=page) for page in range(1, 9)]
    assert len({number for page in walk for number in page}) < 40


async def test_only_one_404_means_gone(client: httpx.AsyncClient) -> None:
    """Trap 2, absence: a row that is gone is an object in words, a wrong path a bare string."""
    gone = (await client.get(f"{PATH}/7")).json()
    assert gone == {
        "message": "Incident show failed",
        "reasons": {"incident": ["Resource not found : 7"]},
    }
    assert isinstance((await client.get(f"{PATH}/seven")).json(), str)


async def test_ids_come_back(client: httpx.AsyncClient, clock: Clock) -> None:
    """Trap 3, ids are used again: another incident, told by birth; a gap is not filled."""
    for _ in range(3):
        await make(client)
    born = (await read(client, 3))["creation_date"]
    await client.post(f"{PATH}/3/delete")
    clock.pass_(60)
    assert await make(client) == 3
    assert (await read(client, 3))["creation_date"] != born
    await client.post(f"{PATH}/2/delete")
    assert await make(client) == 4


async def test_a_late_comment_lands_elsewhere(client: httpx.AsyncClient) -> None:
    """Trap 3, a comment on nothing is a 302, and turns up on the incident that gets the id."""
    reply = await client.post(f"{PATH}/1/comment", data={"comment": "Too late"})
    assert (reply.status_code, reply.headers["location"]) == (302, f"http://double{PATH}/1")
    await make(client)
    assert await kinds(client) == ["create", "comment"]


async def test_writes_answer_302(world: World, connect: Connect) -> None:
    """Trap 4, redirects: a write answers 302 and an address, and to follow it costs a request."""
    async with connect(ProdManagerSimulator(world, incidents=0, quota=9)) as client:
        client.follow_redirects = True
        reply = await client.post(f"{PATH}/create", data=FORM)
        assert (reply.status_code, reply.json()["id"]) == (200, 1)
        assert reply.headers["x-ratelimit-used"] == "2"
        after = await client.post(f"{PATH}/1/delete")
        assert (str(after.url), after.json()) == (f"http://double{PATH}", {"items": []})


async def test_creates_are_not_unique(client: httpx.AsyncClient) -> None:
    """Trap 5, a create repeated makes two, with one reference; no header prevents it."""
    same = {**FORM, "external_reference": "datadog:IR-1/x"}
    for _ in range(2):
        await client.post(f"{PATH}/create", data=same, headers={"idempotency-key": "k"})
    assert await listed(client, external_reference="datadog:IR-1/x") == [1, 2]


async def test_a_500_may_have_created(world: World, connect: Connect) -> None:
    """Trap 5, a 500 is no proof: the incident is there, found by reference, without events."""
    double = ProdManagerSimulator(world, incidents=0, eventless_every=1)
    async with connect(double) as client:
        reply = await client.post(f"{PATH}/create", data={**FORM, "external_reference": "ref"})
        assert (reply.status_code, type(reply.json())) == (500, str)
        assert await listed(client, external_reference="ref") == [1]
        assert await kinds(client) == []


async def test_a_locked_database_still_reads(world: World, connect: Connect) -> None:
    """Trap 5, a 500 may also have done nothing: a held database refuses writes only."""
    double = ProdManagerSimulator(world, locked=True)
    async with connect(double) as client:
        assert (await client.post(f"{PATH}/create", data=FORM)).status_code == 500
        assert len(await listed(client)) == 8
        double.locked = False
        assert await make(client) == 9


async def test_updates_replace(client: httpx.AsyncClient, clock: Clock) -> None:
    """Trap 6, an update replaces: what is left out is wiped, or becomes now."""
    dates = dict(zip(PHASE_DATES, DIGITS, strict=True))
    texts = {"description": "d", "external_reference": "r", "external_link": "http://h/"}
    await make(client, **texts, start_impact_date=DIGITS[0])
    await save(client, 1, **texts, **dates, start_impact_date=DIGITS[0], status="resolved")
    clock.pass_(60)
    await save(client, 1, status="resolved")
    one = await read(client, 1)
    assert [one[name] for name in texts] == [None] * 3
    assert [one[name] for name in PHASE_DATES] == [None, None, "2026-02-03T09:13"]
    assert one["start_impact_date"] == "2026-02-03T09:13"


async def test_a_null_is_a_mistake(client: httpx.AsyncClient) -> None:
    """Trap 7, nulls: a date is a 500, a link a 400, a text null; a form's empty one is empty."""
    for change, status in (
        ({"start_impact_date": None}, 500),
        ({"external_link": None}, 400),
        ({"description": None}, 302),
        ({"description": ""}, 302),
    ):
        reply = await client.post(f"{PATH}/create", json={**FORM, **change})
        assert reply.status_code == status
    assert [(await read(client, number))["description"] for number in (1, 2)] == [None, ""]


async def test_a_person_makes_empty_of_null(
    double: ProdManagerSimulator, client: httpx.AsyncClient
) -> None:
    """Trap 7, the web interface: saving without an edit posts empty texts and writes an event."""
    await make(client)
    double.edit(1, web=False)
    assert await kinds(client) == ["create"]
    double.edit(1)
    one = await read(client, 1)
    assert (one["description"], one["external_reference"], one["external_link"]) == ("", "", "")
    assert json.loads(one["events"][0]["content"])["description"] == [None, ""]
    double.edit(1)
    assert await kinds(client) == ["update", "create"]


async def test_what_is_read_is_not_what_was_written(world: World, connect: Connect) -> None:
    """Trap 8, spelling: text loses blanks, dates are the machine's digits, without a zone."""
    double = ProdManagerSimulator(world, incidents=0, timezone="America/New_York")
    async with connect(double) as client:
        await make(client, description="a \r\n\n\n\nb\t", start_impact_date="2026-03-08T02:30")
        one = await read(client, 1)
    assert one["description"] == "a\n\nb"
    assert one["creation_date"] == "2026-02-03T04:12"
    # The clocks of that night skip it.
    assert one["start_impact_date"] == "2026-03-08T02:30"


async def test_the_last_write_wins(double: ProdManagerSimulator, client: httpx.AsyncClient) -> None:
    """Trap 9, lost updates: a person's edit between read and write is reverted, unsaid."""
    await make(client, name="As it was")
    seen = await read(client, 1)
    double.edit(1, name="By a person")
    reply = await save(client, 1, name=seen["name"], description="By us")
    assert reply.status_code == 302
    assert (await read(client, 1))["name"] == "As it was"


async def test_writes_at_once_may_mix(
    double: ProdManagerSimulator, client: httpx.AsyncClient
) -> None:
    """Trap 9, racing: each writes only the columns that differ from what it had loaded."""
    await make(client, start_impact_date=DIGITS[0])
    double.race(1, name="By a person")
    reply = await save(client, 1, description="By us", start_impact_date=DIGITS[0])
    assert reply.status_code == 302
    one = await read(client, 1)
    assert (one["name"], one["description"]) == ("By a person", "By us")
    await save(client, 1, name="Alone again", start_impact_date=DIGITS[0])
    assert (await read(client, 1))["name"] == "Alone again"


async def test_bad_filters_widen(client: httpx.AsyncClient) -> None:
    """Trap 10, a filter with a mistake in it is dropped, and everything comes."""
    for severity in ("high", "low"):
        await make(client, severity=severity)
    for wrong in ({"status": "STABLE"}, {"severity": "hihg"}, {"scope": "eu-west"}, {"name": "x"}):
        assert await listed(client, **wrong) == [1, 2]
    assert await listed(client, severity=["low", "hihg"]) == [2]


@pytest.mark.parametrize(
    ("bound", "with_t"),
    [
        ({"impact_after": "2024-02-18T00:00"}, False),
        ({"impact_before": "2024-02-18T00:00"}, True),
    ],
)
async def test_date_filters_want_a_space(
    world: World, connect: Connect, bound: dict[str, str], with_t: bool
) -> None:
    """Trap 11, date filters: with a T SQLite is off by the time of day, PostgreSQL is not."""
    spaced = {name: value.replace("T", " ") for name, value in bound.items()}
    for database in ("sqlite", "postgresql"):
        double = ProdManagerSimulator(world, incidents=0, database=database)
        double.add(start_impact_date="2024-02-18T10:02")
        async with connect(double) as client:
            right = await listed(client, **spaced)
            assert bool(right) is not with_t
            assert (await listed(client, **bound) == right) is (database == "postgresql")


async def test_before_is_exclusive_and_after_is_not(client: httpx.AsyncClient) -> None:
    """Trap 11, bounds: after includes its minute, before does not."""
    await make(client, start_impact_date="2024-02-18T10:02")
    assert await listed(client, impact_after="2024-02-18 10:02") == [1]
    assert await listed(client, impact_before="2024-02-18 10:02") == []
    assert await listed(client, impact_before="2024-02-18 10:03") == [1]


async def test_dates_follow_the_status(client: httpx.AsyncClient) -> None:
    """Trap 12, dates and statuses: stepping back erases later dates, and they do not return."""
    dates = dict(zip(PHASE_DATES, DIGITS, strict=True))
    await make(client)
    await save(client, 1, status="resolved", **dates)
    for status in ("investigating", "resolved"):
        one = await read(client, 1)
        left = {name: one[name] for name in PHASE_DATES if one[name]}
        await save(client, 1, status=status, **left)
    one = await read(client, 1)
    assert [one[name] for name in PHASE_DATES] == [DIGITS[0], None, "2026-02-03T09:12"]


async def test_events_name_nobody(client: httpx.AsyncClient) -> None:
    """Trap 13, loops: an event has no id and no author; two equal comments are two."""
    await make(client)
    await save(client, 1, status="resolved", scope="2")
    for _ in range(2):
        await client.post(f"{PATH}/1/comment", data={"comment": "Same", "internal": "true"})
    events = (await read(client, 1))["events"]
    assert {key for one in events for key in one} == {
        "content",
        "creation_date",
        "internal",
        "type",
    }
    assert events[0] == events[1]
    changed = json.loads(events[2]["content"])
    assert (changed["status"], changed["scope_id"]) == (["ACTIVE", "RESOLVED"], [1, 2])
    assert json.loads(events[3]["content"])["status"] == "active"


async def test_comments_are_public_by_default(client: httpx.AsyncClient) -> None:
    """Trap 14, public: a comment is unless told, and in a form `internal=0` tells it."""
    await make(client)
    bodies: list[dict[str, Any]] = [
        {"data": {"comment": "c"}},
        {"data": {"comment": "c", "internal": "false"}},
        {"data": {"comment": "c", "internal": ""}},
        {"json": {"comment": "c", "internal": 0}},
        {"data": {"comment": "c", "internal": "0"}},
        {"data": {"comment": "c", "internal": "true"}},
        {"json": {"comment": "c", "internal": None}},
        {"json": {"comment": 12, "internal": 1}},
    ]
    for body in bodies:
        assert (await client.post(f"{PATH}/1/comment", **body)).status_code == 302
    events = (await read(client, 1))["events"][::-1][1:]
    assert [one["internal"] for one in events] == [False] * 4 + [True] * 4
    assert events[-1]["content"] == "12"


async def test_anybody_reads_incidents(double: ProdManagerSimulator, connect: Connect) -> None:
    """Trap 14, reading: without a token everything shows but events, comments among them."""
    double.add(description="Secret plans")
    double.comment(1, "First\nsecond")
    async with connect(double, accept="*/*") as client:
        one = await read(client, 1)
    assert (one["description"], one["events"]) == ("Secret plans", [])
    assert double.records()[0]["events"][0]["content"] == "First\r\nsecond"


async def test_a_401_may_look_like_a_500(world: World, connect: Connect) -> None:
    """Trap 15, tokens: where requests are limited a bad one is a 500; a missing one is a 403."""
    double = ProdManagerSimulator(world, token="right", quota=1500)
    async with connect(double, authorization="Bearer wrong") as client:
        reply = await client.get("/api/token/whoami")
        assert (reply.status_code, type(reply.json())) == (500, str)
    async with connect(double, accept="*/*") as client:
        assert (await client.post(f"{PATH}/create", data=FORM)).status_code == 403


async def test_a_token_may_be_born_expired(world: World, connect: Connect) -> None:
    """Trap 15, the default end is an hour after the server was started, not after the call."""
    wanted = {"secret": "hush", "name": "connector", "description": "Keeps in step"}
    for uptime, status in ((3599.0, 200), (3601.0, 401)):
        double = ProdManagerSimulator(world, token="right", secret="hush", uptime=uptime)
        async with connect(double, accept="*/*") as client:
            token = (await client.post("/api/token/create", data=wanted)).json()
            headers = {"authorization": f"Bearer {token}"}
            who = await client.get("/api/token/whoami", headers=headers)
        assert who.status_code == status
    assert who.json()["reasons"] == {"token": ["Signature has expired"]}


async def test_listings_grow_with_every_edit(
    double: ProdManagerSimulator, connect: Connect, client: httpx.AsyncClient
) -> None:
    """Trap 16, bloat: 200 edits of one incident make a page of six some fifty times as long."""
    for _ in range(6):
        double.add()
    before = len((await client.get(PATH)).content)
    for number in range(200):
        double.edit(1, description=f"{number:03}" + "x" * 497)
    assert before < 6_000
    assert 200_000 < len((await client.get(PATH)).content) < 300_000
    async with connect(double, accept="*/*") as anonymous:
        assert len((await anonymous.get(PATH)).content) < 5_000


async def test_names_have_a_minimum(client: httpx.AsyncClient) -> None:
    """Trap 17, names: four characters before trimming, so a kept name may be refused later."""
    reply = await client.post(f"{PATH}/create", data={**FORM, "name": "abc"})
    reasons = {"name": ["Field must be at least 4 characters long."]}
    assert (reply.status_code, reply.json()["reasons"]) == (400, reasons)
    await make(client, name="ab    ")
    name = (await read(client, 1))["name"]
    assert name == "ab"
    assert (await save(client, 1, name=name)).status_code == 400


async def test_places_go_by_id(world: World, connect: Connect) -> None:
    """Trap 18, scopes: an incident takes no name, and the id of a deleted one means another."""
    double = ProdManagerSimulator(world, incidents=0, permissions="incident_api scope_api")
    async with connect(double) as client:
        reply = await client.post(f"{PATH}/create", data={**FORM, "scope": "eu-west"})
        assert reply.json()["reasons"] == {"scope": ["Not a valid choice."]}
        await client.post("/api/scope/3/delete")
        for name in ("EU-WEST", "eu-west"):
            await client.post("/api/scope/create", data={"name": name})
        scopes = (await client.get("/api/scope")).json()["items"]
    assert {one["name"]: one["id"] for one in scopes} == {"EU-WEST": 3, "eu-west": 1, "us-east": 2}


@pytest.mark.parametrize(("kind", "made"), [("drop-before", 0), ("drop-after", 1)])
async def test_a_broken_connection_tells_nothing(
    world: World, double: ProdManagerSimulator, client: httpx.AsyncClient, kind: str, made: int
) -> None:
    """Trap 19, the pool: a POST on a connection that breaks looks the same, done or not."""
    world.fault("create", kind)
    with pytest.raises(httpx.ReadError):
        await client.post(f"{PATH}/create", data=FORM)
    assert len(double.ids()) == made


async def test_creates_and_statuses_mail(
    double: ProdManagerSimulator, client: httpx.AsyncClient
) -> None:
    """Trap 20, mail: each create and each change of status tells all, other edits nobody."""
    await make(client)
    assert double.notified == 50
    await save(client, 1, name="Renamed")
    assert double.notified == 50
    await save(client, 1, name="Renamed", status="resolved")
    assert double.notified == 100


@pytest.mark.parametrize(("subscribers", "mails"), [(3, 3), (80, 50)])
async def test_mails_have_a_limit(world: World, subscribers: int, mails: int) -> None:
    """Trap 20, subscribers: no more than fifty are told at once; the seed told nobody."""
    double = ProdManagerSimulator(world, subscribers=subscribers)
    assert double.notified == 0
    double.add()
    assert double.notified == mails
