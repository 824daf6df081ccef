"""``simulate``: one simulated service on a port of this machine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.options import Call, command
from instep.cli.text import columns, emit_lines, many
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
@click.option("--seed", type=int, default=0, help="Equal seeds make equal incidents and faults.")
@click.option("--token", help="The only credential accepted; without it every one is.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set a switch; may be repeated."
)
@click.option("--switches", is_flag=True, help="List the switches and their defaults, and end.")
@click.option(
    "--faults",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A fault plan: what goes wrong with which requests.",
)
def simulate(
    call: Call,
    /,
    *,
    kind: str,
    settings: tuple[str, ...],
    switches: bool,
    faults: Path | None,
    **start: Any,
) -> int:
    """Serve a simulated service on a port of this machine, until Ctrl-C or SIGTERM.

    It holds what it is told for as long as it runs, and begins anew the next time. GET
    /_sim/state shows what it holds, /_sim/log what it was asked, /_sim/faults what will go wrong.
    """
    from instep import logs
    from instep.cli.fault_plan import load

    _check_token(start["token"])
    if switches:
        return _list(kind)
    logs.setup(level="debug" if call.debug else "warning")
    plan = load(faults) if faults else []
    port = start.pop("port")
    double = _built(kind, _settings(kind, settings), **start)
    double.world.plan(plan)
    asyncio.run(_serve(double, port, start["token"], len(plan)))
    return 0


def _check_token(token: str | None) -> None:
    """Refuse a token that nobody could send.

    Raises:
        UsageError: it is empty, or holds what no header can carry.
    """
    if token is None:
        return
    if not (token and token.isascii() and token.isprintable()):
        what = "holds what no header carries" if token else "is empty"
        raise UsageError(f"--token {what}", advice="leave it out to accept every credential")


def _list(kind: str) -> int:
    """List the switches of a double."""
    from instep.simulator.switches import SPELLED, spell, switches

    found = switches(kind)
    rows = [(one.name, spell(one.default), SPELLED[one.kind], one.says) for one in found]
    emit_lines(columns([("switch", "default", "value", "meaning"), *rows], indent=""))
    return 0


def _settings(kind: str, given: Iterable[str]) -> dict[str, object]:
    """Read the switches that are set.

    Raises:
        UsageError: there is no such switch, or it cannot have that value.
    """
    from instep.simulator.faults import suggestion
    from instep.simulator.switches import spell, switches

    known = {one.name: one for one in switches(kind)}
    found: dict[str, object] = {}
    for setting in given:
        name, sign, text = setting.partition("=")
        if name not in known:
            raise UsageError(f'{kind} has no switch "{name}"', advice=suggestion(name, known))
        advice = f"such as --set {name}={spell(known[name].default)}, which is the default"
        if not sign:
            raise UsageError(f"--set {setting} names no value", advice=advice)
        try:
            found[name] = known[name].read(text)
        except ValueError as error:
            raise UsageError(f"--set {setting}: {error}", advice=advice) from None
    return found


def _built(kind: str, settings: dict[str, object], **start: Any) -> Simulator:
    """Make the double.

    Raises:
        UsageError: it refuses a switch.
    """
    from instep.simulator.serve import build

    try:
        return build(kind, switches=settings, **start)
    except ValueError as error:
        raise UsageError(
            f"{kind} cannot be set so: {error}", advice=f"see instep simulate {kind} --switches"
        ) from error


async def _serve(double: Simulator, port: int, token: str | None, faults: int) -> None:
    """Listen, say so, and serve until a signal comes."""
    kind = double.name
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = await listening(double, port)
    try:
        url = f"http://127.0.0.1:{server.port}"
        taken = f"any {CREDENTIALS[kind]}" if token is None else f"{CREDENTIALS[kind]} {token}"
        held = many(len(double.ids()), "incident") + (f", {many(faults, 'fault')}" * bool(faults))
        click.echo(
            "systems:\n  " + snippet(kind, url, json.dumps(token) if token else ANY), err=True
        )
        click.echo(f"{kind} listens on {url}: {held}, takes {taken}")
        await stop.wait()
    finally:
        await server.stop()


async def listening(double: Simulator, port: int) -> Served:
    """Put a double on a port.

    Raises:
        UsageError: the port cannot be had.
    """
    from instep.simulator.serve import IDLE, IDLES, serve

    try:
        return await serve(double.app, port, idle=IDLES.get(double.name, IDLE))
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
