"""Promise 14: calls stay under a set share of each service's limit, and its waits are honoured.

A record that fails is never asked for more often than a healthy one, and what is made anew waits
for what has changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import stamina

from instep.app import opened
from instep.cli.stepping import differences
from instep.config.load import loads
from instep.core.retry import TRIES
from instep.engine.context import App
from instep.engine.cycle import run_cycle
from instep.engine.report import Report
from instep.simulator.faults import entries
from instep.simulator.serve import KINDS
from instep.simulator.world import Request, Simulator, World
from instep.systems.budget import Budget

INCIDENTS, SHARE = 8, 0.5
#: Seconds.
MONTH = 30 * 86_400.0
#: Requests that each service answers, and in how many seconds.
QUOTAS = {"devrev": (40, 60), "datadog": (60, 60), "prodmanager": (60, 3600)}
CONFIG = """\
ledger: sqlite:///{folder}/instep.db
limits: {{creates: 1000, updates: 1000, closes: 1000, share: 100%}}
systems:
  devrev: {{type: devrev, url: "http://devrev", token: t, rate: 50%}}
  datadog: {{type: datadog, url: "http://datadog", api_key: a, app_key: t, rate: 50%}}
  prodmanager: {{type: prodmanager, url: "http://prodmanager", token: t, rate: 50%}}
create:
  devrev: {{from: [datadog, prodmanager]}}
  datadog: {{from: [devrev, prodmanager]}}
  prodmanager: {{from: [devrev, datadog], set: {{scope: eu-west, service: Checkout}}}}
"""


@dataclass
class Clock:
    """One clock for the program and the services, which sleepers move to when they wake."""

    at: float = 1_800_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.at

    def date(self) -> datetime:
        """Tell the time as the services do."""
        return datetime.fromtimestamp(self.at, UTC)

    async def sleep(self, seconds: float) -> None:
        """Let others go first, then be so many seconds later, at least."""
        until = self.at + seconds
        await asyncio.sleep(0)
        self.at = max(self.at, until)


@dataclass
class Counting(httpx.AsyncBaseTransport):
    """The way to one double; notes when each request came, and how it was answered."""

    double: Simulator
    clock: Clock
    times: list[float] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand a request to the double."""
        self.times.append(self.clock())
        inside = httpx.ASGITransport(self.double.app)
        response = await inside.handle_async_request(request)
        self.statuses.add(response.status_code)
        return response


@dataclass
class Stage:
    """Three services that count, and an app that keeps them in step."""

    app: App
    clock: Clock
    ways: dict[str, Counting]

    async def cycle(self) -> Report:
        """Run a cycle, a minute after the last one."""
        self.clock.at += 60
        return await run_cycle(self.app)

    async def settled(self) -> int:
        """Run cycles until one has nothing to do; answers how many it took."""
        for number in range(200):
            report = await self.cycle()
            whys = [tally.why for tally in report.systems.values() if tally.why]
            if (report.writes, report.due, whys) == (0, 0, []):
                return number
        raise AssertionError("never in step")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Give a clock that is the machine's, too; nothing waits in real seconds."""
    made = Clock()
    monkeypatch.setattr("instep.systems.waits.time.time", made)
    with stamina.set_testing(True, attempts=4, cap=True):
        yield made


@asynccontextmanager
async def stage(folder: Path, clock: Clock, *, counts: bool) -> AsyncIterator[Stage]:
    """Open an app to three doubles, which ``counts`` lets refuse what is over their quota."""
    world = World(3, clock.date)
    world.lost = httpx.ReadError
    ways = {
        kind: Counting(made(world, incidents=INCIDENTS, quota=QUOTAS[kind][0] * counts), clock)
        for kind, made in KINDS.items()
    }
    config = loads(CONFIG.format(folder=folder), str(folder / "instep.yaml"), {})
    async with opened(config, transports=ways, now=clock) as app:
        for name, system in app.systems.items():
            system.door.budget = Budget(  # type: ignore[attr-defined]
                name, config.systems[name].rate, clock=clock, sleep=clock.sleep
            )
        yield Stage(app, clock, ways)


