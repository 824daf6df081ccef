"""``status``: is it fine, and if not, who has to do what."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from instep.cli.lists import look
from instep.cli.options import Call, command
from instep.cli.text import age, columns, emit, emit_lines, many, span, word

if TYPE_CHECKING:
    from instep.config import Config

HEAD = ("SYSTEM", "STATE", "HEARD", "WROTE", "RECORDS", "WHY")


@command("status")
@click.option("--health", is_flag=True, help="One line, exit 0 if cycles end in time, else 1.")
def status(call: Call, *, health: bool) -> int:
    """Tell whether all is in step, and what waits. Reads the ledger only, and writes nothing."""
    config = call.load()
    if health:
        return _health(call, config)
    from instep.cli.standing import standing

    data = asyncio.run(look(config, standing, config.every))
    code = int(not data["in_step"])
    if call.json:
        return emit(data, code)
    emit_lines(_lines(data, time.time()))
    return code


def _health(call: Call, config: Config) -> int:
    """Say in one line whether cycles come to their end in time."""
    from instep.cli.standing import health
    from instep.ledger.database import copied

    ledger = copied(config.ledger, time.time)
    try:
        fine, line = health(ledger, "default", config.every)
    finally:
        ledger.close()
    if call.json:
        return emit({"healthy": fine, "why": line}, int(not fine))
    click.echo(line)
    return int(not fine)


def _lines(data: dict[str, Any], now: float) -> Iterator[str]:
    """Answer first, then who is late, what waits, and what ran."""
    counted = many(data["incidents"], "incident")
    if data["in_step"]:
        yield f"IN STEP: {counted}"
    else:
        yield f"NOT IN STEP: {', '.join(data['reasons'])}; {counted}"
    yield ""
    rows = [_system(name, system, now) for name, system in data["systems"].items()]
    yield from columns([HEAD, *rows], indent="")
    waits = list(_waits(data, now))
    if waits:
        yield from ("", "WAITING", *columns(waits))
    if data["runs"]:
        yield from ("", "LAST RUNS", *columns([_run(row, now) for row in data["runs"]]))
    if data["attic"]:
        yield from ("", f"{many(data['attic'], 'losing value')} kept: instep conflicts")
    if data["quiet"]:
        yield from ("", _quiet(data))


def _system(name: str, system: dict[str, Any], now: float) -> tuple[str, ...]:
    """Show one system."""
    return (
        name,
        system["state"],
        "never" if system["heard_ago"] is None else f"{span(system['heard_ago'])} ago",
        f"{age(system['wrote_at'], now)} ago" if system["wrote_at"] else "never",
        str(system["records"]),
        word(system["why"], 120),
    )


def _waits(data: dict[str, Any], now: float) -> Iterator[tuple[str, ...]]:
    """Show what waits, by who has to act, and how to look closer."""
    from instep.cli.why import next_try

    for name in ("held", "late", "dead"):
        for group in data[name]:
            oldest = f"oldest {age(group['since'], now)}"
            late = f"; {next_try(group['again'], now)}" if name == "late" else ""
            yield f"{group['count']} {name}", oldest, f"{_group(group)}{late}", "instep held"
    if conflicts := data["conflicts"]:
        oldest = f"oldest {age(min(c['since'] for c in conflicts), now)}"
        fields = ", ".join(sorted({c["field"] for c in conflicts}))
        yield f"{len(conflicts)} conflict", oldest, fields, "instep conflicts"
    for group in data["gone"]:
        oldest = f"oldest {age(group['since'], now)}"
        what = f"{many(group['count'], 'record')} in {group['system']}"
        yield f"{group['count']} gone", oldest, what, f"instep explain {group['incidents'][0]}"
    if data["due"]:
        yield f"{data['due']} due", "", "incidents that some side has not settled", ""


def _group(group: dict[str, Any]) -> str:
    """Say what is held for one reason."""
    approved = f"; {group['approved']} approved" if group["approved"] else ""
    return f"{group['kind']} {group['system']}: {word(group['reason'], 80)}{approved}"


def _quiet(data: dict[str, Any]) -> str:
    """Say what a cycle costs in which nothing is to do; the units are said once."""
    told = [
        f"{name} {many(cost['requests'], 'request')} for {many(cost['records'], 'record')}"
        if at == 0
        else f"{name} {cost['requests']} for {cost['records']}"
        for at, (name, cost) in enumerate(data["quiet"].items())
    ]
    return f"quiet cycle: {', '.join(told)}"


def _run(row: dict[str, Any], now: float) -> tuple[str, ...]:
    """Show one run."""
    from instep.engine.report import WRITES

    report = row["report"] or {}
    wrote = sum(
        system[kind]
        for system in report.get("systems", {}).values()
        for kind in WRITES
        if kind in system
    )
    took = span(report["seconds"]) if report else ""
    what = f"wrote {wrote}" if wrote else "quiet" if report else ""
    return f"run {row['id']}", f"{age(row['started_at'], now)} ago", row["state"], what, took
