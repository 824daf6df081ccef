"""Three simulated services on ports of this machine, and configurations that name them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from instep.cli.main import main
from instep.simulator.serve import KINDS, serve
from instep.simulator.world import Simulator, World

#: Used where a credential is never shown to anybody.
TOKEN = "t0ken-of-the-tests"
SYSTEMS = """\
systems:
  devrev: {{type: devrev, token: {token}, url: "http://127.0.0.1:{devrev}"}}
  datadog: {{type: datadog, api_key: {token}, app_key: {token}, url: "http://127.0.0.1:{datadog}"}}
  status: {{type: prodmanager, token: {token}, url: "http://127.0.0.1:{prodmanager}"}}
create:
  devrev: {{from: [datadog, status]}}
  datadog: {{from: [devrev, status]}}
  status: {{from: [devrev, datadog], set: {{scope: eu-west, service: Checkout}}}}
"""


def written(folder: Path, ports: dict[str, int], more: str = "") -> Path:
    """Write a configuration for the three services, with a ledger beside it."""
    path = folder / "instep.yaml"
    ledger = f"ledger: sqlite:///{folder / 'instep.db'}\n"
    path.write_text(ledger + SYSTEMS.format(token=TOKEN, **ports) + more)
    return path


def closed_port() -> int:
    """Give a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Sims:
    """The running services, by kind."""

    doubles: dict[str, Simulator]
    ports: dict[str, int]
    world: World

    def records(self) -> list[list[dict[str, Any]]]:
        """Give everything that they hold."""
        return [double.records() for double in self.doubles.values()]


@contextmanager
def served(incidents: int = 2, **switches: dict[str, Any]) -> Iterator[Sims]:
    """Serve the three from a thread, since commands run event loops of their own.

    ``switches`` set the doubles, by kind.
    """
    world = World(seed=1)
    doubles: dict[str, Simulator] = {
        kind: made(world, incidents=incidents, **switches.get(kind, {}))
        for kind, made in KINDS.items()
    }
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = {
        kind: asyncio.run_coroutine_threadsafe(serve(double.app, 0), loop).result(10)
        for kind, double in doubles.items()
    }
    try:
        yield Sims(doubles, {kind: server.port for kind, server in running.items()}, world)
    finally:
        for server in running.values():
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@dataclass(frozen=True)
class Ran:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """Read what it printed as JSON."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True)
class Line:
    """A command line, called in this process."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *args: str | Path) -> Ran:
        """Call a command."""
        self.capture.readouterr()
        code = main([str(arg) for arg in args])
        captured = self.capture.readouterr()
        return Ran(code, captured.out, captured.err)
