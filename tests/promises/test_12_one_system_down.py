"""Promise 12: one system down.

While one of three systems refuses, the other two are kept in step. When it is back, what it
missed arrives, once; nothing was closed or deleted because it was away.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from instep.simulator.faults import entries
from instep.simulator.serve import KINDS
from tests.promises.staging import CREATING, UPDATING, Stage, staged

#: How it refuses; that a 429 is honoured is promise 14.
REFUSALS = ("503", "401", "drop-before", "html")


def refuse(stage: Stage, kind: str, how: str) -> None:
    """Let a service refuse whatever it is asked."""
    stage.doubles[kind].world.plan(entries([{"route": "", "kind": how, "every": 1}]), kind)


def changes(stage: Stage, kind: str) -> tuple[int, int]:
    """Count the creates and the updates that a service was sent."""
    world = stage.doubles[kind].world
    return sum(f"{r.method} {r.path}" == CREATING[kind] for r in world.requests), world.count(
        UPDATING[kind]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", REFUSALS)
async def test_two_go_on_and_the_third_catches_up(tmp_path: Path, kind: str, how: str) -> None:
    """For some cycles one refuses: the others stay in step, and it gets all that it missed, once.

    Meanwhile incidents are opened, renamed and edited on both sides, and nothing is closed.
    """
    settings = {"systems": {name: {"on_gone": "delete"} for name in KINDS}}
    async with staged(tmp_path, settings) as stage:
        await stage.rest()
        one, other = (name for name in KINDS if name != kind)
        records, before = stage.held(), changes(stage, kind)
        kept = stage.doubles[kind].records()
        statuses = [says.status for name in KINDS for says in stage.told(name).values()]
        refuse(stage, kind, how)
        for number in range(3):
            stage.add(one, f"Opened {number} meanwhile")
            stage.rename(other, stage.doubles[other].ids()[0], f"Name {number}")
            report = await stage.cycle()
            assert report.exit_code == 3
            assert [name for name, tally in report.systems.items() if tally.why] == [kind]
            assert sorted(stage.titles(one)) == sorted(stage.titles(other))
        assert stage.doubles[kind].records() == kept
        stage.doubles[kind].world.clear()
        await stage.rest()
        after = changes(stage, kind)
        creates, updates = (later - sooner for sooner, later in zip(before, after, strict=True))
        # One record for each that was opened, and one write for the last of the three names.
        assert (creates, updates) == (3, 1)
        assert stage.held() == {name: count + 3 for name, count in records.items()}
        assert await stage.apart() == []
        still = [says.status for name in KINDS for says in stage.told(name).values()]
        assert still.count("resolved") == statuses.count("resolved")
