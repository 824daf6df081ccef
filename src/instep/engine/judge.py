"""Judge: merge and plan a batch of incidents, and let the guard look at the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from instep.core.fields import moment, spell, stamp
from instep.core.flap import WINDOW, flapping
from instep.core.guard import Guarded, Known, guard
from instep.core.linking import Look
from instep.core.merge import merge
from instep.core.model import Incident
from instep.core.operation import Held, Operation
from instep.core.plan import Settled, settle
from instep.core.unit import Unit
from instep.engine.context import App
from instep.ledger import held, notes, store, views
from instep.ledger.journal import Decision

#: The fields by which people know an incident, beside the time when its record was made.
TITLE, BEGAN = "title", "started_at"
#: Seconds between the making of two records of one incident, at most, to look for the other.
AROUND = 86_400.0


#: What a person said may be done, by the identities of operations: nothing else is sent, and no
#: limit holds it.
Mandate = frozenset[str]


@dataclass
class Bench:
    """What judging remembers over a run: what was let through, and what was made in it."""

    app: App
    linked: Mapping[str, int]
    mandate: Mandate | None = None
    spent: Counter[tuple[str, str]] = field(default_factory=Counter)
    born: set[tuple[int, str]] = field(default_factory=set)


async def judge(bench: Bench, ids: Sequence[int]) -> list[Decision]:
    """Merge and plan a batch, and let the guard look at it."""
    app = bench.app
    rows = {row.id: row for row in await app.desk(load, app, ids)}
    # In the order in which they are due, so that the oldest go first where there is a limit.
    settled = [(i, settle(app.unit, i, merge(app.unit, i))) for i in map(rows.get, ids) if i]
    planned = [
        _completing(bench, op)
        for row, outcome in settled
        for op in outcome.operations
        if _reached(app, row, op)
    ]
    known = await app.desk(_known, bench, settled, planned)
    guarded = guard(app.unit, planned, known, bench.spent)
    return [_decision(bench, row, outcome, guarded) for row, outcome in settled]


def load(app: App, ids: Collection[int]) -> list[Incident]:
    """Load incidents, however many."""
    numbers = sorted(ids)
    with app.ledger.begin() as db:
        parts = range(0, len(numbers), store.MANY)
        return [row for at in parts for row in store.load(db, numbers[at : at + store.MANY])]


def _reached(app: App, row: Incident, operation: Operation) -> bool:
    """Whether all that an operation is about can be reached: a delete is about every record."""
    if operation.kind == "delete":
        return not any(side.live and name in app.away for name, side in row.sides.items())
    return operation.system not in app.away


def _completing(bench: Bench, operation: Operation) -> Operation:
    """Mark the update of a record that this very run has made: it completes the create."""
    if (operation.incident, operation.system) not in bench.born:
        return operation
    return replace(operation, follows=True)


def _known(
    bench: Bench, settled: Sequence[tuple[Incident, Settled]], planned: Sequence[Operation]
) -> Known:
    """Gather what the guard goes by."""
    app, rows = bench.app, {row.id: row for row, _ in settled}
    since = stamp(datetime.fromtimestamp(app.now() - WINDOW, UTC))
    with app.ledger.begin() as db:
        waiting = held.waiting(db, rows)
        writes = views.writes(db, {op.incident for op in planned}, since)
    after = {outcome.incident.id: outcome.incident for _, outcome in settled}
    mandate = bench.mandate or Mandate()
    return Known(
        linked=bench.linked,
        waiting=waiting,
        approved={op.checksum for op in planned if op.identity(rows[op.incident]) in mandate},
        flapping=flapping(app.unit, ((after[op.incident], [op]) for op in planned), writes),
        alike=_alike(bench, after, planned),
        now=app.now(),
    )


def _decision(bench: Bench, before: Incident, settled: Settled, guarded: Guarded) -> Decision:
    """Put together what is decided for one incident; what nobody meant is left for later."""
    passed = [op for op in guarded.passed if op.incident == before.id]
    mandate = bench.mandate
    meant = [op for op in passed if mandate is None or op.identity(before) in mandate]
    return Decision(
        before=before,
        settled=settled,
        passed=tuple(meant),
        held=(*settled.held, *_of(before, guarded.held)),
        left=tuple(op for op in passed if op not in meant),
    )


def _of(row: Incident, stops: Iterable[Held]) -> tuple[Held, ...]:
    """Give what is held of one incident."""
    return tuple(h for h in stops if h.operation.incident == row.id)


def _alike(
    bench: Bench, rows: Mapping[int, Incident], planned: Iterable[Operation]
) -> dict[tuple[int, str], str]:
    """Find creates for incidents of which another, begun elsewhere, may be the same.

    Whatever the system: two new records of one incident would be in a third one, too.
    """
    members = bench.app.unit.members
    creates = [
        op
        for op in planned
        if op.kind == "create" and (made := members[op.system].creation) and made.holds_alike
    ]
    about = {op.incident: rows[op.incident] for op in creates}
    others = _around(bench.app, about.values())
    names = {number: _names(bench.app.unit, row, others) for number, row in about.items()}
    return {
        (op.incident, op.system): f"{' and '.join(found)} looks the same: link it, or approve"
        for op in creates
        if (found := names[op.incident])
    }


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


def _around(app: App, rows: Collection[Incident]) -> list[Incident]:
    """Load the incidents whose records were made around the same time as those of others."""
    opened = [r.opened for row in rows if (r := row.side(row.origin).reference) and r.opened]
    if not opened:
        return []
    first, last = (
        spell(moment(at) + timedelta(seconds=way * AROUND))
        for at, way in ((min(opened), -1), (max(opened), 1))
    )
    with app.ledger.begin() as db:
        ids = views.opened(db, app.unit.name, first, last)
    return load(app, ids)


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


async def bench_of(app: App, mandate: Mandate | None = None) -> Bench:
    """Begin to judge in a run."""
    return Bench(app, await app.desk(notes.linked, app.ledger), mandate)
