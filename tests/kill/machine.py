"""The machine on which all runs take place: three ports, and the parent of the program's processes.

It is made once for all tests of a process. What stands behind its ports changes from run to run.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from instep.config import Config, load
from instep.simulator.serve import KINDS, Served, serve
from instep.simulator.world import App, Message, Receive, Send, World
from tests.kill.steps import COMMIT, Order

ROOT = Path(__file__).parents[2]
#: Seconds after which a run that should have ended is given up.
PATIENCE = 60.0
#: Looks hold nothing back: that nothing is doubled is to be seen to by marks alone.
CONFIG = """\
ledger: sqlite:///{folder}/instep.db
limits: {{creates: 1000, updates: 1000, closes: 1000, share: 100%}}
systems:
  devrev: {{type: devrev, url: "{devrev}", token: t, timeout: 5s}}
  datadog: {{type: datadog, url: "{datadog}", api_key: a, app_key: t, timeout: 5s}}
  prodmanager: {{type: prodmanager, url: "{prodmanager}", token: t, timeout: 5s}}
create:
  devrev: {{from: [datadog, prodmanager], alike: create}}
  datadog: {{from: [devrev, prodmanager], alike: create}}
  prodmanager:
    from: [devrev, datadog]
    alike: create
    set: {{scope: eu-west, service: Checkout}}
"""


@dataclass
class Port:
    """A port of this machine, behind which one double after another stands."""

    app: App | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand the connection to the double that stands there."""
        assert self.app is not None
        await self.app(scope, receive, send)


@dataclass(frozen=True)
class Ran:
    """How a run ended: its exit code (-9 if it was killed), what it went through, and its words."""

    code: int
    lines: list[str]
    out: str

    @property
    def steps(self) -> list[str]:
        """Name the steps that it took."""
        return [line for line in self.lines if line != COMMIT]


@dataclass
class Machine:
    """Ports, a folder with a configuration that names them, and the forking parent."""

    folder: Path
    config: Config
    parent: subprocess.Popen[str]
    loop: asyncio.AbstractEventLoop
    servers: list[Served]
    ports: dict[str, Port] = field(default_factory=dict)

    def run(self, order: Order) -> Ran:
        """Run the program to its end; afterwards no request of it is under way any more."""
        assert self.parent.stdin is not None
        assert self.parent.stdout is not None
        for name in ("steps", "out"):
            (self.folder / name).write_text("")
        self.parent.stdin.write(json.dumps(asdict(order)) + "\n")
        self.parent.stdin.flush()
        answer = self.parent.stdout.readline()
        assert answer, "the forking parent broke down; its error stands beside this one"
        asyncio.run_coroutine_threadsafe(self._idle(), self.loop).result(PATIENCE)
        lines = (self.folder / "steps").read_text().splitlines()
        return Ran(int(answer), lines, (self.folder / "out").read_text())

    async def _idle(self) -> None:
        """Wait until the services have answered all that a process that is no more has sent."""
        states = [server._server.server_state for server in self.servers]
        # What was connected before it ended is accepted in the first turns of the loop.
        for _ in range(5):
            await asyncio.sleep(0)
        while any(state.connections or state.tasks for state in states):  # noqa: ASYNC110
            await asyncio.sleep(0)


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Start everything; stopped afterwards."""
    # Empty services to begin with.
    ports = {kind: Port(made(World(), incidents=1).app) for kind, made in KINDS.items()}
    with _looping() as loop:
        servers = {
            kind: asyncio.run_coroutine_threadsafe(serve(port, 0), loop).result(PATIENCE)
            for kind, port in ports.items()
        }
        urls = {kind: f"http://127.0.0.1:{server.port}" for kind, server in servers.items()}
        config = folder / "instep.yaml"
        config.write_text(CONFIG.format(folder=folder, **urls))
        try:
            with _parent(config) as parent:
                yield Machine(folder, load(config, {}), parent, loop, [*servers.values()], ports)
        finally:
            for server in servers.values():
                asyncio.run_coroutine_threadsafe(server.stop(), loop).result(PATIENCE)


@contextmanager
def _looping() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


@contextmanager
def _parent(config: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the forking parent; it ends when its input does."""
    command = [sys.executable, "-m", "tests.kill.zygote", str(config)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as parent:
        try:
            yield parent
        finally:
            assert parent.stdin is not None
            parent.stdin.close()
            parent.wait(PATIENCE)
