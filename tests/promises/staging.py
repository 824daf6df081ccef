"""The stage of the promises: three services behind ports, and an app that keeps them in step.

All share one clock, which stands still until it is moved. The services are asked over sockets.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from instep.app import opened
from instep.cli.stepping import differences
from instep.config import Config, load
from instep.engine.context import App
from instep.engine.cycle import run_cycle
from instep.engine.report import Report
from instep.simulator.serve import KINDS, serve
from instep.simulator.world import Request, Simulator, World
from tests.cli.sims import Line, Ran
from tests.kill.scenarios import SPELLED, Told

#: Seconds that the clock begins ago; what status calls late is longer ago than that.
BEGIN, EVERY = 7200.0, "2h"
#: The path of the requests that list incidents; those of one incident begin with it or not.
LISTING = {
    "devrev": "POST /incidents.list",
    "datadog": "GET /api/v2/incidents?",
    "prodmanager": "GET /api/incident?",
}
#: The requests that make a record, and those that change one.
CREATING = {
    "devrev": "POST /incidents.create",
    "datadog": "POST /api/v2/incidents",
    "prodmanager": "POST /api/incident/create",
}
UPDATING = {
    "devrev": "POST /incidents.update",
    "datadog": "PATCH /api/v2/incidents/",
    "prodmanager": "/update",
}
WIDE = {"creates": 10_000, "updates": 10_000, "closes": 10_000, "deletes": 10_000, "share": "100%"}
SETTINGS: dict[str, Any] = {
    "every": EVERY,
    "limits": WIDE,
    "systems": {
        "devrev": {"type": "devrev", "token": "t"},
        "datadog": {"type": "datadog", "api_key": "a", "app_key": "t"},
        "prodmanager": {"type": "prodmanager", "token": "t"},
    },
    "create": {
        "devrev": {"from": ["datadog", "prodmanager"]},
        "datadog": {"from": ["devrev", "prodmanager"]},
        "prodmanager": {
            "from": ["devrev", "datadog"],
            "set": {"scope": "eu-west", "service": "Checkout"},
        },
    },
}
#: Settings that give no system a record that it does not have.
APART = {"create": None}


class Clock:
    """The time of everybody, in seconds since the epoch."""

    def __init__(self) -> None:
        """Begin some time ago, so that whatever is to come in a test is past for this machine."""
        self.at = float(int(time.time() - BEGIN))

    def __call__(self) -> float:
        """Tell it as the program does."""
        return self.at

    def date(self) -> datetime:
        """Tell it as the services do."""
        return datetime.fromtimestamp(self.at, UTC)


@dataclass
class Stage:
    """Three services, each with a world of its own, and the app beside them."""

    app: App
    config: Config
    path: Path
    clock: Clock
    doubles: dict[str, Simulator]

    async def cycle(self, seconds: float = 60.0, *, sweep: bool = False) -> Report:
        """Run a cycle, so many seconds after the last one."""
        self.clock.at += seconds
        return await run_cycle(self.app, sweep=sweep)

    async def rest(self) -> int:
        """Run cycles until one writes nothing and leaves nothing; answers how many wrote."""
        for number in range(20):
            report = await self.cycle()
            if (report.writes, report.exit_code) == (0, 0):
                return number
        raise AssertionError(f"never in step: {report.data()}")

    async def apart(self) -> list[str]:
        """Say where the services are not in step, from what they hold."""
        self.clock.at += 60
        return await differences(self.app.unit, self.app.systems)

    async def ran(self, line: Line, *args: str) -> Ran:
        """Call a command beside the app, which holds the ledger's lock."""
        return await asyncio.to_thread(line, *args, "--config", self.path)

    def requests(self, kind: str) -> list[Request]:
        """Give what a service was asked."""
        return self.doubles[kind].world.requests

    def lines(self, kind: str, *, since: int = 0) -> list[str]:
        """Spell what a service was asked, from the so many-th request on."""
        return [f"{r.method} {r.path}" for r in self.requests(kind)[since:]]

    def writes(self) -> dict[str, int]:
        """Count the requests for a change that each service has answered."""
        return {kind: double.world.writes for kind, double in self.doubles.items()}

    def held(self) -> dict[str, int]:
        """Count the records that each service holds."""
        return {kind: len(double.ids()) for kind, double in self.doubles.items()}

    def told(self, kind: str) -> dict[str, Told]:
        """Read what each record of a service says, by its id."""
        double = self.doubles[kind]
        return {
            one: told(kind, raw) for one, raw in zip(double.ids(), double.records(), strict=True)
        }

    def titles(self, kind: str) -> list[str]:
        """Read the titles of all that a service holds."""
        return [one.title for one in self.told(kind).values()]

    def named(self, kind: str, title: str) -> str:
        """Give the id of the one record with a title."""
        (found,) = [one for one, says in self.told(kind).items() if says.title == title]
        return found

    def add(self, kind: str, title: str, **more: Any) -> str:
        """Open an incident as a person would; answers its id."""
        return self.doubles[kind].add(**{SPELLED[kind][0]: title}, **more)

    def rename(self, kind: str, record: str, title: str) -> None:
        """Give a record another title as a person would."""
        self.doubles[kind].edit(record, **{SPELLED[kind][0]: title})


