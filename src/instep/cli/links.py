"""``links``: which records of several systems are of one incident, as people see and say it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.lists import lists, look
from instep.cli.options import Call, command
from instep.cli.text import columns, emit, emit_lines, many, word

if TYPE_CHECKING:
    from instep.cli.linked import Done
    from instep.engine.suggest import Alone, Suggestion

HEAD = """\
# Records that may be of one incident. Delete or comment out (#) the lines that are wrong, then:
#   instep links accept {path}
# Nothing is linked before that. Of two records that are linked nothing is lost: where they
# differ, the policy of the field decides, and what it decides against is kept.
"""


links = lists("links", "Link records of one incident, or part them.")


@command("list")
def kept_out(call: Call) -> int:
    """List the records that are kept out, because what they carry is not to be trusted.

    Exit 1 if there is any. Reads a copy of the ledger.
    """
    from instep.cli import linked

    rows = asyncio.run(look(call.load(), linked.kept_out))
    code = int(bool(rows))
    if call.json:
        return emit({"kept_out": rows}, code)
    emit_lines(columns([(r["why"], r["record"], r["reason"], r["advice"]) for r in rows], ""))
    emit_lines([many(len(rows), "record") + " kept out" if rows else "no record is kept out"])
    return code


@command("suggest")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write them to this new file, to be reviewed, for: instep links accept FILE.",
)
def suggest(call: Call, *, out: Path | None) -> int:
    """Suggest which records are of one incident; nothing is linked, here or there."""
    from instep.cli import linked

    config = call.load()
    if out is not None:
        linked.fresh(out)
    found, away = asyncio.run(linked.suggested(config))
    if out is not None:
        linked.write(out, _review(out, found))
    code = 3 if away else 0
    if call.json:
        return emit({"suggestions": [_facts(each) for each in found], "late": away}, code)
    emit_lines(_shown(found))
    emit_lines(f"late: {name}, {why}" for name, why in away.items())
    return code


@command("accept")
@click.argument("file", type=click.Path(path_type=Path))
def accept(call: Call, *, file: Path) -> int:
    """Link the pairs of records that a reviewed FILE names, a pair a line.

    All lines are checked before the first is done.
    """
    from instep.cli import linked

    config = call.load()
    pairs = linked.parsed(file)
    return _tell(call, asyncio.run(linked.unite(config, pairs)))


@command("add")
@click.argument("record")
@click.argument("other")
def add(call: Call, *, record: str, other: str) -> int:
    """Make two records one incident's. RECORD is SYSTEM:DISPLAY-ID, or what explain takes."""
    from instep.cli import linked

    return _tell(call, asyncio.run(linked.unite(call.load(), [linked.Pair(record, other)])))


@command("remove")
@click.argument("record")
def remove(call: Call, *, record: str) -> int:
    """Give a record an incident of its own. RECORD is SYSTEM:DISPLAY-ID, or what explain takes."""
    from instep.cli import linked

    number, left = asyncio.run(linked.part(call.load(), record))
    if call.json:
        return emit({"record": record, "incident": number, "left": left}, 0)
    click.echo(f"{record} has an incident of its own now, {number}; it was of incident {left}")
    return 0


for each in (kept_out, suggest, accept, add, remove):
    links.add_command(each)


def _tell(call: Call, done: Sequence[Done]) -> int:
    """Say what became of each pair; answers the worst exit code."""
    code = max((each.code for each in done), default=0)
    shown = [{"records": list(d.pair), "incident": d.incident, "why": d.why} for d in done]
    if call.json:
        return emit({"links": shown}, code)
    if not done:
        click.echo("no pair of records is named: nothing to link")
    for each in done:
        said = f"refused: {each.why}" if each.code else f"incident {each.incident}{each.told}"
        click.echo(f"{' '.join(each.pair)}: {said}")
    if any(each.code == 0 and not each.told for each in done):
        click.echo("the next cycle brings them in step", err=True)
    return code


def _shown(found: Sequence[Suggestion]) -> Iterator[str]:
    """Show suggestions, each with both records."""
    for each in found:
        yield each.how.value
        yield from columns([_record(each.one), _record(each.other)])
    yield f"{many(len(found), 'link')} suggested" if found else "no link to suggest"


def _record(alone: Alone) -> tuple[str, ...]:
    """Show one record."""
    return alone.name, word(alone.look.title), alone.look.began, alone.record.url


def _facts(each: Suggestion) -> dict[str, Any]:
    """Give a suggestion as JSON shows it."""
    return {
        "how": each.how.value,
        "records": [
            {
                "system": alone.system,
                "record": alone.name,
                "title": alone.look.title,
                "began": alone.look.began,
                "url": alone.record.url,
            }
            for alone in (each.one, each.other)
        ],
    }


def _review(path: Path, found: Sequence[Suggestion]) -> str:
    """Write suggestions as a text to be reviewed; what is ambiguous is commented out."""
    lines = [
        f"{'# ' if each.how.value == 'ambiguous' else ''}{each.one.name} {each.other.name}"
        f"  # {each.how.value}: {word(each.one.look.title)}"
        for each in found
    ]
    return HEAD.format(path=path) + "".join(f"{line}\n" for line in lines)
