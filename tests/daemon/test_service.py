"""The daemon in this process: when it runs cycles, and how it stops."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from instep.daemon import service
from instep.daemon.schedule import rescheduled, scheduled
from instep.daemon.service import SIGNALS, serve
from instep.errors import LedgerError

Cycle = Callable[[Any], Awaitable[None]]
HOUR = 3600.0


async def served(
    cycle: Cycle,
    monkeypatch: pytest.MonkeyPatch,
    *,
    every: float = HOUR,
    within: float = HOUR,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve with ``cycle`` in place of the real one."""
    monkeypatch.setattr(service, "run_cycle", cycle)
    config = cast("Any", SimpleNamespace(every=every, stop_within=within))
    app = cast("Any", SimpleNamespace(patience=None))
    await serve(app, config, stop=stop or asyncio.Event())


async def started(task: asyncio.Task[None], running: asyncio.Event) -> None:
    """Wait until a cycle runs, or the service fails."""
    waiting = asyncio.create_task(running.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    assert running.is_set()


def kill() -> None:
    """Send this process what a service manager sends it."""
    os.kill(os.getpid(), signal.SIGTERM)


async def test_the_first_cycle_runs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an hour between cycles, the first one does not wait for it; a stop ends the service."""
    stop = asyncio.Event()

    async def cycle(_: Any) -> None:
        stop.set()

    with capture_logs() as logs:
        await served(cycle, monkeypatch, stop=stop)
    assert [line["event"] for line in logs] == [
        "service.started",
        "service.stopping",
        "service.stopped",
    ]
    assert logs[0]["every"] == HOUR


async def test_a_signal_lets_the_step_in_hand_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """After SIGTERM the running cycle ends by itself, and no other begins."""
    running, go_on, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
    ended = []

    async def cycle(_: Any) -> None:
        running.set()
        await go_on.wait()
        ended.append(True)

    with capture_logs() as logs:
        task = asyncio.create_task(served(cycle, monkeypatch, stop=stop))
        await started(task, running)
        kill()
        await stop.wait()
        assert not ended
        go_on.set()
        await task
    assert ended == [True]
    assert [line["signal"] for line in logs if line["event"] == "service.stopping"] == ["SIGTERM"]


async def test_a_second_signal_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cycle that would go on for ever is cancelled by the second signal."""
    running, stop = asyncio.Event(), asyncio.Event()
    cancelled = []

    async def cycle(_: Any) -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    task = asyncio.create_task(served(cycle, monkeypatch, stop=stop))
    await started(task, running)
    kill()
    await stop.wait()
    assert not cancelled
    kill()
    await task
    assert cancelled == [True]


async def test_a_stop_waits_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cycle that does not end within ``stop_within`` is cancelled."""
    running, stop = asyncio.Event(), asyncio.Event()

    async def cycle(_: Any) -> None:
        running.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(served(cycle, monkeypatch, stop=stop, within=0.001))
    await started(task, running)
    stop.set()
    await task


async def test_no_handler_stays_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals mean again what they meant before the service."""
    before = [signal.getsignal(number) for number in SIGNALS]
    stop = asyncio.Event()

    async def cycle(_: Any) -> None:
        assert [signal.getsignal(number) for number in SIGNALS] != before
        stop.set()

    await served(cycle, monkeypatch, stop=stop)
    assert [signal.getsignal(number) for number in SIGNALS] == before


async def test_a_failing_cycle_does_not_stop_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in one cycle is logged with its traceback, and the next cycle runs."""
    stop, count = asyncio.Event(), 0

    async def cycle(_: Any) -> None:
        nonlocal count
        count += 1
        if count == 1:
            raise RuntimeError("oh")
        stop.set()

    with capture_logs() as logs:
        await served(cycle, monkeypatch, every=0.01, stop=stop)
    (failed,) = [line for line in logs if line["event"] == "cycle.failed"]
    assert failed["log_level"] == "error"
    assert isinstance(failed["exc_info"], RuntimeError)
    assert count == 2


async def test_an_unusable_ledger_stops_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's error ends the service and is what it ends with; no cycle follows."""
    count = 0

    async def cycle(_: Any) -> None:
        nonlocal count
        count += 1
        raise LedgerError("the disk is full")

    with pytest.raises(LedgerError, match="the disk is full"):
        await served(cycle, monkeypatch, every=0.01)
    assert count == 1


async def test_cancelling_the_service_cancels_its_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cycle outlives the service."""
    running, cancelled = asyncio.Event(), asyncio.Event()

    async def cycle(_: Any) -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    task = asyncio.create_task(served(cycle, monkeypatch))
    await started(task, running)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


def test_cycles_never_overlap_nor_pile_up() -> None:
    """One cycle at a time; those missed meanwhile are one; none is ever too late to run."""

    async def cycle() -> None:
        """Do nothing."""

    (job,) = scheduled(cycle, 60.0).get_jobs()
    assert (job.max_instances, job.coalesce, job.misfire_grace_time) == (1, True, None)
    assert job.trigger.interval.total_seconds() == 60


@pytest.mark.parametrize(("every", "later"), [(7200.0, HOUR), (60.0, 60.0)])
def test_another_interval_puts_no_cycle_off(every: float, later: float) -> None:
    """A longer one counts from the next cycle on, a shorter one at once."""

    async def cycle() -> None:
        """Do nothing."""

    scheduler = scheduled(cycle, HOUR)
    (job,) = scheduler.get_jobs()
    began = datetime.now(UTC)
    job.modify(next_run_time=began + timedelta(seconds=HOUR))
    rescheduled(scheduler, every)
    assert (job.next_run_time - began).total_seconds() == pytest.approx(later, abs=30.0)
    assert job.trigger.interval.total_seconds() == every
