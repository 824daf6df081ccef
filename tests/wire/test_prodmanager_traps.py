"""ProdManager's traps, with the connector and the double that has them, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from instep.core.model import Mark, Words
from instep.errors import Denied, Gone, Rejected, Unreachable
from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.world import World
from instep.systems.budget import Budget
from instep.systems.prodmanager import ProdManager
from tests.wire.helpers import MARK
from tests.wire.prodmanager import PATHS

URL = "http://status.example.com"
WORDS: Words = {
    "name": "Disk full",
    "severity": "high",
    "start_impact_date": "2026-02-03T09:12",
    "scope": "eu-west",
    "service": "Checkout",
}
Stage = tuple[ProdManager, ProdManagerSimulator]
Set = Callable[..., Stage]


@pytest.fixture
def stage() -> Set:
    """Give a maker of connector and double; keywords are the double's switches."""

    def make(*, writable: bool = True, **switches: Any) -> Stage:
        double = ProdManagerSimulator(World(seed=3), incidents=0, **switches)
        return connected(double, "a-token", writable=writable), double

    return make


def connected(double: ProdManagerSimulator, token: str, *, writable: bool = True) -> ProdManager:
    """Connect to a double in process."""
    return ProdManager.connect(
        "status",
        PATHS,
        token=token,
        writable=writable,
        url=URL,
        transport=httpx.ASGITransport(double.app),
    )


async def pressed(double: ProdManagerSimulator, **more: str) -> str:
    """Make a token as a person does."""
    form = {"secret": "application-secret", "name": "connector", "description": "for the tests"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(double.app), base_url=URL) as client:
        answer = await client.post("/api/token/create", data={**form, **more})
    return str(answer.json())


async def test_an_id_used_again_is_another_incident(stage: Set) -> None:
    """Trap 3: on SQLite the next incident gets the id of the one that was deleted."""
    system, _ = stage()
    first = (await system.create(WORDS, MARK)).record
    await system.delete(first.id)
    again = (await system.create({**WORDS, "name": "Another"}, MARK)).record
    assert again.id == first.id
    assert again.birth != first.birth


async def test_a_create_that_seemed_to_fail_is_found(stage: Set) -> None:
    """Trap 5: answered 500, written all the same, and without the event that a create has."""
    system, double = stage(eventless_every=1)
    with pytest.raises(Unreachable) as caught:
        await system.create(WORDS, MARK)
    assert caught.value.unclear
    (found,) = await system.find(MARK)
    assert found.birth.endswith("#")
    assert double.ids() == [found.id]


async def test_an_update_keeps_what_it_does_not_write(stage: Set) -> None:
    """Traps 6 and 12: text, reference, start and all dates stay, through every status."""
    system, _ = stage()
    record = (await system.create({**WORDS, "description": "Why"}, MARK)).record
    dates = {
        "investigation_date": "2026-02-03T09:20",
        "stable_date": "2026-02-03T09:40",
        "resolve_date": "2026-02-03T10:00",
    }
    for status, (path, word) in zip(
        ("investigating", "stable", "resolved"), dates.items(), strict=True
    ):
        record = (await system.update(record, {"status": status, path: word})).record
    record = (await system.update(record, {"severity": "low"})).record
    assert system.words(record) == {
        **WORDS,
        **dates,
        "severity": "low",
        "status": "resolved",
        "description": "Why",
        "external_link": MARK.url,
    }
    assert record.mark == MARK


async def test_what_nobody_could_send_back_is_sent_back(stage: Set) -> None:
    """Years below 1000 and trimmed names are refused as they were read: both survive an update."""
    system, double = stage()
    old = double.add(name="ab    ", start_impact_date="0098-02-03T09:12")
    seen = await system.read(old)
    assert seen.raw["name"] == "ab"
    updated = (await system.update(seen, {"severity": "low"})).record
    assert {**updated.raw, "events": 0} == {**seen.raw, "severity": "low", "events": 0}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_text_that_breaks_the_service_is_mended(stage: Set, database: str) -> None:
    """Trap 8: NUL is left out, a short name filled; the rest is as it is read back."""
    system, _ = stage(database=database)
    written = await system.create(
        {**WORDS, "name": "a\0b", "description": "é 🔥\r\n\n\n\nx "}, MARK
    )
    words = system.words(written.record)
    assert (words["name"], words["description"]) == ("ab", "é 🔥\n\nx")


