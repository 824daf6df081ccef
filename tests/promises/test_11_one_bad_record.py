"""Promise 11: one bad record is one held record.

A record that a service always refuses is tried again with growing waits, and after some tries no
more; all others are in step in the same cycle. ``explain`` says why in the service's own words,
and trying it again doubles nothing.
"""

from __future__ import annotations

import asyncio
import re
from itertools import pairwise
from pathlib import Path

import pytest

from instep.core.model import Record, Words, Written
from instep.core.retry import TRIES
from instep.engine.cycle import run_cycle
from instep.errors import Rejected
from instep.simulator.serve import KINDS
from instep.simulator.wire import Call, Reply
from instep.simulator.world import Simulator
from tests.cli.sims import Line
from tests.engine.world import World
from tests.promises.staging import CREATING, Stage, staged

MANY = 1000
BAD = "A title that is refused"


@pytest.mark.slow
def test_of_a_thousand_edits_one_is_refused_and_the_others_arrive() -> None:
    """One record that is always refused: the other 999 are in step in that same cycle."""
    world = World()
    dev, dog = world.memories["dev"], world.memories["dog"]
    for number in range(MANY):
        dev.add(title=f"Incident {number}", severity="sev-2", stage="triage")
    asyncio.run(run_cycle(world.app))
    real, first = dog.update, next(iter(dev.records))

    async def refusing(seen: Record, words: Words) -> Written:
        if words.get("title") == BAD:
            raise Rejected("dog does not like it", system="dog")
        return await real(seen, words)

    dog.update = refusing  # type: ignore[method-assign]
    for number, record in enumerate(dev.records):
        dev.edit(record, title=BAD if record == first else f"Renamed {number}")
    world.clock.at += 60
    report = asyncio.run(run_cycle(world.app))
    assert (report.dead, report.due, report.attic) == (0, 1, 0)
    assert report.systems["dog"].counts["updates"] == MANY - 1
    titles = {name: world.common(name, i)["title"] for name, i in one_each(world).items()}
    assert titles["page"] == BAD
    said = sorted(str(held.words["title"]) for held in dog.records.values())
    assert said == sorted(["Incident 0", *(f"Renamed {number}" for number in range(1, MANY))])


def one_each(world: World) -> dict[str, str]:
    """Give the record of the bad incident on the page."""
    page = world.memories["page"]
    return {"page": next(i for i, held in page.records.items() if held.words["name"] == BAD)}


def refuse(double: Simulator, words: bytes) -> list[float]:
    """Let a service answer 400 to every write with certain words; notes when, by its clock."""
    real, tried = double.handle, list[float]()

    def handle(call: Call) -> Reply:
        if double.is_write(call) and words in call.body:
            tried.append(double.world.now().timestamp())
            return Reply(400, REASON[double.name], {"content-type": "application/json"})
        return real(call)

    double.handle = handle  # type: ignore[method-assign]
    return tried


#: How each service spells a refusal, and the part that people read.
WHY = "a title like this is not wanted here"
REASON = {
    "devrev": b'{"message": "Bad request", "detail": "%s", "type": "bad_request"}' % WHY.encode(),
    "datadog": b'{"errors": ["%s"]}' % WHY.encode(),
    "prodmanager": b'{"message": "Incident creation failed", "reasons": {"name": ["%s"]}}'
    % WHY.encode(),
}


async def until_dead(stage: Stage) -> None:
    """Run cycles until what is refused is tried no more."""
    for _ in range(60):
        report = await stage.cycle()
        if report.dead:
            return
    raise AssertionError("it is tried for ever")


@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_tried_with_growing_waits_and_then_no_more(
    tmp_path: Path, line: Line, kind: str
) -> None:
    """After five tries, each a longer wait after the last, it is dead; ``explain`` says why.

    Others are in step meanwhile. Said to try again once the reason is gone, one record is made.
    """
    async with staged(tmp_path, incidents=0) as stage:
        await stage.cycle()
        other = next(one for one in KINDS if one != kind)
        tried = refuse(stage.doubles[kind], b"refused")
        stage.add(other, BAD)
        stage.add(other, "A good title")
        report = await stage.cycle()
        assert (report.due, stage.titles(kind)) == (1, ["A good title"])
        await until_dead(stage)
        waits = [later - sooner for sooner, later in pairwise(tried)]
        assert len(tried) == TRIES
        assert waits == sorted(waits)
        assert waits[-1] >= 3 * waits[0]
        assert [(await stage.cycle(3600.0)).dead for _ in range(2)] == [1, 1]
        assert len(tried) == TRIES

        listed = await stage.ran(line, "held", "--json")
        (group,) = listed.data["held"]
        (one,) = group["operations"]
        assert (group["state"], one["tries"], one["title"]) == ("dead", TRIES, BAD)
        explained = await stage.ran(line, "explain", str(one["incident"]))
        assert (explained.code, WHY in re.sub(r"\s+", " ", explained.out)) == (1, True)

        del stage.doubles[kind].handle
        assert (await stage.cycle()).writes == 0
        assert (await stage.ran(line, "retry")).code == 0
        await stage.rest()
        assert sorted(stage.titles(kind)) == sorted(["A good title", BAD])
        made = stage.lines(kind).count(CREATING[kind])
        assert made == TRIES + 2
        assert await stage.apart() == []
