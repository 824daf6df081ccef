"""``plan``: what a cycle would write, and nothing of it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.options import Call, command
from instep.cli.text import columns, emit, emit_lines, many, word

if TYPE_CHECKING:
    from instep.cli.planned import Planned
    from instep.config import Config
    from instep.core.operation import Held, Operation

#: kind -> its sign; deletes are asked for by few, and shown only where there are any.
SIGNS = {"create": "+", "update": "~", "close": "x", "delete": "-"}


@command("plan")
@click.option("--short", is_flag=True, help="Print the summary only.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Keep the plan in a file too, for: instep once --plan FILE.",
)
def plan(call: Call, *, short: bool, out: Path | None) -> int:
    """Show what a cycle would write; nothing is written, here or there.

    --out keeps the plan in a file, and changes neither a service nor the ledger.
    """
    from instep.cli import plan_file

    config = call.load()
    if out is not None:
        plan_file.free(out)
    found = asyncio.run(look(config))
    if out is not None:
        plan_file.write(out, found)
    if call.json:
        return emit(found.data(), found.exit_code)
    for name, tally in found.report.systems.items():
        heard = many(tally.counts["records"], "record") if tally.heard else f"late, {tally.why}"
        click.echo(f"heard {name}: {heard}", err=True)
    if not short:
        emit_lines(_body(found))
    emit_lines(summary(found))
    return found.exit_code


async def look(config: Config, *, backfill: bool = False) -> Planned:
    """Plan on a copy of the ledger; a ``backfill`` hears everything, whatever the cursors say."""
    from instep.app import Purpose, opened
    from instep.cli.planned import planned

    async with opened(config, Purpose.PLAN, backfill=backfill) as app:
        if backfill:
            # Every system is owed a sweep then.
            app.full_sweep_every = 0.0
        return await planned(app)


def summary(found: Planned) -> Iterator[str]:
    """Say in one line what the plan comes to."""
    counts, waiting = found.counts(), len(found.plan.waiting)
    if not counts and not found.plan.held and not waiting:
        so_far = ", as far as could be heard" if found.away else ""
        yield f"in step{so_far}: {many(found.report.incidents, 'incident')}, nothing to do"
    else:
        parts = [
            f"{sign} {many(counts[kind], kind)}"
            for kind, sign in SIGNS.items()
            if counts[kind] or kind != "delete"
        ]
        parts.append(f"held {len(found.plan.held)}")
        parts += [f"waiting {many(waiting, 'conflict')}"] if waiting else []
        yield "  ".join(parts)
    yield from public(found)
    if count := sum(map(found.is_from_rules, found.plan.operations)):
        yield (
            f"configuration: {many(count, 'write')} of these come from its change alone; nobody "
            "edited anything for them"
        )
    if found.away:
        yield f"late: {', '.join(found.away)}; what it was not heard on is not in this plan"


def public(found: Planned) -> Iterator[str]:
    """Say how many writes people outside may be told of."""
    for system, count in found.notifications().items():
        yield (
            f"public: {many(count, 'write')} to {system} may each notify all its subscribers "
            "(creates, and changes of status)"
        )


def _body(found: Planned) -> Iterator[str]:
    """Show the plan by incident, since that is what people know."""
    from instep.cli.planned import began

    for number, row in found.rows.items():
        first = row.side(row.origin).reference
        known = [first.display, first.url] if first else []
        named = f"incident {found.number(number) or 'new'}"
        yield "  ".join([named, word(found.title(number)), row.origin, *known])
        yield from columns(
            [
                *(cells for op in found.plan.operations for cells in _cells(found, op, number)),
                *(cells for item in found.plan.held for cells in _held(item, number)),
                *(_conflict(each) for each in found.conflicts() if each["of"] == began(row)),
            ]
        )
        yield ""


def _cells(found: Planned, op: Operation, number: int) -> Iterator[tuple[str, ...]]:
    """Show an operation: a line for each field, and the reason once."""
    if op.incident != number:
        return
    head = (f"{SIGNS[op.kind]} {op.system}", op.record or "(new)")
    reason = found.reason(op)
    if op.kind == "delete":
        yield (*head, "", "delete", reason)
    for name, (before, after) in found.changes(op).items():
        moved = word(after) if op.kind == "create" else f"{word(before)} -> {word(after)}"
        yield (*head, name, moved, reason)
        head, reason = ("", ""), ""


def _held(item: Held, number: int) -> Iterator[tuple[str, ...]]:
    """Show an operation that would wait."""
    op = item.operation
    if op.incident == number:
        yield f"! {op.system}", op.record or "(new)", op.kind, "held", item.reason


def _conflict(found: dict[str, Any]) -> tuple[str, ...]:
    """Show a field on which sides differ."""
    said = "; ".join(f"{' and '.join(v['origins'])}: {word(v['value'])}" for v in found["values"])
    if found["waits"]:
        return "! conflict", "", found["field"], "waits for a person", said
    return "! conflict", "", found["field"], f"takes {word(found['takes'])}", f"keeps {said}"
