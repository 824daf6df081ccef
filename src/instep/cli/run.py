"""``run``: the daemon."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from instep.cli.options import Call, command

if TYPE_CHECKING:
    from instep.config import Config


@command("run", json=False)
def run(call: Call) -> int:
    """Run cycles until stopped: the daemon.

    The first SIGTERM or Ctrl-C lets the step in hand end, a second one does not wait for it.
    """
    asyncio.run(_run(call.load(level="")))
    return 0


async def _run(config: Config) -> None:
    """Open everything and serve."""
    from instep.app import opened
    from instep.daemon.service import serve

    async with opened(config) as app:
        await serve(app, config, stop=asyncio.Event())
