"""Promise 2: an unclear create is looked up, never repeated.

When a service makes a record and its reply is lost, a later cycle finds the record by the mark
that it carries, and adopts it. No second create is sent before that look-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from instep.core.model import Mark, Record
from instep.simulator.serve import KINDS
from tests.promises.staging import CREATING, UPDATING, Stage, staged

#: What happens to a create that has had its effect, with what else a fault says.
UNCLEAR: Mapping[str, Mapping[str, Any]] = {
    "drop-after": {},
    "reset": {},
    "500-after": {},
    "garbage": {},
    "latency": {"seconds": 60.0},
}
#: What happens to one that has had none, and looks the same from outside.
IN_VAIN = ("drop-before", "500-before", "hang")
#: Seconds by which look-ups are late, where a service can be late: less than is allowed for.
LAGS = {"devrev": {"list_lag": 25.0}, "datadog": {"search_lag": 25.0}}
#: Seconds.
DEADLINE = 0.5
#: Seconds from one look-up to the next.
STEP = 10.0
TITLE = "Checkout is down"


def watched(stage: Stage, kind: str) -> list[str]:
    """Note, in order, the creates that a service is sent and the look-ups by a mark."""
    noted: list[str] = []
    system = stage.app.systems[kind]
    find, create = system.find, system.create

    async def finding(mark: Mark) -> list[Record]:
        found = await find(mark)
        noted.append(f"found {len(found)}")
        return found

    async def creating(*args: Any) -> Any:
        noted.append("create")
        return await create(*args)

    system.find, system.create = finding, creating  # type: ignore[assignment,method-assign]
    return noted


def posted(stage: Stage, kind: str) -> int:
    """Count the creates that a service has got."""
    method, _, path = CREATING[kind].partition(" ")
    return sum((one.method, one.path) == (method, path) for one in stage.requests(kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", UNCLEAR)
async def test_what_was_made_without_a_reply_is_found_and_adopted(
    tmp_path: Path, kind: str, fault: str
) -> None:
    """The record is found by its mark however late the service shows it, and becomes the side.

    Reply dropped, connection reset, 500 after the effect, half an answer, no answer in time: one
    create was sent, none after it, and all three are in step in the end.
    """
    async with staged(tmp_path, incidents=0, within=DEADLINE, **LAGS) as stage:
        await stage.cycle()
        stage.add(next(one for one in KINDS if one != kind), TITLE)
        noted = watched(stage, kind)
        stage.doubles[kind].world.fault(CREATING[kind], fault, **UNCLEAR[fault])
        await stage.cycle()
        assert stage.titles(kind).count(TITLE) == 1
        # So soon after it a listing that is late does not show it yet.
        await stage.cycle(seconds=5.0)
        await stage.cycle()
        assert noted[0] == "create"
        # ProdManager says in a header where the new record is: half a body is no loss.
        assert bool(noted[1:]) != ((kind, fault) == ("prodmanager", "garbage"))
        assert set(noted[1:]) <= {"found 0", "found 1"}
        await stage.rest()
        assert posted(stage, kind) == 1
        assert {one: stage.titles(one).count(TITLE) for one in KINDS} == dict.fromkeys(KINDS, 1)
        assert await stage.apart() == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", IN_VAIN)
async def test_what_was_not_made_is_looked_up_before_it_is_made(
    tmp_path: Path, kind: str, fault: str
) -> None:
    """A create that never arrived is sent again only once a look-up can no longer be too early."""
    async with staged(tmp_path, incidents=0, within=DEADLINE, **LAGS) as stage:
        await stage.cycle()
        stage.add(next(one for one in KINDS if one != kind), TITLE)
        noted = watched(stage, kind)
        stage.doubles[kind].world.fault(CREATING[kind], fault)
        began = stage.clock.at
        while noted.count("create") < 2:
            await stage.cycle(seconds=STEP)
        waited = stage.clock.at - began - STEP
        assert waited >= stage.app.member(kind).abilities.find_lag
        assert noted[0] == "create"
        assert set(noted[1:-1]) == {"found 0"}
        assert noted[-1] == "create"
        await stage.rest()
        assert {one: stage.titles(one).count(TITLE) for one in KINDS} == dict.fromkeys(KINDS, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", UNCLEAR)
async def test_an_update_without_a_reply_is_read_not_repeated(
    tmp_path: Path, kind: str, fault: str
) -> None:
    """A change that was made without a reply is found to be made: it is sent once."""
    async with staged(tmp_path, within=DEADLINE, incidents={"devrev": 1}) as stage:
        await stage.rest()
        world = stage.doubles[kind].world
        before = world.count(UPDATING[kind])
        other = next(one for one in KINDS if one != kind)
        stage.rename(other, stage.doubles[other].ids()[0], TITLE)
        world.fault(UPDATING[kind], fault, **UNCLEAR[fault])
        await stage.cycle()
        assert stage.titles(kind) == [TITLE]
        await stage.rest()
        assert world.count(UPDATING[kind]) == before + 1
        assert await stage.apart() == []
