"""The service: runs cycles until it is told to stop, and then finishes the step in hand."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import nullcontext

import structlog

from instep import __version__
from instep.config import Config
from instep.daemon.reload import Reloads, Source
from instep.daemon.schedule import rescheduled, scheduled
from instep.daemon.signals import handled, hangups
from instep.engine.context import App
from instep.engine.cycle import run_cycle
from instep.engine.report import Report
from instep.errors import LedgerError

log = structlog.get_logger()

#: What asks for a stop.
SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Seconds, and at least an interval, after which cycles go on without a system that is slow.
PATIENCE = 30.0


async def serve(
    app: App, config: Config, *, stop: asyncio.Event, source: Source | None = None
) -> None:
    """Run cycles until ``stop`` is set, by a signal or by the caller.

    The first signal lets the running cycle end, for ``config.stop_within`` seconds at most; the
    second cancels it at once. Either is safe: what is sent was written down before. SIGHUP has
    the configuration read anew from ``source``; without one it means what it meant before.

    Raises:
        LedgerError: the ledger became unusable; no further cycle was begun.
    """
    service = Service(app, config, stop)
    reloads = Reloads(service, source) if source else None
    began = time.monotonic()
    with handled(SIGNALS, service.on_signal), hangups(reloads.ask) if reloads else nullcontext():
        reloading = asyncio.create_task(reloads.run()) if reloads else None
        service.scheduler.start()
        log.info("service.started", version=__version__, every=config.every)
        try:
            await stop.wait()
            log.info("service.stopping", signal=service.signal)
            service.scheduler.pause()
            await service.finish()
        finally:
            await service.end(reloading)
    log.info("service.stopped", seconds=round(time.monotonic() - began, 3))
    if service.error is not None:
        raise service.error


class Service:
    """One daemon's cycles: the one under way, and why there are to be no more.

    A cycle holds ``turn``, and so does what may not happen in one.
    """

    def __init__(self, app: App, config: Config, stop: asyncio.Event) -> None:
        """Serve ``app`` as ``config`` says until ``stop``."""
        self.app = app
        self.config = config
        self.stop = stop
        self.scheduler = scheduled(self.cycle, config.every)
        self.turn = asyncio.Lock()
        self.at_once = asyncio.Event()
        self.signal = ""
        self.error: LedgerError | None = None
        self._running: asyncio.Task[Report] | None = None
        app.patience = max(config.every, PATIENCE)

    def adopt(self, config: Config) -> None:
        """Go by another configuration from here on."""
        if config.every != self.config.every:
            rescheduled(self.scheduler, config.every)
        self.app.patience = max(config.every, PATIENCE)
        self.config = config

    async def cycle(self) -> None:
        """Run one cycle, as a task of its own so that it can be cancelled without the scheduler."""
        async with self.turn:
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

    async def finish(self) -> None:
        """Wait for the cycle under way, until it takes too long or there is a second signal."""
        # A cycle that was just submitted takes its first step, and sees that it is to end.
        await asyncio.sleep(0)
        if self._running is None:
            return
        hurry = asyncio.create_task(self.at_once.wait())
        await asyncio.wait(
            {self._running, hurry},
            timeout=self.config.stop_within,
            return_when=asyncio.FIRST_COMPLETED,
        )
        hurry.cancel()

    async def end(self, reloading: asyncio.Task[None] | None) -> None:
        """Cancel what is still under way, and wait until it is over; nothing begins any more."""
        self.stop.set()
        if self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.wait({self._running})
        # What is being taken over is so in a moment, and then whole.
        async with self.turn:
            self.scheduler.shutdown(wait=False)
            if reloading is not None:
                reloading.cancel()
                await asyncio.wait({reloading})

    def on_signal(self, number: signal.Signals) -> None:
        """Ask for a stop; asked for the second time, do not wait for it."""
        if self.stop.is_set():
            self.at_once.set()
        self.signal = self.signal or number.name
        self.stop.set()
