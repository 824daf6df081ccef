"""Promise 7: guards on creates, updates and closes.

Limits are counts and a share, by default and for each system. Only what is over a limit is held,
the newest of it; the rest flows. An approval names what was looked at, holds once and is a
ceiling; nothing needs the limit raised. What is held is shown with its age.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from instep.core.unit import Limits
from instep.simulator.serve import KINDS
from tests.cli.sims import Line
from tests.promises.staging import SETTINGS, Stage, staged

#: How many records a person does something to, and how many may be written in a run.
COUNT, LIMIT = 6, 2
OTHERS = ("datadog", "prodmanager")
WIDE = Limits(10_000, 10_000, 10_000, 10_000, 1.0)


def bound(stage: Stage, limits: Limits, **systems: Limits) -> None:
    """Set the limits, of all systems or of some."""
    unit = stage.app.unit
    members = {
        name: replace(member, limits=systems.get(name)) for name, member in unit.members.items()
    }
    stage.app.unit = replace(unit, limits=limits, members=members)


def opened(stage: Stage, count: int, *, name: str = "Incident") -> None:
    """Open incidents in DevRev, a second apart."""
    for number in range(count):
        stage.clock.at += 1
        stage.add("devrev", f"{name} {number}", stage="triage")


def do(stage: Stage, deed: str, *, name: str = "Deed") -> None:
    """Let a person open, rename or resolve incidents in DevRev, the newest first."""
    if deed == "creates":
        opened(stage, COUNT, name=name)
        return
    for record in reversed(stage.doubles["devrev"].ids()[:COUNT]):
        stage.clock.at += 1
        if deed == "updates":
            stage.rename("devrev", record, f"{name} {record[-4:]}")
        else:
            stage.doubles["devrev"].edit(record, stage="resolved")


async def held(stage: Stage, line: Line) -> dict[str, dict[str, Any]]:
    """List what is held by system; there is one group in each."""
    found = (await stage.ran(line, "held", "--json")).data["held"]
    by_system = {group["system"]: group for group in found}
    assert len(by_system) == len(found)
    return by_system


async def wrote(stage: Stage, deed: str) -> dict[str, int]:
    """Run a cycle; answers what it did of one kind, by system."""
    report = await stage.cycle()
    assert report.writes == sum(tally.counts[deed] for tally in report.systems.values())
    return {kind: report.systems[kind].counts[deed] for kind in KINDS}


def everywhere(count: int) -> dict[str, int]:
    """Say that so many were written to each of the others."""
    return {"devrev": 0, **dict.fromkeys(OTHERS, count)}


@pytest.mark.parametrize("deed", ["creates", "updates", "closes"])
async def test_only_what_is_over_a_limit_is_held(tmp_path: Path, line: Line, deed: str) -> None:
    """Of six creates, updates or closes the two oldest flow; four wait, in each other system.

    They wait in sight, with their age, and on; approved by their name all of them go, with the
    limit as it is.
    """
    async with staged(tmp_path, incidents=0) as stage:
        opened(stage, COUNT)
        await stage.rest()
        bound(stage, replace(WIDE, **{deed: LIMIT}))
        do(stage, deed)
        assert await wrote(stage, deed) == everywhere(LIMIT)
        waits = await held(stage, line)
        assert {kind: (g["why"], g["count"]) for kind, g in waits.items()} == dict.fromkeys(
            OTHERS, ("limit", COUNT - LIMIT)
        )
        first = COUNT + 1 if deed == "creates" else 1
        numbers = sorted(op["incident"] for op in waits["datadog"]["operations"])
        assert numbers == [*range(first + LIMIT, first + COUNT)]
        assert await wrote(stage, deed) == everywhere(0)
        status = await stage.ran(line, "status")
        assert status.code == 1
        assert len(re.findall(rf"{COUNT - LIMIT} held +oldest \d+ min", status.out)) == 2

        for group in waits.values():
            assert (await stage.ran(line, "held", "approve", group["name"])).code == 0
        assert await wrote(stage, deed) == everywhere(COUNT - LIMIT)
        assert (await stage.cycle()).exit_code == 0
        assert await stage.apart() == []


@pytest.mark.parametrize("deed", ["updates", "closes"])
async def test_a_share_of_the_records_is_a_limit_too(tmp_path: Path, deed: str) -> None:
    """A tenth of forty records: four flow and two wait, though the count would let all through."""
    async with staged(tmp_path, incidents=0) as stage:
        opened(stage, 40)
        await stage.rest()
        bound(stage, replace(WIDE, share=0.1))
        do(stage, deed)
        assert await wrote(stage, deed) == everywhere(4)
        assert (await stage.cycle()).held == 2 * 2


async def test_each_system_may_have_limits_of_its_own(tmp_path: Path) -> None:
    """One system is given none at all, and the other everything."""
    async with staged(tmp_path, incidents=0) as stage:
        bound(stage, WIDE, prodmanager=replace(WIDE, creates=0))
        opened(stage, COUNT)
        assert await wrote(stage, "creates") == {"devrev": 0, "datadog": COUNT, "prodmanager": 0}


async def test_without_a_word_there_are_limits(tmp_path: Path) -> None:
    """Whoever configures no limits has some: counts of every kind, and a share."""
    settings = {"limits": None, "create": SETTINGS["create"]}
    async with staged(tmp_path, settings, incidents=0) as stage:
        limits = stage.app.unit.limits
        assert limits == Limits()
        assert 0 < limits.deletes <= limits.closes < limits.creates < limits.updates < 1000
        assert 0 < limits.share < 1


async def test_an_approval_is_a_ceiling_and_holds_once(tmp_path: Path, line: Line) -> None:
    """Of six that wait three are let through, the oldest; a fourth, or one more, waits on.

    The name stands for just what was listed: once that has changed, it is refused with exit 4.
    """
    async with staged(tmp_path, incidents=0) as stage:
        bound(stage, replace(WIDE, creates=0))
        opened(stage, COUNT)
        assert await wrote(stage, "creates") == everywhere(0)
        group = (await held(stage, line))["datadog"]
        ran = await stage.ran(line, "held", "approve", group["name"], "--max", "3", "--json")
        assert (ran.code, ran.data["approved"], ran.data["left"]) == (0, 3, 3)
        opened(stage, 1, name="One more")
        assert await wrote(stage, "creates") == {"devrev": 0, "datadog": 3, "prodmanager": 0}
        assert sorted(stage.titles("datadog")) == [f"Incident {number}" for number in range(3)]
        assert await wrote(stage, "creates") == everywhere(0)
        left = (await held(stage, line))["datadog"]
        assert left["count"] == COUNT + 1 - 3
        late = await stage.ran(line, "held", "approve", group["name"])
        assert late.code == 4
        assert await wrote(stage, "creates") == everywhere(0)
