"""Judge: merge and plan a batch of incidents, and let the guard look at the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from instep.core.fields import stamp
from instep.core.flap import WINDOW, flapping
from instep.core.guard import Guarded, Known, guard
from instep.core.merge import merge
from instep.core.model import Incident
from instep.core.operation import Held, Operation
from instep.core.plan import Settled, settle
from instep.engine.alike import Looks, alike
from instep.engine.context import App, load
from instep.ledger import held, notes, views
from instep.ledger.journal import Decision

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
    looks: Looks = field(default_factory=Looks)


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
        alike=alike(app, bench.looks, after, planned),
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


async def bench_of(app: App, mandate: Mandate | None = None) -> Bench:
    """Begin to judge in a run."""
    return Bench(app, await app.desk(notes.linked, app.ledger), mandate)
