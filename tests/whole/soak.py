"""A soak: many cycles over the three doubles while everything goes wrong and people edit.

The doubles stand on ports, the engine runs in this process on a ledger file; one clock stands for
all. Everything is drawn from one seed. People's texts are unique, so that each can be looked for
at the end.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from instep.app import opened
from instep.cli.stepping import differences
from instep.config import Config
from instep.config.load import loads
from instep.engine.context import App
from instep.engine.cycle import run_cycle
from instep.engine.report import Report
from instep.ledger import tables
from instep.simulator.datadog import DatadogSimulator
from instep.simulator.devrev import DevRevSimulator
from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.serve import serve
from instep.simulator.world import Simulator, World

CONFIG = """\
ledger: sqlite:///{folder}/soak.db
every: 60s
limits: {{creates: 100000, updates: 100000, closes: 100000, share: 100%}}
systems:
  devrev: {{type: devrev, url: "{devrev}", token: t, timeout: 1s{devrev_more}}}
  datadog: {{type: datadog, url: "{datadog}", api_key: a, app_key: t, timeout: 1s{datadog_more}}}
  prodmanager: {{type: prodmanager, url: "{prodmanager}", token: t, timeout: 1s{prodmanager_more}}}
create:
  devrev: {{from: [datadog, prodmanager]}}
  datadog: {{from: [devrev, prodmanager]}}
  prodmanager: {{from: [devrev, datadog], set: {{scope: eu-west, service: Checkout}}}}
