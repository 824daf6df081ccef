"""``once`` and ``backfill``: one cycle, of what is due or of everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from instep.cli.options import Call, command
from instep.cli.text import columns, emit, emit_lines, many

if TYPE_CHECKING:
    from instep.cli.planned import Planned
    from instep.config import Config
    from instep.engine.judge import Mandate
    from instep.engine.report import Report

#: How many of the operations over a limit are shown by name.
SHOWN = 10


@command("once")
@click.option(
    "--plan",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Do just what this plan lists (instep plan --out FILE), or nothing if the world moved.",
)
def once(call: Call, *, file: Path | None) -> int:
    """Run one cycle: hear every system, and settle what is due."""
    config = call.load()
    if file is None:
        return _tell(call, asyncio.run(_cycle(config)))
    from instep.cli import plan_file
    from instep.config import unit_of

    plan = plan_file.read(file, unit_of(config))

    def say(found: Planned) -> Mandate:
        plan_file.same(plan, found, file)
        return found.mandate()

    return _tell(call, asyncio.run(_cycle(config, say=say)))


@command("backfill")
@click.option("--yes", is_flag=True, help="Let through what the limits would hold.")
def backfill(call: Call, *, yes: bool) -> int:
    """Hear everything, heard before or not, and bring all of it in step.

    What is over the limits needs a person's word: then nothing is written without --yes, which
    lets through just the plan that it shows.
    """
    config = call.load()
    if not yes:
        from instep.cli.plan import look

        found = asyncio.run(look(config, backfill=True))
        if found.over:
            return _refuse(call, found)
        return _tell(call, asyncio.run(_cycle(config, backfill=True)))

    def say(found: Planned) -> Mandate:
        from instep.cli.plan import summary

        if not call.json:
            emit_lines(summary(found))
        return found.mandate(over=True)

    return _tell(call, asyncio.run(_cycle(config, backfill=True, say=say)))


async def _cycle(
    config: Config, *, backfill: bool = False, say: Callable[[Planned], Mandate] | None = None
) -> Report:
    """Open everything and run one cycle; ``say`` is asked what may be done of its plan."""
    from instep.app import opened
    from instep.cli.planned import word
    from instep.engine.cycle import run_cycle

    async with opened(config, backfill=backfill) as app:
        ask = None if say is None else await word(app, say)
        return await run_cycle(app, sweep=backfill, word=ask)


def _refuse(call: Call, found: Planned) -> int:
    """Say what is over the limits, and that nothing was written."""
    from instep.cli.plan import summary
    from instep.cli.planned import began

    if call.json:
        return emit(found.data(), 1)
    emit_lines(summary(found))
    over = [
        (f"! {op.system}", began(found.rows[op.incident]), op.kind, held.reason)
        for held in found.over
        for op in (held.operation,)
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
        wrote += f" -{counts['deletes']}" if counts["deletes"] else ""
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
