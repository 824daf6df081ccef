"""``explain``: all that is known of one incident, and what is decided about it now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.lists import look, meant
from instep.cli.options import Call, command
from instep.cli.text import age, columns, emit, emit_lines, word
from instep.errors import UsageError

if TYPE_CHECKING:
    from instep.cli.reasons import Judged
    from instep.engine.context import App

HEAD = ("", "SAYS", "SHADOW", "AGREED", "NOW")


@command("explain")
@click.argument("target", required=False)
@click.option(
    "--mapping",
    is_flag=True,
    help="Apply every rule to the record as it is now, step by step; TARGET may be SYSTEM:ID.",
)
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="With --mapping, in place of TARGET: a file that holds the record.",
)
@click.option("--system", help="With --file: the system that the record is of.")
def explain(
    call: Call, *, target: str | None, mapping: bool, file: Path | None, system: str | None
) -> int:
    """Tell all that is known of one incident, and what is decided.

    TARGET is an incident's number or uid, or a record's id or URL.
    """
    _fit(target, file, system, mapping=mapping)
    if mapping:
        return _mapped(call, target or "", file, system or "")
    data = asyncio.run(look(call.load(), _facts, target or ""))
    code = int(bool(data["held"] or any(field["waits"] for field in data["fields"].values())))
    if call.json:
        return emit(data, code)
    emit_lines(_lines(data, time.time()))
    return code


def _fit(target: str | None, file: Path | None, system: str | None, *, mapping: bool) -> None:
    """Refuse what does not go together.

    Raises:
        UsageError: a record is missing, or named twice, or an option lacks the one it goes with.
    """
    if (file or system) and not mapping:
        raise UsageError("--file and --system go with --mapping")
    if (file is None) != (system is None):
        raise UsageError("--file and --system go together")
    if (target is None) == (file is None):
        advice = "instep explain TARGET, or instep explain --mapping --file FILE --system NAME"
        raise UsageError("name one record, as TARGET or in a file", advice=advice)


def _mapped(call: Call, target: str, file: Path | None, system: str) -> int:
    """Explain the mapping by a record."""
    from instep.cli import mapped, mapping

    config, code = call.load(), 0
    if file is None:
        found, code = asyncio.run(mapping.live(config, target))
    else:
        found = [asyncio.run(mapping.filed(config, file, system))]
    if call.json:
        return emit({"records": found}, code)
    for number, each in enumerate(found):
        emit_lines(["", *mapped.lines(each)] if number else mapped.lines(each))
    return code


def _facts(app: App, target: str) -> dict[str, Any]:
    """Gather what the ledger knows, and merge the row as the next cycle would."""
    from instep.cli.reasons import judged
    from instep.ledger import store, views

    number = meant(app, target)
    held = _waits(app, number)
    with app.ledger.begin() as db:
        (row,) = store.load(db, [number])
        late = {n: c.error for n, c in views.heard(db, app.unit.name).items() if c.error}
        beside = {
            "began": views.began(db, number),
            "due": views.is_due(db, number),
            "references": views.references(db, number),
            "held": held,
            "intents": views.open_intents(db, number),
            "attic": views.attic(db, number),
        }
    found = judged(app.unit, row, {(h["system"], h["kind"]): h for h in held}, late, app.now())
    about = {"incident": row.id, "uid": row.uid, "origin": row.origin, "version": row.version}
    return {**about, **beside, "fields": {name: _field(found, name) for name in app.unit.fields}}


def _waits(app: App, number: int) -> list[dict[str, Any]]:
    """Give what is held of an incident, with the group that it is in, and a sentence."""
    from instep.cli.why import sentence
    from instep.engine import orders

    return [
        {**row, "group": group.name, "now": sentence(row, app.now())}
        for group in orders.groups(app)
        for row in group.rows
        if row["incident"] == number
    ]


def _field(found: Judged, name: str) -> dict[str, Any]:
    """Say of one field what was agreed, what each side says, and what is decided."""
    base, merged = found.incident.base.get(name), found.settled.merged[name]
    after = found.settled.incident.value(name)
    return {
        "base": None
        if base is None
        else {"value": base.value, "origins": list(base.origins), "at": base.at},
        "becomes": after,
        "waits": bool(merged.waiting),
        "systems": {
            member.name: {
                "says": (side := found.incident.side(member.name)).says.get(name),
                "shadow": side.shadow.get(name),
                "agreed": side.stands_for(name),
                "now": found.why(member.name, name),
            }
            for member in found.unit.members.values()
            if name in member.rules
        },
    }


def _lines(data: Mapping[str, Any], now: float) -> Iterator[str]:
    """Show all of it: where it began, its fields, its records, and what is left of the past."""
    due = "due" if data["due"] else "at rest"
    first = data["began"]["origin_display"] or data["began"]["origin_url"]
    named = f"incident {data['incident']}  uid {data['uid']}"
    yield f"{named}  began as {data['origin']} {first}  {due}"
    for name, field in data["fields"].items():
        yield from ("", f"{name}: {_agreed(field, now)}")
        if not _told(field):
            continue
        rows = [
            (
                system,
                word(at["says"], 32),
                word(at["shadow"], 32),
                word(at["agreed"], 32),
                at["now"],
            )
            for system, at in field["systems"].items()
        ]
        yield from columns([HEAD, *rows])
    yield from ("", "records", *columns([_reference(row, now) for row in data["references"]]))
    yield from _listed("open", [_intent(row, now) for row in data["intents"]])
    yield from _listed("held", [_held(row, now) for row in data["held"]])
    yield from _listed("kept losers", [_kept(row, now) for row in data["attic"]])


def _told(field: Mapping[str, Any]) -> bool:
    """Whether anybody has said anything of a field, now or before."""
    said = (at[key] for at in field["systems"].values() for key in ("says", "shadow", "agreed"))
    return field["base"] is not None or any(word is not None for word in said)


def _agreed(field: Mapping[str, Any], now: float) -> str:
    """Say what all agreed on last, who said it and when; and what becomes of it."""
    base, becomes = field["base"], field["becomes"]
    if base is None:
        said = "nothing agreed yet"
    else:
        by = f" by {' and '.join(base['origins'])}" if base["origins"] else ""
        said = f"{word(base['value'])}{by}" + (
            f", {age(base['at'], now)} ago" if base["at"] else ""
        )
    moved = becomes != (base["value"] if base else None)
    return f"{said}; becomes {word(becomes)}" if moved else said


def _listed(title: str, rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Show a list that has a title, if there is anything in it."""
    if rows:
        yield from ("", title, *columns(rows))


