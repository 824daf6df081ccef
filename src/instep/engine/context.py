"""What the engine works with: everything that comes from outside, in one value."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ParamSpec, Protocol, TypeVar
from uuid import uuid4

from instep.core.fields import stamp
from instep.core.model import Incident
from instep.core.unit import Member, Unit
from instep.engine.report import Tally
from instep.ledger import notes, store
from instep.ledger.database import Ledger
from instep.systems.base import System

P = ParamSpec("P")
T = TypeVar("T")


class Desk(Protocol):
    """Where ledger functions are called: one worker thread, or at once in tests."""

    def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Call ``work`` and answer what it answers."""
        ...


def new_uid() -> str:
    """Make an incident's uid: twelve hexadecimal digits, by which a mark is known for ours."""
    return uuid4().hex[:12]


@dataclass
class App:
    """One unit, its opened systems and its ledger.

    Attributes:
        now: the time, in seconds since the epoch.
        full_sweep_every: seconds after which a system that lists changes is swept whole.
        workers: how many writes to one system are under way at once.
        hear_within: seconds that hearing one system may take before it is given up.
        settle_within: seconds of settling after which a cycle ends and leaves the rest.
        patience: seconds after which a cycle goes on without a system that is still being heard.
        away: systems that could not be used in this cycle.
        hearing: what is being heard, by system, and its tally; it may outlast a cycle.
    """

    unit: Unit
    systems: Mapping[str, System]
    ledger: Ledger
    desk: Desk
    now: Callable[[], float] = time.time
    new_uid: Callable[[], str] = new_uid
    full_sweep_every: float = 3600.0
    workers: int = 8
    hear_within: float = 900.0
    settle_within: float = 900.0
    patience: float | None = None
    away: dict[str, str] = field(default_factory=dict)
    hearing: dict[str, tuple[asyncio.Task[None], Tally]] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Name each system's rules once: the name is remembered with every digest."""
        self.fingerprints = {
            name: hashlib.blake2b(member.fingerprint.encode(), digest_size=4).hexdigest()
            for name, member in self.unit.members.items()
        }

    def stamp(self) -> str:
        """Stamp now."""
        return stamp(datetime.fromtimestamp(self.now(), UTC))

    def member(self, name: str) -> Member:
        """Give a system as the unit uses it."""
        return self.unit.members[name]

    async def hush(self) -> None:
        """Stop hearing whatever is still being heard."""
        tasks = [task for task, _ in self.hearing.values()]
        self.hearing.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ticket(self) -> int:
        """Give the ticket for requests about to be made."""
        return await self.desk(notes.ticket, self.ledger)


def load(app: App, ids: Collection[int]) -> list[Incident]:
    """Load incidents, however many."""
    numbers = sorted(ids)
    with app.ledger.begin() as db:
        parts = range(0, len(numbers), store.MANY)
        return [row for at in parts for row in store.load(db, numbers[at : at + store.MANY])]
