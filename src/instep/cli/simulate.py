"""``simulate``: one simulated service on a port of this machine."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import click

from instep.cli.options import Call, command
from instep.cli.text import many
from instep.errors import UsageError

if TYPE_CHECKING:
    from instep.simulator.serve import Served
    from instep.simulator.world import Simulator

KINDS = ("devrev", "datadog", "prodmanager")
#: The credential that each takes; an application key goes with any API key.
CREDENTIALS = {
    "devrev": "bearer token",
    "datadog": "application key",
    "prodmanager": "bearer token",
}
#: What stands in the snippet where every credential is accepted.
ANY = "simulated-token"


@command("simulate", json=False)
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0, the default, is any.")
@click.option("--incidents", type=click.IntRange(0), default=8, help="How many it begins with.")
@click.option("--seed", type=int, default=0, help="Equal seeds make equal incidents.")
@click.option("--token", help="The only credential accepted; without it every one is.")
def simulate(
    call: Call, *, kind: str, port: int, incidents: int, seed: int, token: str | None
) -> int:
    """Serve a simulated service on a port of this machine, until Ctrl-C or SIGTERM.

    It holds what it is told for as long as it runs, and begins anew the next time. GET
    /_sim/state shows what it holds, /_sim/log what it was asked.
    """
    from instep import logs
    from instep.simulator.serve import build

    if token == "":
        raise UsageError("--token is empty", advice="leave it out to accept every credential")
    logs.setup(level="debug" if call.debug else "warning")
    double = build(kind, incidents=incidents, seed=seed, token=token)
    asyncio.run(_serve(kind, double, port, token))
    return 0


async def _serve(kind: str, double: Simulator, port: int, token: str | None) -> None:
    """Listen, say so, and serve until a signal comes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = await listening(double, port)
    try:
        url = f"http://127.0.0.1:{server.port}"
        taken = f"any {CREDENTIALS[kind]}" if token is None else f"{CREDENTIALS[kind]} {token}"
        held = many(len(double.ids()), "incident")
        click.echo("systems:\n  " + snippet(kind, url, token or ANY), err=True)
        click.echo(f"{kind} listens on {url}: {held}, takes {taken}")
        await stop.wait()
    finally:
        await server.stop()


async def listening(double: Simulator, port: int) -> Served:
    """Put a double on a port.

    Raises:
        UsageError: the port cannot be had.
    """
    from instep.simulator.serve import serve

    try:
        return await serve(double.app, port)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise UsageError(
            f"cannot listen on port {port}: {why}",
            advice="--port 0 takes a free port and says which",
        ) from error


def snippet(kind: str, url: str, token: str) -> str:
    """Spell a system as the configuration names it."""
    keys = {"datadog": ("api_key", "app_key")}.get(kind, ("token",))
    secrets = ", ".join(f"{key}: {token}" for key in keys)
    return f'{kind}: {{type: {kind}, url: "{url}", {secrets}}}'
