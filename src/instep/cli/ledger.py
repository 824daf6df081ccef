"""``ledger``: verify, back up, export or rebuild what instep knows."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.options import Call, command
from instep.cli.text import columns, emit, emit_lines, many
from instep.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from instep.cli.rebuild import Rebuilt
    from instep.config import Config
    from instep.core.unit import Unit
    from instep.ledger.verify import Finding


@click.group("ledger", context_settings={"help_option_names": ["-h", "--help"]})
def ledger() -> None:
    """Verify, back up, export or rebuild the ledger."""


@command("verify")
def verify(call: Call) -> int:
    """Check that the ledger is sound. Reads a copy of it; the daemon may go on.

    Exit 0 if it is, 5 if it is not.
    """
    from instep.ledger import verify as checks

    config = call.load()
    found = checks.verify(config.ledger, asyncio.run(_unit(config)), time.time)
    faults = [each for each in found if not each.note]
    if call.json:
        shown = {"sound": not faults, "findings": [asdict(each) for each in found]}
        if not faults:
            return emit(shown, 0)
        told = {**shown, "exit": LedgerError.exit_code, "kind": LedgerError.kind}
        click.echo(json.dumps(told))
        return LedgerError.exit_code
    emit_lines(_findings(found))
    return LedgerError.exit_code if faults else 0


@command("backup")
@click.argument("file", type=click.Path(path_type=Path))
def backup(call: Call, *, file: Path) -> int:
    """Copy the ledger to FILE, which must not be there yet; the daemon may go on.

    The copy is checked before it gets its name, and can be used as a ledger at once.
    """
    from instep.ledger import care

    rows = care.backup(call.load().ledger, file.absolute())
    if call.json:
        return emit({"file": str(file.absolute()), "rows": rows}, 0)
    click.echo(f"{file}: {many(sum(rows.values()), 'row')} in {many(len(rows), 'table')}")
    emit_lines(columns([(name, str(count)) for name, count in rows.items()]))
    return 0


@command("export")
@click.option("--out", type=click.Path(path_type=Path), help="Write to this new file instead.")
def export(call: Call, *, out: Path | None) -> int:
    """Print the whole ledger as lines of JSON, a row each; the daemon may go on.

    With --json a last line says how many rows there were.
    """
    from instep.ledger import care
    from instep.ledger.database import copied

    config = call.load()
    care.file_of(config.ledger)
    copy = copied(config.ledger, time.time)
    try:
        # Whoever reads the lines may stop: what is open is closed before the copy is.
        with closing(care.export(copy)) as lines:
            count = _print(lines) if out is None else _write(lines, out)
    finally:
        copy.close()
    if call.json:
        return emit({"rows": count, "file": str(out.resolve()) if out else None}, 0)
    click.echo(f"{out or 'exported'}: {many(count, 'row')}", err=True)
    return 0


@command("rebuild")
@click.option("--yes", is_flag=True, help="Put the new ledger in the place of the old one.")
def rebuild(call: Call, *, yes: bool) -> int:
    """Make a new ledger from the marks in the records; no daemon may run.

    Nothing is written to any system. Without --yes it only says what would come of it, and ends
    with 1. The old ledger is kept beside the new one.
    """
    from instep.cli import rebuild as work

    found = asyncio.run(work.rebuild(call.load(), swap=yes))
    code = found.planned.exit_code if yes else 1
    if call.json:
        return emit(found.data(), code)
    emit_lines(_rebuilt(found))
    if not yes:
        click.echo("nothing was changed; to put it in place: instep ledger rebuild --yes", err=True)
    return code


for each in (verify, backup, export, rebuild):
    ledger.add_command(each)


async def _unit(config: Config) -> Unit:
    """Give the configured unit, each system with what it is able to; none is asked."""
    from instep.app import Purpose, opened
    from instep.ledger.database import MEMORY

    async with opened(config.model_copy(update={"ledger": MEMORY}), Purpose.PLAN) as app:
        return app.unit


def _findings(found: list[Finding]) -> Iterator[str]:
    """Say what was found, each with what to do, the like only once."""
    for each in found:
        about = f"incident {each.incident}: " if each.incident is not None else ""
        yield f"{'note' if each.note else 'wrong'}: {about}{each.wrong}"
    for todo, count in Counter(each.todo for each in found).items():
        yield f"  {many(count, 'finding')}: {todo}"
    faults = sum(not each.note for each in found)
    yield f"the ledger is not sound: {many(faults, 'fault')}" if faults else "the ledger is sound"


def _print(lines: Iterable[str]) -> int:
    """Print lines; answers how many."""
    count = 0
    for count, line in enumerate(lines, 1):  # noqa: B007 - the last one is the answer
        click.echo(line)
    return count


def _write(lines: Iterable[str], out: Path) -> int:
    """Write lines to a file that is not there yet; answers how many."""
    try:
        file = out.open("x", encoding="utf-8")
    except FileExistsError:
        advice = "name another; nothing is overwritten"
        raise UsageError(f"{out} is there already", advice=advice) from None
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error
    try:
        with file:
            return sum(file.write(f"{line}\n") > 0 for line in lines)
    except OSError as error:
        out.unlink()
        advice = "the ledger is as it was"
        raise LedgerError(f"{out} could not be written: {error.strerror}", advice=advice) from error


def _rebuilt(found: Rebuilt) -> Iterator[str]:
    """Say what a rebuilt ledger holds, and what the first cycle on it would do."""
    from instep.cli.plan import summary

    linked: dict[str, Any] = found.linked
    yield f"heard {many(found.incidents, 'incident')}:"
    yield from columns([(name, many(count, "record")) for name, count in linked.items()])
    yield "the first cycle would do:"
    yield from (f"  {line}" for line in summary(found.planned))
    if found.swapped:
        kept = f"; the old one is {found.aside}" if found.aside else ""
        yield f"the new ledger is in place{kept}"
