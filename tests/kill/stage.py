"""The stage: three services and a ledger, and the program that is run, killed and started again.

Services and ledger can be put back to how they were at a moment: that is how one moment is gone
through many times.
"""

from __future__ import annotations

import asyncio
import copy
import copyreg
import hashlib
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson

from instep.app import able, connect
from instep.cli.stepping import differences
from instep.config import unit_of
from instep.simulator.serve import KINDS
from instep.simulator.world import Simulator, World
from tests.kill.machine import Machine, Ran
from tests.kill.steps import Order

#: Incidents that each service begins with.
INCIDENTS = 1
DAY = 86_400.0
#: Seconds after which the program is started again, and between further cycles.
SOON, LATER = 5.0, 60.0
#: Cycles after which all has to be in step.
CYCLES = 6
#: The ledger's file, and what SQLite keeps beside it.
LEDGER = ("instep.db", "instep.db-wal", "instep.db-shm")

Doubles = Mapping[str, Simulator]

# What a service has spelled already never changes: a copy of it is itself.
copyreg.pickle(orjson.Fragment, lambda _: "Fragment")


class Clock:
    """The time in all services, in seconds since the epoch; it stands still until it is moved."""

    def __init__(self) -> None:
        """Begin a day ago, so that whatever is to come in the tests is past for this machine."""
        self.at = float(int(time.time() - DAY))

    def __deepcopy__(self, _: object) -> Clock:
        """Stay the one clock when a service is copied."""
        return self

    def __call__(self) -> datetime:
        """Give the instant."""
        return datetime.fromtimestamp(self.at, UTC)


@dataclass(frozen=True)
class Moment:
    """Everything as it was: the time, the services, and the ledger's files."""

    at: float
    doubles: Doubles
    ledger: Mapping[str, bytes]


class Stage:
    """Three services, a ledger, and the program beside them."""

    def __init__(self, machine: Machine) -> None:
        """Put new services on the ports; there is no ledger yet."""
        self.machine = machine
        self.folder = machine.folder
        self.clock = Clock()
        self.put_ledger({})
        self._put_doubles(
            {
                kind: made(World(seed, self.clock), incidents=INCIDENTS)
                for seed, (kind, made) in enumerate(KINDS.items())
            }
        )

    # ---- runs

    def run(self, kill: int | str = 0, *, ahead: float = 0.0, **more: Any) -> Ran:
        """Run a cycle in a process of its own; its clock is ``ahead`` of the services'."""
        order = Order(str(self.folder), self.clock.at + ahead, kill, **more)
        return self.machine.run(order)

    def rest(self, **more: Any) -> bool:
        """Start the program again, and run cycles until one writes nothing and leaves nothing.

        Answers whether that came to be.
        """
        for number in range(CYCLES):
            self.clock.at += LATER if number else SOON
            before = self.writes()
            ran = self.run(**more)
            if ran.code == 0 and self.writes() == before:
                return True
        return False

    # ---- moments

    def moment(self) -> Moment:
        """Keep everything as it is."""
        return Moment(self.clock.at, copy.deepcopy(self.doubles), self.ledger())

    def back_to(self, moment: Moment) -> None:
        """Put everything back to how it was."""
        self.clock.at = moment.at
        self._put_doubles(copy.deepcopy(moment.doubles))
        self.put_ledger(moment.ledger)

    def ledger(self) -> dict[str, bytes]:
        """Read the ledger's files."""
        files = [self.folder / name for name in LEDGER]
        return {file.name: file.read_bytes() for file in files if file.exists()}

    def put_ledger(self, files: Mapping[str, bytes]) -> None:
        """Make the ledger's files be exactly these."""
        for name in LEDGER:
            (self.folder / name).unlink(missing_ok=True)
        for name, data in files.items():
            (self.folder / name).write_bytes(data)

    def _put_doubles(self, doubles: Doubles) -> None:
        """Put services on the ports."""
        self.doubles = doubles
        for kind, double in doubles.items():
            self.machine.ports[kind].app = double.app

    # ---- what there is

    def state(self) -> str:
        """Name what the ledger and the services hold, in one word: equal states, equal words."""
        aside = self.folder / "aside"
        aside.mkdir(exist_ok=True)
        for name in LEDGER:
            (aside / name).unlink(missing_ok=True)
        for name, data in self.ledger().items():
            (aside / name).write_bytes(data)
        with closing(sqlite3.connect(aside / LEDGER[0])) as db:
            rows = "\n".join(db.iterdump())
        records = repr([double.records() for double in self.doubles.values()])
        return hashlib.blake2b((rows + records).encode()).hexdigest()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the ledger."""
        with closing(sqlite3.connect(self.folder / LEDGER[0])) as db:
            return db.execute(query).fetchall()

    def writes(self) -> int:
        """Count the requests for a change that the services have answered."""
        return sum(double.world.writes for double in self.doubles.values())

    def apart(self) -> list[str]:
        """Say where the services are not in step, from what they hold."""
        return asyncio.run(self._apart())

    async def _apart(self) -> list[str]:
        config = self.machine.config
        doors = {kind: httpx.ASGITransport(double.app) for kind, double in self.doubles.items()}
        systems = connect(config, doors)
        try:
            return await differences(able(unit_of(config), systems), systems)
        finally:
            for system in systems.values():
                await system.close()
