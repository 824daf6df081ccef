"""``held``: what waits, by reason; and a person's word on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from instep.cli.lists import lists, look, order, title
from instep.cli.options import Call, command
from instep.cli.text import age, columns, emit, emit_lines, instant, many, word

if TYPE_CHECKING:
    from instep.core.model import Incident
    from instep.engine.context import App
    from instep.engine.orders import Group

#: How many operations of a group are shown, unless all are asked for.
SHOWN = 10
#: What is held -> what people call it, where that is another word.
CALLED = {"flap": "update", "foreign": "foreign reference"}

held = lists("held", "List what waits, and let it through or leave it undone.")


@command("list")
@click.option("--all", "whole", is_flag=True, help="Show every operation, however many.")
def listed(call: Call, *, whole: bool) -> int:
    """List what waits, by reason, the oldest first.

    Exit 1 if there is any. Reads a copy of the ledger.
    """
    found = asyncio.run(look(call.load(), _facts))
    code = int(bool(found))
    if call.json:
        return emit({"held": found}, code)
    now = time.time()
    for group in found:
        emit_lines(_lines(group, now, None if whole else SHOWN))
    emit_lines(_ending(found))
    return code


@command("show")
@click.argument("name")
def show(call: Call, *, name: str) -> int:
    """Show all that one group holds, with every field that would be set.

    Exit 1 if it is there, 4 if there is no group of this NAME any more.
    """
    group = asyncio.run(look(call.load(), _shown, name))
    if call.json:
        return emit(group, 1)
    emit_lines(_whole(group, time.time()))
    return 1


@command("approve")
@click.argument("name")
@click.option(
    "--max", "most", type=click.IntRange(1), metavar="N", help="Only the N oldest of them."
)
def approve(call: Call, *, name: str, most: int | None) -> int:
    """Let through, once, what the group NAME holds.

    Just that and no more: what is held anew, or says something else by then, waits on. Exit 4
    and nothing done if the group has changed since it was listed.
    """
    group, count = asyncio.run(order(call.load(), _approve, name, most))
    if call.json:
        about = {"name": name, "system": group.system, "op": group.kind}
        return emit({**about, "approved": count, "left": len(group.rows) - count}, 0)
    left = len(group.rows) - count
    rest = f"; {left} {'stays' if left == 1 else 'stay'} held" if left else ""
    goes = "goes" if count == 1 else "go"
    click.echo(f"{what(group.kind, group.system, count)} {goes} in the next cycle{rest}")
    return 0


@command("drop")
@click.argument("name")
def drop(call: Call, *, name: str) -> int:
    """Leave undone what the group NAME holds.

    Records stay as they are until somebody edits again; one that was to be made is not. Exit 4
    and nothing done if the group has changed since it was listed.
    """
    group, count = asyncio.run(order(call.load(), _drop, name))
    if call.json:
        about = {"name": name, "system": group.system, "op": group.kind}
        return emit({**about, "dropped": count}, 0)
    click.echo(f"{what(group.kind, group.system, count)} left undone: {_left(group, count)}")
    return 0


for each in (listed, show, approve, drop):
    held.add_command(each)


def what(kind: str, system: str, count: int) -> str:
    """Count what is held, and say where."""
    where = "to" if kind in ("create", "update", "close", "flap") else "in"
    return f"{many(count, CALLED.get(kind, kind))} {where} {system}"


def _facts(app: App) -> list[dict[str, Any]]:
    """Give all groups, each with its operations."""
    from instep.engine import orders
    from instep.engine.context import load

    found = orders.groups(app)
    rows = {row.id: row for row in load(app, {r["incident"] for g in found for r in g.rows})}
    return [_group(app, group, rows) for group in found]


def _shown(app: App, name: str) -> dict[str, Any]:
    """Give one group."""
    from instep.engine import orders

    orders.named(app, name)
    return next(group for group in _facts(app) if group["name"] == name)


def _approve(app: App, name: str, most: int | None) -> tuple[Group, int]:
    """Let a group through; answers what it was, and how many of it go."""
    from instep.engine import orders

    return orders.named(app, name), orders.approve(app, name, most)


def _drop(app: App, name: str) -> tuple[Group, int]:
    """Leave a group undone; answers what it was, and how many that were."""
    from instep.engine import orders

    return orders.named(app, name), orders.drop(app, name)


def _group(app: App, group: Group, rows: Mapping[int, Incident]) -> dict[str, Any]:
    """Say what a group holds."""
    from instep.cli.why import state

    operations = [_operation(app, row, rows[row["incident"]]) for row in group.rows]
    return {
        "name": group.name,
        "state": state(group.why),
        "why": group.why.value,
        "system": group.system,
        "op": group.kind,
        "count": len(operations),
        "approved": group.approved,
        "since": group.since,
        "again": min((op["again"] for op in operations if op["again"]), default=None),
        "reason": group.reason,
        "operations": operations,
    }


def _operation(app: App, row: Mapping[str, Any], incident: Incident) -> dict[str, Any]:
    """Say what is held of one incident, and what it would set, in common words."""
    from instep.cli.why import is_approved
    from instep.core.operation import QUARANTINE

    reference = incident.side(row["system"]).reference
    record = reference.display or reference.id if reference else None
    if row["why"] in QUARANTINE:
        # What is kept out is a record: its id stands where an operation has its checksum.
        record = row["checksum"]
    return {
        "incident": row["incident"],
        "title": title(app, incident),
        "record": None if row["kind"] == "create" else record,
        "fields": dict(row["fields"]),
        "reason": row["reason"],
        "since": row["since"],
        "approved": is_approved(row),
        "tries": row["tries"],
        "again": instant(row["again"]),
    }


def _lines(group: Mapping[str, Any], now: float, most: int | None) -> Iterator[str]:
    """Show a group, and the oldest of what it holds."""
    yield _head(group, now)
    yield from columns([_cells(group, op) for op in group["operations"][:most]])
    if most is not None and group["count"] > most:
        yield f"  and {group['count'] - most} more"


def _head(group: Mapping[str, Any], now: float) -> str:
    """Name a group: what it holds, since when, and why."""
    from instep.cli.why import next_try

    told = [
        f"{group['name']}  {group['state']}",
        what(group["op"], group["system"], group["count"]),
        f"oldest {age(group['since'], now)}",
        word(group["reason"], 200),
    ]
    if group["state"] == "late":
        told.append(next_try(group["again"], now))
    return "  ".join(told)


def _cells(group: Mapping[str, Any], operation: Mapping[str, Any]) -> tuple[str, ...]:
    """Show one operation in a line."""
    fields = operation["fields"].items()
    # Of a new record the title stands before them, and all that it will not say is left out.
    left = (None, operation["title"]) if group["op"] == "create" else ()
    told = {name: value for name, value in fields if value not in left}
    sets = ", ".join(f"{name}: {word(value)}" for name, value in told.items())
    if group["why"] in ("duplicate", "foreign"):
        sets = word(operation["reason"], 200)
    ahead = "approved, goes in the next cycle: " if operation["approved"] else ""
    return (
        f"incident {operation['incident']}",
        operation["record"] or "(new)",
        word(operation["title"]),
        ahead + word(sets, 120),
    )


def _whole(group: Mapping[str, Any], now: float) -> Iterator[str]:
    """Show a group with all fields of all that it holds."""
    from instep.cli.why import HELPS
    from instep.core.operation import Why

    yield _head(group, now)
    for operation in group["operations"]:
        yield ""
        yield "  ".join(
            [
                f"incident {operation['incident']}",
                operation["record"] or "(new)",
                word(operation["title"]),
                f"since {age(operation['since'], now)}",
                *(["approved, goes in the next cycle"] if operation["approved"] else []),
            ]
        )
        if operation["reason"] != group["reason"]:
            yield f"  {word(operation['reason'], 200)}"
        rows = [(name, word(value, 200)) for name, value in operation["fields"].items()]
        yield from columns(rows)
    yield ""
    yield from (line.replace("NAME", group["name"]) for line in HELPS[Why(group["why"])])


def _ending(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say how many there are, and what helps."""
    from instep.cli.why import HELPS
    from instep.core.operation import Why

    if not found:
        yield "nothing is held"
        return
    yield ""
    counted = many(sum(group["count"] for group in found), "operation")
    yield f"{counted} waiting in {many(len(found), 'group')}"
    told = (line for group in found for line in HELPS[Why(group["why"])])
    yield from (f"  {line}" for line in dict.fromkeys(told))
    yield "  look closer: instep held show NAME"


def _left(group: Group, count: int) -> str:
    """Say what is as it was once a group is left undone."""
    if group.kind == "create":
        whom = f"incident {group.rows[0]['incident']}" if count == 1 else "these incidents"
        return f"{group.system} gets no record of {whom}, unless instep retry INCIDENT wants it"
    return f"what {group.system} says stays as it is until somebody edits again"
