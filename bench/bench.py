"""Time instep's main job against in-process simulators without latency.

Two pieces of work over N Datadog incidents: a first sync into the two other systems, and a quiet
cycle over everything. Each is measured in a fresh process, beside a bare httpx loop that sends the
very same requests in the same run, so that the ratio holds on any machine.

    python bench/bench.py [--records 2000] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import structlog

from instep.app import opened
from instep.config import Config, loads
from instep.engine.cycle import run_cycle
from instep.simulator.datadog import DatadogSimulator
from instep.simulator.devrev import DevRevSimulator
from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.world import World

CONFIG = """
ledger: sqlite:///{ledger}
limits: {{creates: 1000000, updates: 1000000, closes: 1000000, share: 100%}}
systems:
  devrev: {{type: devrev, token: "${{TOKEN}}", url: "http://devrev.local"}}
  datadog: {{type: datadog, api_key: "${{TOKEN}}", app_key: "${{TOKEN}}", url: "http://datadog.local"}}
  status: {{type: prodmanager, token: "${{TOKEN}}", url: "http://status.local"}}
create:
  devrev: {{from: [datadog]}}
  status: {{from: [datadog], set: {{scope: eu-west, service: Checkout}}}}
"""
#: Requests under way at once in the bare loop, as many as instep has for each system.
WORKERS = 8


@dataclass
class Recorder(httpx.AsyncBaseTransport):
    """Passes requests on to a simulator and remembers them."""

    inner: httpx.ASGITransport
    kept: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Remember a request, with its body, and pass it on."""
        self.kept.append(request)
        return await self.inner.handle_async_request(request)


def simulators(records: int) -> dict[str, Any]:
    """Make the three services: all incidents are in Datadog."""
    world = World(seed=1)
    return {
        "devrev": DevRevSimulator(world, incidents=0),
        "datadog": DatadogSimulator(world, incidents=records),
        "status": ProdManagerSimulator(world, incidents=0),
    }


def configured(folder: Path) -> Config:
    """Make the configuration, with a ledger in a folder."""
    text = CONFIG.format(ledger=folder / "bench.db")
    return loads(text, str(folder / "bench.yaml"), {"TOKEN": "bench"})


@dataclass
class Clock:
    """Wall and CPU seconds since it was made."""

    wall: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)

    def read(self) -> tuple[float, float]:
        """Give wall and CPU seconds so far."""
        return time.perf_counter() - self.wall, time.process_time() - self.cpu


async def synced(records: int) -> dict[str, Any]:
    """Measure instep and the bare loop on both pieces of work, in this process."""
    services = simulators(records)
    taps = {name: Recorder(httpx.ASGITransport(s.app)) for name, s in services.items()}
    found: dict[str, Any] = {"records": records}
    with tempfile.TemporaryDirectory() as folder:
        async with opened(configured(Path(folder)), transports=taps) as app:
            clock = Clock()
            first = await run_cycle(app)
            found["first"] = measured(clock, records)
            if first.exit_code:
                raise SystemExit(f"the first sync did not end in step: {first.data()}")
            sent = {name: list(tap.kept) for name, tap in taps.items()}
            for tap in taps.values():
                tap.kept.clear()
            clock = Clock()
            quiet = await run_cycle(app)
            found["quiet"] = measured(clock, 3 * records)
            if quiet.writes:
                raise SystemExit(f"the second cycle was not quiet: {quiet.data()}")
        found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
        found["first"]["requests"] = sum(map(len, sent.values()))
        found["quiet"]["requests"] = sum(len(tap.kept) for tap in taps.values())
        quieter = {name: tap.kept for name, tap in taps.items()}
        found["bare_first"] = await bare(records, sent, fresh=None, counted=records)
        found["bare_quiet"] = await bare(records, quieter, fresh=services, counted=3 * records)
    return found


def measured(clock: Clock, counted: int) -> dict[str, Any]:
    """Put wall and CPU into figures per record."""
    wall, cpu = clock.read()
    return {
        "records_per_s": round(counted / wall),
        "cpu_s_per_1000": round(cpu / counted * 1000, 4),
    }


async def bare(
    records: int, sent: dict[str, list[httpx.Request]], *, fresh: Any, counted: int
) -> dict[str, Any]:
    """Send the same requests with httpx alone, to fresh simulators or to the given ones."""
    services = fresh or simulators(records)
    clients = {
        name: httpx.AsyncClient(transport=httpx.ASGITransport(s.app))
        for name, s in services.items()
    }
    clock = Clock()
    await asyncio.gather(*(replayed(clients[name], sent[name]) for name in sent))
    return measured(clock, counted)


async def replayed(client: httpx.AsyncClient, requests: list[httpx.Request]) -> None:
    """Send one service's requests, a few at a time, in their order."""
    left = iter(requests)

    async def worker() -> None:
        for request in left:
            answer = await client.request(
                request.method, request.url, headers=request.headers, content=request.content
            )
            if answer.content and "json" in answer.headers.get("content-type", ""):
                answer.json()

    await asyncio.gather(*(worker() for _ in range(WORKERS)))


def shown(found: dict[str, Any]) -> str:
    """Print the figures as a table."""
    lines = [f"{found['records']} Datadog incidents into DevRev and ProdManager, in process"]
    lines.append(f"{'':12}{'records/s':>12}{'CPU s/1,000':>14}{'requests':>10}{'x bare CPU':>12}")
    for work in ("first", "quiet"):
        ours, theirs = found[work], found[f"bare_{work}"]
        ratio = ours["cpu_s_per_1000"] / theirs["cpu_s_per_1000"]
        lines.append(
            f"{work:12}{ours['records_per_s']:>12,}{ours['cpu_s_per_1000']:>14.3f}"
            f"{ours['requests']:>10,}{ratio:>12.2f}"
        )
        lines.append(
            f"{'  bare httpx':12}{theirs['records_per_s']:>12,}{theirs['cpu_s_per_1000']:>14.3f}"
        )
    lines.append(f"peak memory {found['peak_mb']} MB, simulators included")
    return "\n".join(lines)


def main() -> None:
    """Measure in a fresh process, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        level = structlog.make_filtering_bound_logger(logging.ERROR)
        structlog.configure(wrapper_class=level)
        print(json.dumps(asyncio.run(synced(asked.records))))
        return
    command = [sys.executable, __file__, "--inside", "--records", str(asked.records)]
    answer = subprocess.run(  # noqa: S603 - this very file, in a fresh process
        command, check=True, capture_output=True, env=os.environ
    )
    found = json.loads(answer.stdout)
    print(json.dumps(found) if asked.json else shown(found))


if __name__ == "__main__":
    main()