"""
#: How each double spells what people edit: path of the hand by field.
SPELLED = {
    "devrev": {"title": "title", "description": "body"},
    "datadog": {"title": "title", "description": "summary"},
    "prodmanager": {"title": "name", "description": "description"},
}
#: What else people change, and to what.
CHOICES: dict[str, dict[str, list[str]]] = {
    "devrev": {
        "severity": ["sev-0", "sev-1", "sev-2", "sev-3"],
        "stage": ["triage", "acknowledged", "fixing", "mitigated", "resolved", "canceled"],
    },
    "datadog": {
        "severity": ["SEV-1", "SEV-2", "SEV-3", "SEV-4", "SEV-5"],
        "state": ["active", "stable", "resolved"],
    },
    "prodmanager": {
        "severity": ["critical", "high", "moderate", "low", "minor"],
        "status": ["active", "investigating", "stable", "resolved"],
    },
}
#: Where a person may strike between our read and our write, or just behind the write.
BETWEEN = {
    "devrev": ["incidents.get", "incidents.update", "incidents.list"],
    "datadog": ["GET /api/v2/incidents/", "PATCH /api/v2/incidents", "GET /api/v2/incidents?"],
    "prodmanager": ["GET /api/incident/", "/update", "GET /api/incident?"],
}
#: The requests that list incidents.
LISTING = {
    "devrev": "incidents.list",
    "datadog": "GET /api/v2/incidents?",
    "prodmanager": "GET /api/incident?",
}
#: Kind of fault -> the chance that a request meets it; what takes a second of real time is rare.
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"chance": 0.008, "seconds": 0},
    "401": {"chance": 0.001},
    "403": {"chance": 0.001},
    "empty": {"chance": 0.004},
    "500-before": {"chance": 0.008},
    "500-after": {"chance": 0.008},
    "502": {"chance": 0.004},
    "503": {"chance": 0.004},
    "html": {"chance": 0.004},
    "garbage": {"chance": 0.004},
    "drop-before": {"chance": 0.006},
    "drop-after": {"chance": 0.008},
    "reset": {"chance": 0.004},
    "latency": {"chance": 0.02, "seconds": 0.01},
    "drip": {"chance": 0.0004},
    "hang": {"chance": 0.0004},
}


@dataclass(slots=True)
class Edit:
    """What a person wrote: a text that nobody else ever writes."""

    system: str
    record: str
    field: str
    text: str
    seen: bool = False
    """Whether a later person read it in the record that they wrote over."""


@dataclass
class Clock:
    """One clock for the program and for all services."""

    at: float

    def __call__(self) -> float:
        """Give the seconds since the epoch."""
        return self.at

    def date(self) -> datetime:
        """Give the instant."""
        return datetime.fromtimestamp(self.at, UTC)


@dataclass
class Soak:
    """Everything of one soak."""

    seed: int
    folder: Path
    more: dict[str, str] = field(default_factory=dict)
    """System -> settings beside the usual ones, such as ``poll: {by: open}``."""

    def __post_init__(self) -> None:
        """Make the clock, the doubles and what is remembered."""
        self.random = random.Random(self.seed)
        self.clock = Clock(datetime.now(UTC).timestamp())
        worlds = [World(self.seed * 10 + n, self.clock.date) for n in range(3)]
        self.doubles: dict[str, Simulator] = {
            "devrev": DevRevSimulator(worlds[0], incidents=6),
            "datadog": DatadogSimulator(worlds[1], incidents=6),
            "prodmanager": ProdManagerSimulator(worlds[2], incidents=6),
        }
        self.edits: list[Edit] = []
        self.counts: Counter[str] = Counter()
        self.outages: dict[str, int] = {}

    # ---- people

    def person(self, system: str | None = None) -> None:
        """Let a person do something: open an incident, rewrite a text, or change a choice."""
        system = system or self.random.choice(sorted(self.doubles))
        double, what = self.doubles[system], self.random.random()
        if what < 0.04:
            self._add(system)
        elif what < 0.7:
            name = self.random.choice(["title", "description"])
            record = self.random.choice(double.ids())
            if not self._in_flight(system, record, name):
                self._rewrite(system, record, name)
        else:
            path, words = self.random.choice(sorted(CHOICES[system].items()))
            double.edit(self.random.choice(double.ids()), **{path: self.random.choice(words)})
            self.counts["choices"] += 1

    def _in_flight(self, system: str, record: str, name: str) -> bool:
        """Whether instep is about to write the very field, in a service that would not tell.

        Neither DevRev nor Datadog has a version to write against, so an edit in the milliseconds
        between a look and the write of the same field is written over without a trace.
        ProdManager's history shows it, and it comes back.
        """
        if not (self.folder / "soak.db").exists():
            return False
        with closing(sqlite3.connect(self.folder / "soak.db")) as db:
            rows = db.execute(
                "SELECT sent FROM intents JOIN external_references USING (incident, system) "
                "WHERE system = ? AND record = ?",
                (system, record),
            )
            sent = [json.loads(row[0]) for row in rows]
        if system == "prodmanager":
            if sent:
                # Its history has to be readable then: nothing more goes wrong in this cycle.
                self.doubles[system].world.clear()
            return False
        self.counts["spared"] += any(name in one for one in sent)
        return any(name in one for one in sent)

    def _text(self, name: str) -> str:
        """Make a text that was never written before."""
        return f"{name} number {len(self.edits)} of seed {self.seed}"

    def _add(self, system: str) -> None:
        """Let a person open an incident."""
        text = self._text("title")
        record = self.doubles[system].add(**{SPELLED[system]["title"]: text})
        self.edits.append(Edit(system, str(record), "title", text))
        self.counts["opened"] += 1

    def _rewrite(self, system: str, record: str, name: str) -> None:
        """Let a person write over a text that they have read."""
        before = self._reads(system, record, name)
        for edit in self.edits:
            edit.seen |= edit.text == before
        text = self._text(name)
        self.doubles[system].edit(record, **{SPELLED[system][name]: text})
        self.edits.append(Edit(system, record, name, text))
        self.counts["texts"] += 1

    def _reads(self, system: str, record: str, name: str) -> Any:
        """Give the text that a record shows."""
        double = self.doubles[system]
        raw = dict(zip(double.ids(), double.records(), strict=True))[record]
        path = SPELLED[system][name]
        if system != "datadog":
            return raw.get(path)
        about = raw["attributes"]
        return about["fields"][path]["value"] if path == "summary" else about[path]

    def ambush(self) -> None:
        """Let a person strike at a moment of the next cycle."""
        system = self.random.choice(sorted(self.doubles))
        route = self.random.choice(BETWEEN[system])
        nth = self.random.randint(1, 4)
        self.doubles[system].world.after(route, lambda: self.person(system), nth)
        self.counts["ambushes"] += 1

    # ---- accidents

    def trouble(self) -> None:
        """Let faults come as they may."""
        for name in self.doubles:
            self._arm(name)

    def _arm(self, system: str) -> None:
        """Let faults come to one service."""
        for kind, more in FAULTS.items():
            # An empty answer to a look-up of names is believed: nobody there has that name.
            route = LISTING[system] if kind == "empty" else ""
            self.doubles[system].world.fault(route, kind, **more)

    def outage(self) -> None:
        """Let a service go away for some cycles, and come back when they are over."""
        for system in [name for name, left in self.outages.items() if left == 0]:
            del self.outages[system]
            self.doubles[system].world.clear()
        self.outages = {name: left - 1 for name, left in self.outages.items()}
        if self.random.random() < 0.04:
            system = self.random.choice(sorted(self.doubles))
            self.outages[system] = self.random.randint(1, 4)
            self.doubles[system].world.fault("", "503", every=1)
            self.counts["outages"] += 1

    def _rearm(self) -> None:
        """Let faults come again where they were stopped."""
        for name, double in self.doubles.items():
            if not double.world.faults(double.name):
                self._arm(name)

    def skew(self) -> None:
        """Let a service's clock jump, a little ahead or back."""
        if self.random.random() < 0.02:
            double = self.doubles[self.random.choice(sorted(self.doubles))]
            double.world.skew(self.random.choice([-90.0, -5.0, 5.0, 90.0]))
            self.counts["skews"] += 1

    # ---- the run

    async def run(self, cycles: int) -> Report:
        """Soak for so many cycles, then two without trouble; answers the report of a third."""
        async with self._served() as config:
            self.trouble()
            done = 0
            while done < cycles:
                async with opened(config, now=self.clock) as app:
                    stretch = min(self.random.randint(5, 40), cycles - done)
                    for _ in range(stretch):
                        await self._cycle(app)
                    done += stretch
                self.counts["restarts"] += 1
            for double in self.doubles.values():
                self.counts["struck"] += sum(bool(r.fault) for r in double.world.requests)
                double.world.clear()
            return await self._rest(config)

    @asynccontextmanager
    async def _served(self) -> AsyncIterator[Config]:
        """Put the doubles on ports, and make the configuration that names them."""
        servers = {name: await serve(double.app, 0) for name, double in self.doubles.items()}
        urls = {name: f"http://127.0.0.1:{server.port}" for name, server in servers.items()}
        more = {f"{name}_more": self.more.get(name, "") for name in servers}
        text = CONFIG.format(folder=self.folder, **urls, **more)
        try:
            yield loads(text, str(self.folder / "soak.yaml"), {})
        finally:
            for server in servers.values():
                await server.stop()

    async def _cycle(self, app: App) -> None:
        """Let some time pass and something happen, then run one cycle."""
        self.clock.at += self.random.choice([20, 60, 60, 90])
        for act in (self.outage, self.skew):
            act()
        self._rearm()
        for _ in range(self.random.choice([0, 0, 1, 1, 2, 3])):
            self.person()
        if self.random.random() < 0.3:
            self.ambush()
        self._count(await run_cycle(app))

    def _count(self, report: Report) -> None:
        """Count what a cycle did."""
        self.counts["cycles"] += 1
        self.counts[report.state] += 1
        self.counts["quiet"] += report.writes == 0
        self.counts["attic"] += report.attic
        for tally in report.systems.values():
            for name in ("requests", "creates", "updates", "closes", "failed"):
                self.counts[name] += tally.counts[name]

    async def _rest(self, config: Config) -> Report:
        """Run the two cycles that bring everything in step, and a quiet one."""
        async with opened(config, now=self.clock) as app:
            for seconds in (3700, 60):
                self.clock.at += seconds
                await run_cycle(app)
            self.clock.at += 60
            quiet = await run_cycle(app)
            self.apart = await differences(app.unit, app.systems)
            self.lost = await app.desk(self._lost, app)
            return quiet

    # ---- what is left of people's edits

    def _lost(self, app: App) -> list[str]:
        """Name the edits that neither stand nor were kept, and that nobody wrote over knowingly."""
        with app.ledger.begin() as db:
            attic = set(db.scalars(select(tables.conflicts.c.value)))
            bases = list(db.scalars(select(tables.incidents.c.base)))
        stands = {
            base[name]["value"] for base in bases for name in SPELLED["devrev"] if name in base
        }
        return [
            f"{e.system} {e.record}: {e.field} {e.text!r}"
            for e in self.edits
            if not e.seen and e.text not in stands and e.text not in attic
        ]


def soak(seed: int, cycles: int, folder: Path, **more: str) -> tuple[Soak, Report]:
    """Run one soak."""
    made = Soak(seed, folder, more)
    return made, asyncio.run(made.run(cycles))