async def test_a_comment_never_lands_on_another_incident(stage: Set) -> None:
    """Trap 13: said to an incident that is gone, it would turn up on the next one (SQLite)."""
    system, _ = stage()
    first = (await system.create(WORDS, MARK)).record
    await system.delete(first.id)
    with pytest.raises(Gone):
        await system.say(first.id, "Too late", "a-key")
    again = (await system.create(WORDS, MARK)).record
    assert again.id == first.id
    assert await system.comments(again.id) == []


async def test_nobody_outside_reads_a_comment(stage: Set) -> None:
    """Trap 14: comments are public unless they are said to be internal."""
    system, double = stage()
    record = (await system.create(WORDS, MARK)).record
    double.comment(record.id, "We are looking into it")
    await system.say(record.id, "The disk is full", "a-key")
    comments = await system.comments(record.id)
    assert [(one.text, one.internal) for one in comments] == [
        ("We are looking into it", False),
        ("The disk is full", True),
    ]


async def test_a_token_born_ended_is_explained(stage: Set) -> None:
    """Trap 15: made without dates on a server that is up for long; then one with both dates."""
    _, double = stage(uptime=9 * 86400)
    born_ended = await pressed(double, permission="incident_api")
    system = connected(double, born_ended)
    with pytest.raises(Denied) as caught:
        await system.check()
    assert "send both dates" in caught.value.advice
    dates = {"not_before_date": "2020-01-01T00:00", "expiration_date": "2100-01-01T00:00"}
    system = connected(double, await pressed(double, permission="incident_api", **dates))
    assert await system.check() == ()


async def test_a_token_not_good_yet_is_explained(stage: Set) -> None:
    """Trap 15: its begin is still to come."""
    _, double = stage()
    dates = {"not_before_date": "2099-01-01T00:00", "expiration_date": "2100-01-01T00:00"}
    system = connected(double, await pressed(double, **dates))
    with pytest.raises(Denied, match="not good yet"):
        await system.check()


async def test_a_bad_token_may_look_like_a_broken_server(stage: Set) -> None:
    """Trap 15: with the rate limit on, a malformed token is a 500 and never a 401."""
    system, _ = stage(quota=1500, token="another-token")
    with pytest.raises(Unreachable) as caught:
        [page async for page in system.changes(None)]
    assert "malformed" in caught.value.advice


async def test_a_quota_that_is_used_up_is_not_pressed(stage: Set) -> None:
    """The headers say when the limit is used up: nothing is asked until the hour is over."""
    system, double = stage(quota=3)
    now = time.monotonic()
    system.door.budget = Budget("status", clock=lambda: now)
    for _ in range(2):
        with pytest.raises(Unreachable, match="rate limit"):
            [page async for page in system.changes(None)]
    assert [one.status for one in double.world.requests] == [200, 200, 200]
    double.world.now = lambda: datetime.now(UTC) + timedelta(hours=1, seconds=1)
    now += 3602
    assert [page.complete async for page in system.changes(None)][-1]


async def test_only_a_writer_needs_the_permission(stage: Set) -> None:
    """Trap 15: reads need none, and a system that is not written to asks for none."""
    system, _ = stage(permissions="scope_api")
    with pytest.raises(Denied, match="does not let the token write"):
        [page async for page in system.changes(None)]
    reader, _ = stage(permissions="scope_api", writable=False)
    assert [page.complete async for page in reader.changes(None)][-1]


async def test_the_longest_mark_can_be_found(stage: Set) -> None:
    """A reference is made only if the request line that finds it is not too long."""
    system, _ = stage()
    made: list[int] = []
    for length in range(3900, 4100, 5):
        mark = Mark("devrev", "x" * length, f"{length:012x}")
        try:
            await system.create(WORDS, mark)
        except Rejected:
            break
        assert len(await system.find(mark)) == 1
        made.append(length)
    assert made
    assert made[-1] < 4094
