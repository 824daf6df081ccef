"""The steps of a run: they are counted at the program's own seams, and it can be killed at each.

A step is written to a file before anything else happens at it, so that a killed run names the
point at which it was killed. A commit, which is no step but has to lie between two, is noted, too.
Clock and chance of a run come from its order, so that equal runs leave equal ledgers.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import Connection, Engine, event

from instep import app
from instep.engine import context, hear, settle
from instep.engine.context import Desk
from instep.systems.base import Page
from instep.systems.datadog import Datadog
from instep.systems.devrev import DevRev, listing, mark
from instep.systems.http import Door
from instep.systems.prodmanager import ProdManager

#: What is noted of a commit, which is no step.
COMMIT = "- commit"
#: Those who ask for the time by themselves.
TIMED: tuple[ModuleType, ...] = (listing, mark)


@dataclass(frozen=True)
class Order:
    """What a run is to be.

    Attributes:
        at: the time that the program sees, in seconds since the epoch; it stands still.
        kill: the step to be killed at: its number from 1 on, or its name; 0 is none.
        jump: seconds by which the clock jumps at the first step that is named ``jump_at``.
        blind: ways to find a record by its mark that show none: ``find``, ``listing``.
    """

    folder: str
    at: float
    kill: int | str = 0
    jump: float = 0.0
    jump_at: str = ""
    blind: Sequence[str] = ()


class Steps:
    """The steps of this process."""

    def __init__(self, order: Order) -> None:
        """Begin to count."""
        self._order = order
        self._lock = threading.Lock()
        self._at = order.at
        self._count = 0
        self._changes = 0
        path = Path(order.folder, "steps")
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)

    def now(self) -> float:
        """Give the time as the program sees it."""
        return self._at

    def step(self, name: str) -> None:
        """Take a step, and die if this is the one."""
        with self._lock:
            os.write(self._file, f"{name}\n".encode())
            self._count += 1
            if self._order.kill in {self._count, name}:
                os.kill(os.getpid(), signal.SIGKILL)
            if self._order.jump_at == name and self._at == self._order.at:
                self._at += self._order.jump

    def committed(self, connection: Connection) -> None:
        """Note that a transaction ends that has changed something, between two steps."""
        changes = connection.connection.driver_connection.total_changes  # type: ignore[union-attr]
        if changes > self._changes:
            self._changes = changes
            with self._lock:
                os.write(self._file, f"{COMMIT}\n".encode())

    def around(self, name: str, work: Callable[[], Any]) -> Any:
        """Step before and after a call."""
        self.step(f"before {name}")
        try:
            return work()
        finally:
            self.step(f"after {name}")

    async def awaited(self, name: str, work: Awaitable[Any]) -> Any:
        """Step before and after something that takes time."""
        self.step(f"before {name}")
        try:
            return await work
        finally:
            self.step(f"after {name}")


def prepare(order: Order) -> None:
    """Make this process take steps, and see the time that it is told."""
    steps = Steps(order)
    _tell_the_time(steps)
    chance = random.Random(order.at)
    context.uuid4 = lambda: UUID(int=chance.getrandbits(128))  # type: ignore[attr-defined]
    app._desk = partial(_desk, steps, app._desk)
    Door._exchange = _exchange(steps, Door._exchange)  # type: ignore[method-assign]
    hear.hear = _part(steps, hear.hear, lambda _, name, *__: f"hear {name}")
    settle._batch = _part(steps, settle._batch, lambda *_: "settle batch")
    event.listen(Engine, "commit", steps.committed)
    for kind in (DevRev, Datadog, ProdManager):
        if "find" in order.blind:
            kind.find = _nothing  # type: ignore[assignment,method-assign]
        if "listing" in order.blind:
            kind.changes = _unmarked(kind.changes)  # type: ignore[method-assign]


def _tell_the_time(steps: Steps) -> None:
    """Let everybody see one clock."""

    class Told(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Told:
            return cls.fromtimestamp(steps.now(), tz)

    time.time = steps.now
    app.opened = partial(app.opened, now=steps.now)
    for module in TIMED:
        module.datetime = Told  # type: ignore[attr-defined]


def _desk(
    steps: Steps, real: Callable[[ThreadPoolExecutor], Desk], worker: ThreadPoolExecutor
) -> Desk:
    """Step before and after each call of a ledger function, in the thread that makes it."""
    desk = real(worker)

    async def stepping(work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        name = f"desk {work.__module__.rpartition('.')[2]}.{work.__name__}"
        return await desk(steps.around, name, partial(work, *args, **kwargs))

    return stepping


def _exchange(steps: Steps, real: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    """Step before a request is sent, and after its answer was read."""

    async def exchange(door: Door, request: httpx.Request) -> Any:
        name = f"{request.method} {door.system} {request.url.path}"
        return await steps.awaited(name, real(door, request))

    return exchange


def _part(
    steps: Steps, real: Callable[..., Awaitable[Any]], name: Callable[..., str]
) -> Callable[..., Any]:
    """Step before and after a part of the cycle."""

    @wraps(real)
    async def part(*args: Any, **kwargs: Any) -> Any:
        return await steps.awaited(name(*args), real(*args, **kwargs))

    return part


async def _nothing(*_: object) -> list[Any]:
    """Find nothing."""
    return []


def _unmarked(real: Callable[..., AsyncIterator[Page]]) -> Callable[..., AsyncIterator[Page]]:
    """List records as if they carried no mark."""

    async def changes(*args: Any) -> AsyncIterator[Page]:
        async for page in real(*args):
            yield replace(page, records=tuple(replace(r, mark=None) for r in page.records))

    return changes
