"""The service: runs cycles until it is told to stop, and then finishes the step in hand."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from instep import __version__
from instep.config import Config
from instep.daemon.schedule import scheduled
from instep.engine.context import App
from instep.engine.cycle import run_cycle
from instep.engine.report import Report
from instep.errors import LedgerError

log = structlog.get_logger()

SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Seconds, and at least an interval, after which cycles go on without a system that is slow.
PATIENCE = 30.0


async def serve(app: App, config: Config, *, stop: asyncio.Event) -> None:
    """Run cycles until ``stop`` is set, by a signal or by the caller.

    The first signal lets the running cycle end, for ``config.stop_within`` seconds at most; the
    second cancels it at once. Either is safe: what is sent was written down before.

    Raises:
        LedgerError: the ledger became unusable; no further cycle was begun.
    """
    app.patience = max(config.every, PATIENCE)
    service = Service(app, stop)
    scheduler = scheduled(service.cycle, config.every)
    began = time.monotonic()
    with service.signals():
        scheduler.start()
        log.info("service.started", version=__version__, every=config.every)
        try:
            await stop.wait()
            log.info("service.stopping", signal=service.signal)
            scheduler.pause()
            await service.finish(config.stop_within)
        finally:
            await service.cancel()
            scheduler.shutdown(wait=False)
    log.info("service.stopped", seconds=round(time.monotonic() - began, 3))
    if service.error is not None:
        raise service.error


class Service:
    """One daemon's cycles: the one under way, and why there are to be no more."""

    def __init__(self, app: App, stop: asyncio.Event) -> None:
        """Serve ``app`` until ``stop``."""
        self.app = app
        self.stop = stop
        self.at_once = asyncio.Event()
        self.signal = ""
        self.error: LedgerError | None = None
        self._running: asyncio.Task[Report] | None = None

    async def cycle(self) -> None:
        """Run one cycle, as a task of its own so that it can be cancelled without the scheduler."""
        if self.stop.is_set():
            # It was due in the very moment of the stop.
            return
        self._running = asyncio.create_task(run_cycle(self.app))
        await asyncio.wait({self._running})
        self._judge(self._running)

    def _judge(self, task: asyncio.Task[Report]) -> None:
        """Take in how a cycle ended: the next one may do better, unless the ledger is unusable."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, LedgerError):
            self.error = error
            self.stop.set()
        else:
            log.error("cycle.failed", exc_info=error)

    async def finish(self, within: float) -> None:
        """Wait for the cycle under way, until it takes too long or there is a second signal."""
        # A cycle that was just submitted takes its first step, and sees that it is to end.
        await asyncio.sleep(0)
        if self._running is None:
            return
        hurry = asyncio.create_task(self.at_once.wait())
        await asyncio.wait(
            {self._running, hurry}, timeout=within, return_when=asyncio.FIRST_COMPLETED
        )
        hurry.cancel()

    async def cancel(self) -> None:
        """Cancel the cycle if it is still under way, and wait until it is over."""
        if self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.wait({self._running})

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Handle signals for a while, and leave no handler behind."""
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)
                signal.signal(number, before[number])

    def _on_signal(self, number: signal.Signals) -> None:
        """Ask for a stop; asked for the second time, do not wait for it."""
        if self.stop.is_set():
            self.at_once.set()
        self.signal = self.signal or number.name
        self.stop.set()
