"""The stage of the demo: three simulated services on ports, and a configuration that names them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from instep.cli.demo_view import SYSTEMS
from instep.cli.simulate import ANY, listening, snippet
from instep.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from instep.simulator.world import Simulator

CONFIG, LEDGER, TOKEN, NOTE = "instep.yaml", "instep.db", "token", "HOW-TO-PLAY.txt"
CONFIGURATION = """\
# Written by instep demo: three simulated services on this machine.
ledger: {ledger}
every: 1s
limits: {{creates: 1000, updates: 1000, closes: 1000, share: 100%}}
systems:
  {systems}
create:
  devrev: {{from: [datadog, prodmanager]}}
  datadog: {{from: [devrev, prodmanager]}}
  prodmanager: {{from: [devrev, datadog], set: {{scope: eu-west, service: Checkout}}}}
"""
PLAY = """\
What the demo left here:

  instep status --config {config}
  instep conflicts --config {config}

The simulated services ended with it, and a new one begins anew. To play on, forget what the
ledger knows, start the three (each in a terminal of its own), then instep:

  rm {ledger}
{commands}
  instep plan --config {config}
  instep run --config {config}
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """The services, by system, and the configuration for them."""

    doubles: Mapping[str, Simulator]
    config: Path


@asynccontextmanager
async def staged(folder: Path, *, seed: int, incidents: int) -> AsyncIterator[Stage]:
    """Serve three simulated services from this event loop, and write their configuration."""
    from instep.simulator.serve import build

    async with AsyncExitStack() as stack:
        doubles: dict[str, Simulator] = {}
        ports: dict[str, int] = {}
        for kind in SYSTEMS:
            doubles[kind] = build(kind, incidents=incidents, seed=seed)
            server = await listening(doubles[kind], 0)
            stack.push_async_callback(server.stop)
            ports[kind] = server.port
        config = _write(folder, ports)
        commands = "\n".join(
            f"  instep simulate {kind} --port {port} --incidents {incidents} --seed {seed}"
            for kind, port in ports.items()
        )
        note = PLAY.format(config=config, ledger=folder / LEDGER, commands=commands)
        (folder / NOTE).write_text(note, encoding="utf-8")
        yield Stage(doubles, config)


def _write(folder: Path, ports: Mapping[str, int]) -> Path:
    """Write the configuration."""
    (folder / TOKEN).write_text(ANY, encoding="utf-8")
    systems = (
        snippet(kind, f"http://127.0.0.1:{port}", f"file:{TOKEN}") for kind, port in ports.items()
    )
    text = CONFIGURATION.format(
        ledger=json.dumps(f"sqlite:///{folder / LEDGER}"), systems="\n  ".join(systems)
    )
    path = folder / CONFIG
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def folder_of(keep: Path | None) -> Iterator[Path]:
    """Give the folder to work in: one to be kept, or one that goes away with the demo.

    Raises:
        UsageError: the folder to be kept cannot be used, or is used already.
    """
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="instep-demo-") as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot use {keep}: {error.strerror}") from error
    taken = next((name for name in (CONFIG, LEDGER, TOKEN, NOTE) if (keep / name).exists()), None)
    if taken:
        raise UsageError(
            f"{keep / taken} exists; nothing was overwritten", advice="--keep takes a new folder"
        )
    yield keep.resolve()
