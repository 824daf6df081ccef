"""Promise 13: it never hangs, and never fakes health.

A server that accepts and says nothing, or sends a byte a second, cannot hold a cycle past its
deadlines. A 200 with a wrong body is a failure and no fresh hearing. Health turns unhealthy within
a stated time. The daemon stops in time, with what it knows kept. Others are not held up meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from instep.cli.standing import patience
from instep.daemon import service
from instep.ledger import runs
from instep.simulator.faults import entries
from instep.simulator.serve import KINDS
from instep.simulator.wire import Call, Reply
from tests.cli.sims import Line
from tests.promises.staging import BEGIN, LISTING, UPDATING, Stage, staged

#: Seconds that a request may take; and after which a test gives up on what should have ended.
DEADLINE, GIVEN_UP = 0.3, 60.0
#: Bodies that are no answer of the service, though their status is 200.
WRONG: Mapping[str, bytes] = {
    "object": b"{}",
    "list": b"[]",
    "null": b"null",
    "text": b"ok",
    "nothing": b"",
    "page": b"<html><body>Sign in</body></html>",
    "rows": b'{"incidents": {}, "data": {}, "items": {}}',
}


def spoil(stage: Stage, kind: str, how: str) -> None:
    """Let a service be slow or silent with whatever it is asked."""
    stage.doubles[kind].world.plan(entries([{"route": "", "kind": how, "every": 1}]), kind)


def heard_at(stage: Stage, kind: str) -> float:
    """Say when a service was last heard."""
    return runs.cursor(stage.app.ledger, "default", kind).heard_at


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["hang", "drip"])
async def test_a_cycle_ends_within_its_deadlines(tmp_path: Path, kind: str, how: str) -> None:
    """It gives up on the service, says so, and keeps the two others in step in that same cycle."""
    async with staged(tmp_path, within=DEADLINE) as stage:
        await stage.rest()
        one, other = (name for name in KINDS if name != kind)
        before = heard_at(stage, kind)
        spoil(stage, kind, how)
        stage.rename(one, stage.doubles[one].ids()[0], "Renamed meanwhile")
        async with asyncio.timeout(GIVEN_UP):
            report = await stage.cycle()
        assert (report.exit_code, report.systems[kind].heard) == (3, False)
        assert f"within {DEADLINE:g} s" in report.systems[kind].why
        assert stage.titles(other).count("Renamed meanwhile") == 1
        assert heard_at(stage, kind) == before
        stage.doubles[kind].world.clear()
        await stage.rest()
        assert await stage.apart() == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", WRONG)
async def test_a_wrong_body_is_a_failure(tmp_path: Path, line: Line, kind: str, body: str) -> None:
    """A list answered with 200 and something else: not heard, nothing written, and ``status`` says.

    The time at which the service was last heard stays what it was.
    """
    async with staged(tmp_path) as stage:
        await stage.rest()
        double, before = stage.doubles[kind], heard_at(stage, kind)
        real, path = double.handle, LISTING[kind].rstrip("?").partition(" ")[2]

        def handle(call: Call) -> Reply:
            reply = real(call)
            return replace(reply, status=200, body=WRONG[body]) if call.path == path else reply

        double.handle = handle  # type: ignore[method-assign]
        writes = stage.writes()
        report = await stage.cycle()
        assert (report.exit_code, report.systems[kind].heard) == (3, False)
        assert (stage.writes(), heard_at(stage, kind)) == (writes, before)
        status = await stage.ran(line, "status", "--json")
        states = {name: shown["state"] for name, shown in status.data["systems"].items()}
        assert status.code == 1
        assert states == {name: "late" if name == kind else "ok" for name in KINDS}
        assert kind in status.data["systems"][kind]["why"]


async def test_health_turns_within_a_stated_time(tmp_path: Path, line: Line) -> None:
    """No cycle ended for three times ``every``, or five minutes more: exit 1, and why."""
    async with staged(tmp_path, {"every": "5m"}) as stage:
        none = await stage.ran(line, "status", "--health")
        assert (none.code, "no cycle has ended yet" in none.out) == (1, True)
        limit = patience(stage.config.every)
        assert limit == 900.0
        # The command asks the machine's clock, which is ahead of the stage's.
        stage.clock.at += BEGIN - limit
        await stage.cycle(0.0)
        late = await stage.ran(line, "status", "--health")
        assert (late.code, late.out.startswith("late: ")) == (1, True)
        assert "one is due every 5 min" in late.out
        await stage.cycle(limit / 2)
        fine = await stage.ran(line, "status", "--health")
        assert (fine.code, fine.out.startswith("ok: ")) == (0, True)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_daemon_is_not_held_up_and_stops_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """While one service never answers, edits cross between the others, cycle after cycle.

    A stop ends it although that service is still being waited for, and the ledger has it all.
    """
    async with staged(tmp_path, within=GIVEN_UP * 10) as stage:
        await stage.rest()
        monkeypatch.setattr(service, "PATIENCE", 0.2)
        spoil(stage, kind, "hang")
        one, other = (name for name in KINDS if name != kind)
        config = stage.config.model_copy(update={"every": 0.2, "stop_within": 0.2})
        stop = asyncio.Event()
        daemon = asyncio.create_task(service.serve(stage.app, config, stop=stop))
        async with asyncio.timeout(GIVEN_UP):
            for number in range(2):
                arrived = asyncio.Event()
                stage.doubles[other].world.after(UPDATING[other], arrived.set)
                stage.clock.at += 60
                stage.rename(one, stage.doubles[one].ids()[0], f"Renamed {number}")
                await arrived.wait()
                assert f"Renamed {number}" in stage.titles(other)
            stop.set()
            await daemon
        await stage.app.hush()
        stage.doubles[kind].world.clear()
        stage.app.patience = None
        await stage.rest()
        assert "Renamed 1" in stage.titles(kind)
        assert await stage.apart() == []