def windows(kind: str, times: list[float]) -> list[int]:
    """Count requests by window: by the clock, but for ProdManager from the first request on."""
    period = QUOTAS[kind][1]
    begins: list[float] = []
    counts: list[int] = []
    for time in times:
        if not begins or time >= begins[-1] + period:
            begins.append(time if kind == "prodmanager" else time // period * period)
            counts.append(0)
        counts[-1] += 1
    return counts


async def test_calls_stay_under_the_share_of_every_window(tmp_path: Path, clock: Clock) -> None:
    """However much there is to do, half of each limit is left to others; all of it gets done."""
    async with stage(tmp_path, clock, counts=True) as three:
        await three.settled()
        clock.at += 3600
        assert await differences(three.app.unit, three.app.systems) == []
    for kind, way in three.ways.items():
        counts = windows(kind, way.times)
        assert max(counts) <= SHARE * QUOTAS[kind][0], (kind, counts)
        assert len(counts) > 2, kind
        assert len(way.double.ids()) == 3 * INCIDENTS
        assert 429 not in way.statuses


async def test_the_configured_share_reaches_the_doors(tmp_path: Path) -> None:
    """``rate`` of each system is the share of its own door."""
    rates = {"devrev": 0.5, "datadog": 0.25, "prodmanager": 1.0}
    text = CONFIG.format(folder=tmp_path)
    for kind, rate in rates.items():
        head, _, tail = text.partition(f"{{type: {kind}")
        text = f"{head}{{type: {kind}{tail.replace('rate: 50%', f'rate: {rate:.0%}', 1)}"
    async with opened(loads(text, str(tmp_path / "instep.yaml"), {})) as app:
        found = {name: vars(system)["door"].budget.rate for name, system in app.systems.items()}
    assert found == rates


@pytest.mark.parametrize("kind", KINDS)
async def test_a_wait_that_is_asked_for_is_honoured(
    tmp_path: Path, clock: Clock, kind: str
) -> None:
    """After a 429 nothing is sent until its time is over; the others go on, then all catch up."""
    async with stage(tmp_path, clock, counts=False) as three:
        await three.settled()
        way = three.ways[kind]
        other = next(one for name, one in three.ways.items() if name != kind)
        title = "name" if other.double.name == "prodmanager" else "title"
        other.double.edit(other.double.ids()[0], **{title: "Renamed meanwhile"})
        refusal = {"route": "", "kind": "429", "seconds": 600}
        way.double.world.plan(entries([refusal]), kind)
        before = len(way.times)
        reports = [await three.cycle() for _ in range(9)]
        assert all(report.systems[kind].why for report in reports)
        assert sum(report.writes for report in reports) == 1
        refused = way.times[before:]
        assert refused
        assert refused[-1] - refused[0] < 30
        await three.settled()
        gaps = [later - sooner for sooner, later in pairwise(way.times[before:])]
        assert [gap for gap in gaps if 30 <= gap < 60] == []
        assert next(gap for gap in gaps if gap > 120) >= 600
        assert await differences(three.app.unit, three.app.systems) == []


async def test_a_failing_record_is_asked_for_no_more_than_a_healthy_one(
    tmp_path: Path, clock: Clock
) -> None:
    """Two records are renamed, and one is refused from then on: no cycle asks for it more often.

    In most cycles it is not asked for at all, and after some tries never again.
    """
    async with stage(tmp_path, clock, counts=False) as three:
        await three.settled()
        datadog, page = (three.ways[kind].double for kind in ("datadog", "prodmanager"))
        failing, healthy = (f"/api/v2/incidents/{one}" for one in datadog.ids()[:2])
        refusal = {"route": f"PATCH {failing}", "kind": "500-before", "status": 400, "every": 1}
        datadog.world.plan(entries([refusal]), "datadog")
        titles = {
            path: next(raw["attributes"]["title"] for raw in datadog.records() if raw["id"] in path)
            for path in (failing, healthy)
        }
        asked = {failing: [0], healthy: [0]}
        for number in range(40):
            for path, title in titles.items():
                if number == 0 or path == healthy:
                    record = named(page, title)
                    titles[path] = f"{title.partition(' again')[0]} again {number}"
                    page.edit(record, name=titles[path])
            before = {path: told(datadog.world, path) for path in asked}
            await three.cycle()
            for path, counts in asked.items():
                counts.append(told(datadog.world, path) - before[path])
        assert max(asked[failing]) <= max(asked[healthy])
        assert sum(count > 0 for count in asked[failing]) == TRIES
        assert sum(asked[failing]) < sum(asked[healthy])


def told(world: World, path: str) -> int:
    """Count the requests about one record."""
    return sum(one.path == path for one in world.requests)


def named(double: Simulator, title: str) -> str:
    """Give the id of ProdManager's record with a title."""
    return next(str(raw["id"]) for raw in double.records() if raw["name"] == title)


async def test_what_is_made_anew_waits_for_what_has_changed(tmp_path: Path, clock: Clock) -> None:
    """A hundred old incidents that nobody has yet, and one edit: the edit is among the first sent.

    By age alone it would come last. An update looks before it writes, so a create may be quicker.
    """
    async with stage(tmp_path, clock, counts=False) as three:
        await three.settled()
        datadog, page = (three.ways[kind].double for kind in ("datadog", "prodmanager"))
        three.app.workers = 1
        clock.at -= MONTH
        for number in range(100):
            page.add(name=f"Found in the archive {number}")
        clock.at += MONTH
        page.edit(page.ids()[0], name="A live change")
        before = len(datadog.world.requests)
        await three.cycle()
        asked = datadog.world.requests[before:]
        told_first = next(at for at, one in enumerate(asked) if one.method == "PATCH")
        made = [at for at, one in enumerate(asked) if made_anew(one)]
        assert len(made) == 100
        assert sum(at < told_first for at in made) <= three.app.workers


def made_anew(request: Request) -> bool:
    """Whether Datadog was asked to make an incident."""
    return (request.method, request.path) == ("POST", "/api/v2/incidents")
