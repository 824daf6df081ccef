"""``once`` and ``backfill``: one cycle, of what is due or of everything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from instep.cli.options import Call, command
from instep.cli.text import columns, emit, emit_lines, many

if TYPE_CHECKING:
    from instep.cli.planned import Planned
    from instep.config import Config
    from instep.engine.report import Report

#: How many of the operations over a limit are shown by name.
SHOWN = 10


@command("once")
def once(call: Call) -> int:
    """Run one cycle: hear every system, and settle what is due."""
    return _tell(call, asyncio.run(_cycle(call.load())))


@command("backfill")
@click.option("--yes", is_flag=True, help="Let through what the limits would hold.")
def backfill(call: Call, *, yes: bool) -> int:
    """Hear everything, heard before or not, and bring all of it in step.

    What is over the limits needs a person's word: then nothing is written without --yes.
    """
    config = call.load()
    if not yes:
        from instep.cli.plan import look

        found = asyncio.run(look(config, backfill=True))
        if found.over:
            return _refuse(call, found)
    return _tell(call, asyncio.run(_cycle(config, backfill=True, approved=yes)))


async def _cycle(config: Config, *, backfill: bool = False, approved: bool = False) -> Report:
    """Open everything and run one cycle."""
    from instep.app import opened
    from instep.engine.cycle import run_cycle

    async with opened(config, backfill=backfill) as app:
        return await run_cycle(app, sweep=backfill, approved=approved)


def _refuse(call: Call, found: Planned) -> int:
    """Say what is over the limits, and that nothing was written."""
    from instep.cli.plan import summary

    if call.json:
        return emit(found.data(), 1)
    emit_lines(summary(found))
    over = [
        (f"! {h.operation.system}", f"incident {h.operation.incident}", h.operation.kind, h.reason)
        for h in found.over
    ]
    emit_lines(columns(over[:SHOWN]))
    if len(over) > SHOWN:
        click.echo(f"  and {len(over) - SHOWN} more")
    click.echo("nothing was written; to let it through once: instep backfill --yes", err=True)
    return 1


def _tell(call: Call, report: Report) -> int:
    """Say what a run did."""
    if call.json:
        return emit(report.data(), report.exit_code)
    emit_lines(_lines(report))
    return report.exit_code


def _lines(report: Report) -> Iterator[str]:
    """Say it in a few lines."""
    quiet = "" if report.writes else ", quiet"
    yield (
        f"run {report.run} ({report.mode}) {report.state} in {report.seconds:.1f} s: "
        f"{many(report.incidents, 'incident')}{quiet}"
    )
    if report.refused:
        yield "nothing was written: in a first run every system has to let instep in"
    rows = []
    for name, tally in report.systems.items():
        counts = tally.counts
        heard = f"heard {many(counts['records'], 'record')}" if tally.heard else "late"
        wrote = f"wrote +{counts['creates']} ~{counts['updates']} x{counts['closes']}"
        rows.append((name, heard, wrote, f"{counts['failed']} failed", tally.why))
    yield from columns(rows)
    waiting = {
        "held": report.held,
        "conflict": report.conflicts,
        "dead": report.dead,
        "due": report.due,
    }
    if any(waiting.values()):
        said = ", ".join(f"{count} {word}" for word, count in waiting.items() if count)
        yield f"waiting: {said}; see instep status"
