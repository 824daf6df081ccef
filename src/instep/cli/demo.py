"""``demo``: instep at work between three simulated services, on this machine only."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from instep.cli.options import Call, command
from instep.cli.text import emit

if TYPE_CHECKING:
    from instep.cli.demo_play import Show, Totals

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@command("demo")
@click.option(
    "--for",
    "lasts",
    type=click.FloatRange(0.0),
    default=30.0,
    metavar="SECONDS",
    help="How long it lasts, about; 30.",
)
@click.option("--seed", type=int, default=1, help="Equal seeds make equal incidents and edits.")
@click.option(
    "--incidents", type=click.IntRange(0), default=4, help="How many each begins with; 4."
)
@click.option("--keep", type=FOLDER, help="Leave configuration and ledger behind in this folder.")
@click.option("--svg", type=FILE, help="Draw the last screen into this file.")
def demo(
    call: Call, *, lasts: float, seed: int, incidents: int, keep: Path | None, svg: Path | None
) -> int:
    """Show instep at work on three simulated services.

    They listen on this machine only. People open and edit incidents in each of them, the real
    daemon carries that to the others, and in the end all three are read and compared.
    """
    from instep.cli.demo_stage import folder_of

    show = _show(call, svg)
    with folder_of(keep) as folder:
        totals = asyncio.run(_perform(call, show, folder, lasts, seed, incidents))
    return _tell(call, totals, keep)


def _show(call: Call, svg: Path | None) -> Show:
    """Choose how it is shown: moving on a terminal, in lines elsewhere, or only as data."""
    from instep.cli.demo_show import Lines, Silent

    moving = sys.stdout.isatty() and not call.json
    show: Show = Silent() if moving or call.json else Lines()
    if not moving and svg is None:
        return show
    from instep.cli.demo_live import Screen

    return Screen(show, moving=moving, svg=svg)


async def _perform(
    call: Call, show: Show, folder: Path, lasts: float, seed: int, incidents: int
) -> Totals:
    """Play, with the log lines of the daemon as the only source of what it does."""
    from instep import logs
    from instep.cli.demo_play import Play

    logs.setup(level="debug" if call.debug else "info")
    play = Play(show, lasts=lasts, seed=seed, debug=call.debug)
    play.listen()
    return await play.perform(folder, incidents)


def _tell(call: Call, totals: Totals, keep: Path | None) -> int:
    """Say how it ended."""
    from instep.cli.demo_show import summary
    from instep.cli.demo_stage import NOTE

    if totals.bug is not None:
        raise totals.bug
    code = 0 if totals.in_step else 1
    if call.json:
        return emit(totals.data(), code)
    click.echo(summary(totals))
    if keep:
        click.echo(f"what it left behind, and how to play on: {keep / NOTE}", err=True)
    return code
