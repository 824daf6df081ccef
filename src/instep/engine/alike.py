"""Alike: incidents begun in several systems that look the same, so that a create would double one.

Each incident is looked at once a run, and only those whose records were made around the same time
as that of one which is to get a record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from instep.core.fields import moment, spell
from instep.core.linking import Look
from instep.core.model import Incident
from instep.core.operation import Operation
from instep.core.unit import Unit
from instep.engine.context import App, load
from instep.ledger import views

#: The fields by which people know an incident, beside the time when its record was made.
TITLE, BEGAN = "title", "started_at"
#: Seconds between the making of two records of one incident, at most, to look for the other.
AROUND = timedelta(days=1)


@dataclass
class Looks:
    """Incidents by their plain titles, as far as they have been looked at in a run.

    ``span`` is from when to when their records were made.
    """

    titles: dict[str, set[int]] = field(default_factory=dict)
    span: tuple[str, str] | None = None


def alike(
    app: App, looks: Looks, rows: Mapping[int, Incident], planned: Iterable[Operation]
) -> dict[tuple[int, str], str]:
    """Find creates for incidents of which another, begun elsewhere, may be the same.

    Whatever the system: two new records of one incident would be in a third one, too.
    """
    members = app.unit.members
    creates = [
        op
        for op in planned
        if op.kind == "create" and (made := members[op.system].creation) and made.holds_alike
    ]
    about = {op.incident: rows[op.incident] for op in creates}
    _look_around(app, looks, about.values())
    same = {number: _same_title(app.unit, looks, row) for number, row in about.items()}
    others = {row.id: row for row in load(app, set().union(*same.values()))}
    names = {
        number: _names(app.unit, row, [others[i] for i in sorted(same[number])])
        for number, row in about.items()
    }
    return {
        (op.incident, op.system): f"{' and '.join(found)} looks the same: link it, or approve"
        for op in creates
        if (found := names[op.incident])
    }


def _same_title(unit: Unit, looks: Looks, row: Incident) -> set[int]:
    """Give the other incidents of the same title."""
    return looks.titles.get(look(unit, row).plain, set()) - {row.id}


def _names(unit: Unit, row: Incident, others: Iterable[Incident]) -> list[str]:
    """Name the records of other incidents that look the same, and could be of this one."""
    mine, here = look(unit, row), {s.system for s in row.sides.values() if s.reference}
    return [
        f"{other.origin}:{reference.display or reference.id}"
        for other in others
        if other.origin != row.origin
        and not here & {s.system for s in other.sides.values() if s.reference}
        and other.side(other.origin).live
        and (reference := other.side(other.origin).reference)
        and mine.like(look(unit, other))
    ]


def _look_around(app: App, looks: Looks, rows: Collection[Incident]) -> None:
    """Look at the incidents whose records were made around the same time as those of others."""
    opened = [r.opened for row in rows if (r := row.side(row.origin).reference) and r.opened]
    if not opened:
        return
    first, last = spell(moment(min(opened)) - AROUND), spell(moment(max(opened)) + AROUND)
    for part in _unseen(looks.span, first, last):
        with app.ledger.begin() as db:
            ids = views.opened(db, app.unit.name, *part)
        for row in load(app, ids):
            looks.titles.setdefault(look(app.unit, row).plain, set()).add(row.id)
    known = looks.span or (first, last)
    looks.span = min(known[0], first), max(known[1], last)


def _unseen(span: tuple[str, str] | None, first: str, last: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a time that were not looked at yet; what was is kept in one piece."""
    if span is None:
        yield first, last
        return
    if first < span[0]:
        yield first, span[0]
    if span[1] < last:
        yield span[1], last


def look(unit: Unit, row: Incident) -> Look:
    """Say what a person would know an incident by, from the record in which it began."""
    side = row.side(row.origin)
    rules = unit.members[row.origin].rules if row.origin in unit.members else {}

    def said(name: str) -> str:
        value = row.value(name)
        if value is None and name in rules:
            value = rules[name].get(side.says.get(name), None)
        return str(value or "")

    opened = side.reference.opened if side.reference else ""
    return Look(said(TITLE), said(BEGAN) or opened)