def _reference(row: Mapping[str, Any], now: float) -> tuple[str, ...]:
    """Show an external reference with its sync metadata."""
    ways = [
        f"{way} {row[f'last_sync_{way}_status']} {age(row[f'last_sync_{way}_date'], now)} ago"
        f" (run {row[f'last_sync_{way}_run']})"
        if row[f"last_sync_{way}_status"]
        else f"{way} never"
        for way in ("in", "out")
    ]
    return row["system"], row["display"] or row["record"], *ways, row["url"]


def _intent(row: Mapping[str, Any], now: float) -> tuple[str, ...]:
    """Show a write of which it is not known what came of it."""
    fields = ", ".join(row["sent"])
    return row["system"], row["kind"], fields, f"{age(row['written_at'], now)} ago", row["cause"]


def _held(row: Mapping[str, Any], now: float) -> tuple[str, ...]:
    """Show an operation that waits, for what, and where to look closer."""
    closer = f"instep held show {row['group']}"
    return row["system"], row["kind"], f"{age(row['since'], now)} ago", row["now"], closer


def _kept(row: Mapping[str, Any], now: float) -> tuple[str, ...]:
    """Show a losing value."""
    by, lost = " and ".join(row["origins"]), f"{age(row['decided_at'], now)} ago"
    return f"#{row['id']}", row["field"], word(row["value"]), by, lost, row["cause"]
