"""``held`` and ``conflicts``: what waits for a person, one line each."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from instep.cli.options import Call, command
from instep.cli.text import age, columns, emit, emit_lines, many, word

if TYPE_CHECKING:
    from instep.cli.waiting import Waiting
    from instep.config import Config


@command("held")
def held(call: Call) -> int:
    """List the operations that wait for a person, the oldest first."""
    found, _ = asyncio.run(_read(call.load()))
    marked = [("held", row) for row in found.held] + [("dead", row) for row in found.dead]
    marked.sort(key=lambda each: str(each[1]["since"]))
    rows = [row for _, row in marked]
    code = int(bool(rows))
    if call.json:
        return emit({"held": rows}, code)
    now = time.time()
    emit_lines(
        columns(
            [
                (
                    state,
                    f"{age(row['since'], now)} ago",
                    f"incident {row['incident']}",
                    f"{row['kind']} {row['system']}",
                    row["reason"],
                )
                for state, row in marked
            ],
            indent="",
        )
    )
    emit_lines([many(len(rows), "operation") + " held" if rows else "nothing is held"])
    if found.held:
        emit_lines(["what is over a limit is let through once by: instep backfill --yes"])
    return code


@command("conflicts")
def conflicts(call: Call) -> int:
    """List the fields that wait for a person, and the losing values that were kept."""
    found, kept = asyncio.run(_read(call.load()))
    code = int(bool(found.conflicts))
    if call.json:
        return emit({"waiting": found.conflicts, "attic": kept}, code)
    now = time.time()
    emit_lines([f"{many(len(found.conflicts), 'field')} waiting for a person"])
    emit_lines(columns([_waiting(row, now) for row in found.conflicts]))
    emit_lines([f"{many(len(kept), 'losing value')} kept"])
    emit_lines(columns([_kept(row, now) for row in kept]))
    return code


def _waiting(row: dict[str, Any], now: float) -> tuple[str, ...]:
    """Show a field that waits."""
    said = "; ".join(f"{' and '.join(v['origins'])}: {word(v['value'])}" for v in row["values"])
    return f"{age(row['since'], now)} ago", f"incident {row['incident']}", row["field"], said


def _kept(row: dict[str, Any], now: float) -> tuple[str, ...]:
    """Show a losing value."""
    return (
        f"{age(row['decided_at'], now)} ago",
        f"incident {row['incident']}",
        row["field"],
        f"{' and '.join(row['origins'])}: {word(row['value'])}",
        row["cause"],
    )


async def _read(config: Config) -> tuple[Waiting, list[dict[str, Any]]]:
    """Read the ledger, from a copy."""
    from instep.app import Purpose, opened
    from instep.cli.waiting import waiting
    from instep.engine.context import App
    from instep.ledger import views

    def attic(app: App) -> list[dict[str, Any]]:
        with app.ledger.begin() as db:
            return views.attic(db)

    async with opened(config, Purpose.PLAN) as app:
        return await app.desk(waiting, app), await app.desk(attic, app)
