"""The play of the demo: people edit, the daemon carries, and in the end everything is compared."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from instep.cli.demo_people import Edit, People
from instep.cli.demo_stage import staged
from instep.cli.demo_view import SYSTEMS
from instep.cli.stepping import differences
from instep.engine.report import COUNTED
from instep.errors import SideError

if TYPE_CHECKING:
    from instep.config import Config
    from instep.core.unit import Unit
    from instep.simulator.world import Simulator

#: Part of the time in which people edit; then they rest.
BUSY = 0.6
#: Seconds between two acts of people, about, and how many acts there are at least.
PACE, ACTS = 0.7, 12
#: Seconds after the end in which the daemon has to come to rest.
PATIENCE = 20.0


class Show(Protocol):
    """Whoever shows the play."""

    def begins(self, doubles: Mapping[str, Simulator], stop: asyncio.Event) -> None:
        """Open; ``stop`` is set when the play is over."""

    def edited(self, edit: Edit) -> None:
        """Tell what a person did."""

    def logged(self, event: Mapping[str, Any]) -> bool:
        """Tell what the daemon did: one of its log lines. Answers whether that says it all."""

    async def ends(self, totals: Totals) -> None:
        """Close."""


@dataclass
class Totals:
    """All cycles of the play together."""

    cycles: int = 0
    quiet_cycles: int = 0
    attic: int = 0
    seconds: float = 0.0
    last: Mapping[str, Any] = field(default_factory=dict)
    edits: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)
    bug: BaseException | None = None
    _counts: dict[str, Counter[str]] = field(
        default_factory=lambda: {system: Counter() for system in SYSTEMS}
    )

    def add(self, cycle: Mapping[str, Any]) -> None:
        """Add what a cycle's log line says."""
        self.last = cycle
        self.cycles += 1
        self.quiet_cycles += int(cycle["quiet"])
        self.attic += cycle["attic"]
        self.seconds += cycle["seconds"]
        for system, tally in cycle["systems"].items():
            self._counts[system].update({name: tally[name] for name in COUNTED})

    @property
    def in_step(self) -> bool:
        """Whether the services themselves say so, and nothing is left to do."""
        return bool(self.cycles) and not self.found

    def data(self) -> dict[str, Any]:
        """Give it in the shape of a run's report, and what only a demo has."""
        last = self.last or dict.fromkeys(("run", "mode", "state", "incidents", "quiet"))
        heard = {s: t["heard"] for s, t in self.last.get("systems", {}).items()}
        return {
            **{name: last[name] for name in ("run", "mode", "state")},
            "seconds": round(self.seconds, 3),
            **{name: last[name] for name in ("incidents", "quiet")},
            "systems": {
                system: {"heard": heard.get(system, False)}
                | {name: counts[name] for name in COUNTED}
                for system, counts in self._counts.items()
            },
            "conflicts": last.get("conflicts", 0),
            "attic": self.attic,
            **{name: last.get(name, 0) for name in ("held", "dead", "due")},
            "cycles": self.cycles,
            "quiet_cycles": self.quiet_cycles,
            "edits": {system: self.edits[system] for system in SYSTEMS},
            "in_step": self.in_step,
            "differences": self.found,
        }


class Play:
    """One performance: ``lasts`` seconds, of which people are at work for the first part."""

    def __init__(self, show: Show, *, lasts: float, seed: int, debug: bool = False) -> None:
        """Prepare; with ``debug`` every log line is let through, else only warnings and worse."""
        self._show = show
        self._lasts = lasts
        self._seed = seed
        self._told = {"warning", "error"} | ({"info", "debug"} if debug else set())
        self._stop = asyncio.Event()
        self._cycled = asyncio.Event()
        self.totals = Totals()

    async def perform(self, folder: Path, incidents: int) -> Totals:
        """Let the daemon run between the services while people edit, until all are at rest."""
        from instep.app import opened
        from instep.config import load
        from instep.daemon.service import serve

        async with staged(folder, seed=self._seed, incidents=incidents) as stage:
            config = load(stage.config, os.environ)
            self._show.begins(stage.doubles, self._stop)
            async with opened(config) as app:
                async with _beside(self._script(People(stage.doubles, self._seed))):
                    await serve(app, config, stop=self._stop)
                unit = app.unit
            self.totals.found = await _compared(config, unit, stage.doubles)
            await self._show.ends(self.totals)
        return self.totals

    def listen(self) -> None:
        """Take in the log lines of this process, before they go their usual way."""
        usual = structlog.get_config()["processors"]
        structlog.configure(processors=[structlog.contextvars.merge_contextvars, self._tap, *usual])

    def _tap(self, _: object, method: str, event: structlog.typing.EventDict) -> Any:
        """Take in one log line."""
        if event["event"] == "cycle.completed":
            self.totals.add(event)
            self._cycled.set()
        elif event["event"] == "cycle.failed":
            # A bug: the play is over, and whoever called it is told.
            self.totals.bug = event["exc_info"]
            self._stop.set()
        if self._show.logged(event) or method not in self._told:
            raise structlog.DropEvent
        return event

    async def _script(self, people: People) -> None:
        """Edit, rest, and end once the daemon has nothing left to do."""
        began = time.monotonic()
        try:
            await self._cycle()
            acts = people.acts(max(ACTS, int(self._lasts * BUSY / PACE)))
            pause = max(0.0, began + self._lasts * BUSY - time.monotonic()) / len(acts)
            for system, verb in acts:
                for edit in people.act(system, verb):
                    self.totals.edits[edit.system] += 1
                    self._show.edited(edit)
                await asyncio.sleep(pause)
            await self._rest(began + self._lasts)
        finally:
            self._stop.set()

    async def _rest(self, until: float) -> None:
        """Wait for the end, and for a quiet cycle that began after the last edit."""
        # The cycle under way may have begun before it.
        await self._cycle()
        quiet = False
        while not quiet and time.monotonic() < until + PATIENCE:
            await self._cycle()
            quiet = self.totals.last["quiet"]
        await asyncio.sleep(max(0.0, until - time.monotonic()))

    async def _cycle(self) -> None:
        """Wait until a cycle is completed."""
        self._cycled.clear()
        await self._cycled.wait()


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something beside the block, for as long as that lasts at most."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def _compared(config: Config, unit: Unit, doubles: Mapping[str, Simulator]) -> list[str]:
    """Compare what the services hold: listed anew, and counted at the source."""
    from instep.app import connect

    systems = connect(config, {})
    try:
        found = await differences(unit, systems)
    except SideError as error:
        return [error.message]
    finally:
        for system in systems.values():
            await system.close()
    counts = {system: len(double.ids()) for system, double in doubles.items()}
    if len(set(counts.values())) > 1:
        found.append(", ".join(f"{system} holds {count}" for system, count in counts.items()))
    return found
