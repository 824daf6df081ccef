"""How things stand, as facts: which systems are late, what waits, and what ran last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from instep.cli.text import age, instant, many, span
from instep.cli.waiting import Waiting, waiting
from instep.core.fields import moment
from instep.ledger import notes, runs, views

if TYPE_CHECKING:
    from instep.engine.context import App
    from instep.engine.orders import Group
    from instep.ledger.database import Ledger
    from instep.ledger.runs import Cursor

#: How many of the last runs are told of.
LAST = 5
#: How many of the last runs are searched for a quiet one.
SEARCHED = 100


def patience(every: float) -> float:
    """Give the seconds of silence after which something is late."""
    return max(3 * every, every + 300)


def health(ledger: Ledger, unit: str, every: float) -> tuple[bool, str]:
    """Say in one line whether cycles come to their end in time."""
    with ledger.begin() as db:
        ended = views.last_ended(db, unit)
    if not ended:
        return False, "late: no cycle has ended yet"
    since = age(ended, ledger.now())
    if ledger.now() - moment(ended).timestamp() < patience(every):
        return True, f"ok: the last cycle ended {since} ago"
    return False, f"late: the last cycle ended {since} ago, one is due every {span(every)}"


def standing(app: App, every: float) -> dict[str, Any]:
    """Say how things stand."""
    found, records = waiting(app), notes.linked(app.ledger)
    with app.ledger.begin() as db:
        heard, wrote = views.heard(db, app.unit.name), views.wrote(db)
        last, counts = views.last_runs(db, app.unit.name, SEARCHED), runs.counts(db)
    systems = {
        name: _system(heard.get(name), every, app.now())
        | {"wrote_at": wrote.get(name), "records": records.get(name, 0)}
        for name in app.unit.members
    }
    late = [name for name, system in systems.items() if system["state"] == "late"]
    reasons = _reasons(late, found, ran=bool(last))
    return {
        "in_step": not reasons,
        "reasons": reasons,
        "incidents": counts["incidents"],
        "every": every,
        "systems": systems,
        "held": grouped(found.held),
        "late": grouped(found.late),
        "dead": grouped(found.dead),
        "conflicts": found.conflicts,
        "gone": found.gone,
        "attic": counts["attic"],
        "due": found.due,
        "quiet": _quiet(last, app.unit.members),
        "runs": last[:LAST],
    }


def _quiet(last: Iterable[views.Row], members: Iterable[str]) -> dict[str, dict[str, int]]:
    """Say what the last run cost in which nothing was written, by system; empty if none was."""
    for row in last:
        report = row["report"] or {}
        tallies = report.get("systems", {})
        tried = any(tally["failed"] for tally in tallies.values())
        if row["state"] == "completed" and report["quiet"] and not tried:
            return {
                name: {"requests": tallies[name]["requests"], "records": tallies[name]["records"]}
                for name in members
                if name in tallies
            }
    return {}


def _system(cursor: Cursor | None, every: float, now: float) -> dict[str, Any]:
    """Say whether a system is heard as often as it should be."""
    if cursor is None or not cursor.heard_at:
        why = (cursor.error if cursor else "") or "never heard"
        return {"state": "late", "heard_at": None, "heard_ago": None, "why": why}
    ago = now - cursor.heard_at
    why = cursor.error
    if not why and ago > patience(every):
        why = "no cycle has heard it lately: is instep running?"
    return {
        "state": "late" if why else "ok",
        "heard_at": instant(cursor.heard_at),
        "heard_ago": round(ago, 1),
        "why": why,
    }


def _reasons(late: list[str], found: Waiting, *, ran: bool) -> list[str]:
    """Say what keeps all from being in step."""
    if not ran:
        return ["no cycle has run yet"]
    reasons = [f"{many(len(late), 'system')} late"] if late else []
    if found.people:
        reasons.append(f"{many(found.people, 'thing')} waiting for a person")
    if refused := sum(len(group.rows) for group in found.late):
        reasons.append(f"{many(refused, 'write')} late")
    if found.due and not found.people and not refused:
        reasons.append(f"{many(found.due, 'incident')} due")
    return reasons


def grouped(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """Say what waits for one reason: how many, where, and since when the oldest does."""
    return [
        {
            "name": group.name,
            "reason": group.reason,
            "system": group.system,
            "kind": group.kind,
            "count": len(group.rows),
            "approved": group.approved,
            "since": group.since,
            "again": instant(min(float(row["again"]) for row in group.rows)),
            "incidents": sorted({row["incident"] for row in group.rows}),
        }
        for group in groups
    ]
