"""``conflicts``: fields that wait for a person, values that lost, and a person's word on both."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from instep.cli.lists import incident, lists, look, order, title
from instep.cli.options import Call, command
from instep.cli.text import age, columns, emit, emit_lines, many, word
from instep.errors import UsageError

if TYPE_CHECKING:
    from instep.core.model import Word
    from instep.engine.context import App

FIELD = re.compile(r"(\d{1,15})\.(\S+)")
NUMBER = re.compile(r"#?(\d{1,15})")
#: How many of the values that lost are listed.
KEPT = 100
NEXT = "the next cycle writes it wherever it differs"

conflicts = lists(
    "conflicts",
    "List fields that wait for a person and values that lost, and settle them.",
)


@command("list")
def listed(call: Call) -> int:
    """List the fields that wait for a person, and the losing values that were kept.

    Exit 1 if a field waits. Reads a copy of the ledger.
    """
    data = asyncio.run(look(call.load(), _facts))
    code = int(bool(data["waiting"]))
    if call.json:
        return emit(data, code)
    emit_lines(_lines(data, time.time()))
    return code


@command("show")
@click.argument("what", metavar="ID")
def show(call: Call, *, what: str) -> int:
    """Show all about one: INCIDENT.FIELD, such as 12.severity, or the number of a kept value.

    Exit 1 if the field waits.
    """
    number = NUMBER.fullmatch(what)
    if number:
        kept = asyncio.run(look(call.load(), _one_kept, int(number[1])))
        if call.json:
            return emit(kept, 0)
        emit_lines(_kept_lines(kept, time.time()))
        return 0
    where = _place(what)
    data = asyncio.run(look(call.load(), _one_field, *where))
    code = int(data["waits"])
    if call.json:
        return emit(data, code)
    emit_lines(_field_lines(data, time.time()))
    return code


@command("resolve")
@click.argument("what", metavar="INCIDENT.FIELD")
@click.option("--take", metavar="SYSTEM", help="Take what this system says.")
@click.option("--value", metavar="VALUE", help="Take this value, in common words.")
def resolve(call: Call, *, what: str, take: str | None, value: str | None) -> int:
    """Settle a field on what one system says, or on a value.

    Also one that does not wait: then it is your word against what was agreed. What loses is kept.
    """
    if (take is None) == (value is None):
        raise UsageError("say either --take SYSTEM or --value VALUE")
    number, name = _place(what)
    chosen = asyncio.run(order(call.load(), _resolve, number, name, take, value))
    return _settled(call, number, name, chosen, "what lost is kept: instep conflicts")


@command("restore")
@click.argument("number", metavar="N")
def restore(call: Call, *, number: str) -> int:
    """Take a value that lost, by its number N, back; what stood in its place is kept."""
    from instep.engine import orders

    found = NUMBER.fullmatch(number)
    if not found:
        raise UsageError(f'"{number}" is no number', advice="instep conflicts lists them")
    at, name, value = asyncio.run(order(call.load(), orders.restore, int(found[1])))
    return _settled(call, at, name, value, "what it replaced is kept: instep conflicts")


for each in (listed, show, resolve, restore):
    conflicts.add_command(each)


def _place(text: str) -> tuple[int, str]:
    """Read which field of which incident is meant."""
    found = FIELD.fullmatch(text)
    if not found:
        raise UsageError(f'"{text}" names no field', advice="say INCIDENT.FIELD, like 12.severity")
    return int(found[1]), found[2]


def _resolve(app: App, number: int, name: str, take: str | None, value: str | None) -> Word:
    """Settle a field."""
    from instep.engine import orders

    return orders.resolve(app, number, name, take=take, value=value)


def _settled(call: Call, number: int, name: str, value: Word, rest: str) -> int:
    """Say what a field is from now on."""
    if call.json:
        return emit({"incident": number, "field": name, "value": value}, 0)
    click.echo(f"{number}.{name} is {word(value, 200)}: {NEXT}; {rest}")
    return 0


def _facts(app: App) -> dict[str, Any]:
    """Give what waits and what was kept."""
    from instep.cli.waiting import conflicting
    from instep.engine.settle import due
    from instep.ledger import views

    found = conflicting(app, due(app))
    with app.ledger.begin() as db:
        kept = views.attic(db, limit=KEPT)
    return {"waiting": sorted(found, key=lambda row: str(row["since"])), "attic": kept}


def _one_kept(app: App, number: int) -> dict[str, Any]:
    """Give all about a value that lost."""
    from instep.ledger import views

    with app.ledger.begin() as db:
        kept = views.kept(db, number)
    if kept is None:
        raise UsageError(f"the attic has no {number}", advice="instep conflicts lists what it has")
    row = incident(app, kept["incident"])
    return {**kept, "title": title(app, row), "stands": row.value(kept["field"])}


def _one_field(app: App, number: int, name: str) -> dict[str, Any]:
    """Give all about a field of an incident: who says what, what was agreed, what lost."""
    from instep.core.merge import merge
    from instep.engine import orders
    from instep.ledger import views

    row = incident(app, number)
    if name not in app.unit.fields:
        fields = ", ".join(app.unit.fields)
        raise UsageError(f'there is no field "{name}"', advice=f"one of {fields}")
    base, waiting = row.base.get(name), merge(app.unit, row)[name].waiting
    with app.ledger.begin() as db:
        attic = [kept for kept in views.attic(db, number, KEPT) if kept["field"] == name]
    says = orders.candidates(app, row, name).items()
    return {
        "incident": number,
        "field": name,
        "title": title(app, row),
        "waits": bool(waiting),
        "policy": app.unit.fields[name].policy.decide.value,
        "base": base and {"value": base.value, "origins": base.origins, "at": base.at},
        "values": [{"value": c.value, "origins": c.origins, "at": c.at} for c in waiting],
        "says": {
            system: {"value": value, "at": row.side(system).says_at.get(name, "")}
            for system, value in says
        },
        "attic": attic,
    }


def _lines(data: Mapping[str, Any], now: float) -> Iterator[str]:
    """Show what waits, what was kept, and what to do about either."""
    waiting, kept = data["waiting"], data["attic"]
    yield f"{many(len(waiting), 'field')} waiting for a person"
    yield from columns([_waiting(row, now) for row in waiting])
    if waiting:
        yield "  settle one: instep conflicts resolve INCIDENT.FIELD --take SYSTEM"
    yield f"{many(len(kept), 'losing value')} kept"
    yield from columns([_kept(row, now) for row in kept])
    if kept:
        yield "  take one back: instep conflicts restore N"


def _waiting(row: Mapping[str, Any], now: float) -> tuple[str, ...]:
    """Show a field that waits."""
    said = "; ".join(f"{_by(v)}: {word(v['value'])}" for v in row["values"])
    return f"{row['incident']}.{row['field']}", f"{age(row['since'], now)} ago", said


def _by(row: Mapping[str, Any]) -> str:
    """Name those who say a value."""
    return " and ".join(row["origins"]) or "nobody"


def _kept(row: Mapping[str, Any], now: float) -> tuple[str, ...]:
    """Show a losing value: said when, lost when and to whom."""
    back = f", restored {age(row['restored_at'], now)} ago" if row["restored_at"] else ""
    return (
        f"#{row['id']}",
        f"{row['incident']}.{row['field']}",
        f"{_by(row)}: {word(row['value'])}",
        f"said {age(row['said_at'], now)} ago",
        f"lost {age(row['decided_at'], now)} ago, {row['cause']}{back}",
    )


def _kept_lines(kept: Mapping[str, Any], now: float) -> Iterator[str]:
    """Show all about a value that lost."""
    place = f"{kept['incident']}.{kept['field']}"
    yield f"#{kept['id']}  {place}  {word(kept['title'])}"
    back = f"{age(kept['restored_at'], now)} ago" if kept["restored_at"] else "not restored"
    yield from columns(
        [
            ("value", word(kept["value"], 200)),
            ("said by", f"{_by(kept)}, {age(kept['said_at'], now)} ago"),
            ("lost", f"{age(kept['decided_at'], now)} ago, {kept['cause']}"),
            ("restored", back),
            ("stands now", word(kept["stands"], 200)),
        ]
    )
    yield f"take it back: instep conflicts restore {kept['id']}"


def _field_lines(data: Mapping[str, Any], now: float) -> Iterator[str]:
    """Show all about a field of an incident."""
    place, base = f"{data['incident']}.{data['field']}", data["base"]
    stands = "waits for a person" if data["waits"] else "no conflict"
    yield f"{place}  {word(data['title'])}  {stands}"
    agreed = f"{word(base['value'], 200)}, {_by(base)}, {age(base['at'], now)} ago" if base else "-"
    yield from columns(
        [
            ("agreed", agreed),
            *(
                (system, f"{word(said['value'], 200)}, {age(said['at'], now)} ago")
                for system, said in data["says"].items()
            ),
            ("decided by", data["policy"]),
        ]
    )
    yield from columns([_kept(row, now) for row in data["attic"]])
    yield f"settle it: instep conflicts resolve {place} --take SYSTEM (or --value VALUE)"