@asynccontextmanager
async def staged(
    folder: Path,
    more: Mapping[str, Any] | None = None,
    *,
    incidents: Mapping[str, int] | int = 1,
    within: float = 10.0,
    **switches: Mapping[str, Any],
) -> AsyncIterator[Stage]:
    """Put three services on ports and open an app to them; nothing was heard yet.

    ``more`` is laid over the settings, part by part; ``switches`` set the services, by kind.
    ``within`` is how many seconds
    a request may take.
    """
    clock = Clock()
    doubles: dict[str, Simulator] = {}
    async with AsyncExitStack() as stack:
        urls = {}
        for seed, (kind, made) in enumerate(KINDS.items()):
            count = incidents if isinstance(incidents, int) else incidents.get(kind, 0)
            world = World(seed, clock.date)
            doubles[kind] = made(world, incidents=count, **switches.get(kind, {}))
            server = await serve(doubles[kind].app, 0)
            stack.push_async_callback(server.stop)
            urls[kind] = {"url": f"http://127.0.0.1:{server.port}"}
        path = configured(folder, {"systems": urls}, more or {})
        config = patient(load(path, {}), within)
        app = await stack.enter_async_context(opened(config, now=clock))
        yield Stage(app, config, path, clock, doubles)


def told(kind: str, raw: dict[str, Any]) -> Told:
    """Read what a record says; what is not said is empty."""
    if kind == "devrev":
        return Told(raw["title"], raw.get("body") or "", raw["stage"]["stage"]["name"])
    if kind == "prodmanager":
        return Told(raw["name"], raw["description"] or "", raw["status"])
    about = raw["attributes"]
    fields = about["fields"]
    return Told(about["title"], fields["summary"]["value"] or "", fields["state"]["value"])


def patient(config: Config, timeout: float) -> Config:
    """Give requests so many seconds, which a file can name in whole ones only."""
    systems = {
        name: system.model_copy(update={"timeout": timeout})
        for name, system in config.systems.items()
    }
    return config.model_copy(update={"systems": systems})


def configured(folder: Path, *more: Mapping[str, Any]) -> Path:
    """Write a configuration, with a ledger beside it."""
    settings: Any = SETTINGS | {"ledger": f"sqlite:///{folder / 'instep.db'}"}
    for part in more:
        settings = laid(settings, part)
    path = folder / "instep.yaml"
    path.write_text(json.dumps(settings))
    return path


def laid(under: Any, over: Any) -> Any:
    """Lay settings over others; ``None`` takes out what is below."""
    if not (isinstance(under, dict) and isinstance(over, Mapping)):
        return over
    both = {key: laid(under.get(key), over[key]) if key in over else under[key] for key in under}
    both |= {key: value for key, value in over.items() if key not in under}
    return {key: value for key, value in both.items() if value is not None}
