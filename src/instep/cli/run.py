"""``run``: the daemon."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from instep.cli.options import Call, command
from instep.errors import ConfigError, Problem

if TYPE_CHECKING:
    from instep.config import Config
    from instep.daemon.reload import Source


@command("run", json=False)
def run(call: Call) -> int:
    """Run cycles until stopped: the daemon.

    The first SIGTERM or Ctrl-C lets the step in hand end, a second one does not wait for it.
    SIGHUP has the configuration read anew, and the old one kept if the new one is wrong.
    """
    # Until there is somebody to take it, it waits: the file may change from here on. Afterwards it
    # means nothing: it does not end the last steps of a stop.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    from instep.cli.trials import proven
    from instep.daemon.reload import Source

    config = proven(call.load(level=""), str(call.place()))
    source = Source(partial(_read, call.place()), call.log)
    asyncio.run(_run(config, source))
    return 0


async def _run(config: Config, source: Source) -> None:
    """Open everything and serve."""
    from instep.app import opened
    from instep.daemon.service import serve

    async with opened(config) as app:
        await serve(app, config, stop=asyncio.Event(), source=source)


def _read(place: Path | Literal["-"]) -> Config:
    """Read the configuration anew; what is refused at the start is refused here, too.

    Raises:
        ConfigError: it is missing or wrong, one of its tests fails, or it can be read once only.
    """
    from instep.cli.trials import proven
    from instep.config import load

    if place == "-" or place.is_fifo():
        name = "the standard input" if place == "-" else str(place)
        hint = "name a file with --config, or restart it"
        raise ConfigError((Problem(f"{name} cannot be read again", hint=hint, code="E101"),))
    return proven(load(place, os.environ), str(place))
