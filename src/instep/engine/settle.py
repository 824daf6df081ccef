"""Settle: merge due incidents, plan, decide, push and read back, until every side agrees.

Incidents go oldest first and in batches: one commit decides a batch, small group commits conclude
it. A pass looks at every due incident once; passes go on while they bring something about.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from instep.core.guard import Waiting, guard
from instep.core.merge import merge
from instep.core.model import Incident, Intent
from instep.core.plan import Held, Operation, Plan, Settled, settle
from instep.engine.context import App
from instep.engine.hear import leave_out
from instep.engine.links import show_links
from instep.engine.push import look, push, recover, stopped
from instep.engine.report import Report
from instep.errors import RecordError, SideError
from instep.ledger import held, journal, notes, store
from instep.ledger.journal import Decision, Outcome, Result, Stamp

log = structlog.get_logger()

#: Incidents that are decided in one commit.
BATCH = 64
#: Seconds after which what is done is concluded, though the rest of a batch is not.
GROUP = 0.05
#: Passes over the due incidents in one cycle; a create, what follows it, and what that moves.
PASSES = 5
#: kind of operation -> how the report counts it.
COUNT_OF = {"create": "creates", "update": "updates", "close": "closes"}

#: What is asked of a system about one incident.
Question = Callable[[], Awaitable[Outcome | None]]


@dataclass
class Settling:
    """What settling remembers over a run: what was let through, and what waits."""

    app: App
    report: Report
    linked: Mapping[str, int]
    approved: bool = False
    joined: set[int] = field(default_factory=set)
    spent: Counter[tuple[str, str]] = field(default_factory=Counter)
    born: set[tuple[int, str]] = field(default_factory=set)
    refused: set[tuple[int, str, str]] = field(default_factory=set)
    waiting: set[tuple[int, str]] = field(default_factory=set)


async def settle_due(app: App, report: Report, *, approved: bool = False) -> None:
    """Settle every due incident, pass by pass, until nothing more comes of it."""
    if not await app.desk(due, app, 0):
        return
    linked = await app.desk(notes.linked, app.ledger)
    run = Settling(app, report, linked, approved)
    for _ in range(PASSES):
        if not await _pass(run):
            break
    report.conflicts = len(run.waiting)
    await show_links(app, run.joined)


async def _pass(run: Settling) -> bool:
    """Settle every due incident once; answers whether anything was brought about."""
    app, after, moved = run.app, 0, False
    run.waiting.clear()
    while ids := await app.desk(due, app, after):
        after = ids[-1]
        moved |= await _batch(run, ids)
    return moved


def due(app: App, after: int) -> list[int]:
    """List the next batch of due incidents."""
    with app.ledger.begin() as db:
        return store.due(db, app.unit.name, after, BATCH)


async def _batch(run: Settling, ids: Sequence[int]) -> bool:
    """Settle one batch: recover, decide in one commit, push."""
    app = run.app
    moved = await clear_up(run, ids)
    decisions = await judge(run, ids)
    stamp = Stamp(run.report.run, app.stamp(), app.now() + 2 * _deadline(app))
    intents = await app.desk(journal.decide, app.ledger, decisions, stamp, frozenset(app.away))
    _tell(run, decisions)
    rows = {d.before.id: d.settled.incident for d in decisions}
    await _push_all(run, [(rows[intent.incident], intent) for intent in intents])
    changed = any(d.settled.incident != d.before for d in decisions)
    return moved or bool(intents) or changed


def _deadline(app: App) -> float:
    """Give the longest time that any request may take."""
    return max(member.abilities.deadline for member in app.unit.members.values())


async def clear_up(run: Settling, ids: Sequence[int]) -> bool:
    """Find out what became of open intents, and read sides in doubt directly."""
    app, report = run.app, run.report
    incidents, asked = await app.desk(_load, app, ids), await app.ticket()
    # A system that is configured no more cannot be asked: its intents and doubts stay.
    tasks = [
        _ask(app, report, intent.system, i, partial(recover, app, i, intent, asked))
        for i in incidents
        for intent in i.intents
        if intent.system in app.systems
    ]
    tasks += [
        _ask(app, report, name, i, partial(look, app, i, name, asked))
        for i in incidents
        for name, side in i.sides.items()
        if name in app.systems and side.doubt and side.live and not i.creating(name)
    ]
    outcomes = [outcome for outcome in await asyncio.gather(*tasks) if outcome is not None]
    if outcomes:
        stamp = Stamp(report.run, app.stamp())
        await app.desk(journal.take_in, app.ledger, app.unit, outcomes, stamp)
        made = (o for o in outcomes if o.intent and o.intent.kind == "create" and o.heard)
        run.joined |= {outcome.incident for outcome in made}
    return bool(outcomes)


def _load(app: App, ids: Sequence[int]) -> list[Incident]:
    """Load a batch of incidents."""
    with app.ledger.begin() as db:
        return store.load(db, ids)


async def _ask(
    app: App, report: Report, name: str, incident: Incident, question: Question
) -> Outcome | None:
    """Ask a system about one incident, unless it is away; what it will not tell waits."""
    if name in app.away:
        return None
    try:
        return await question()
    except SideError as error:
        leave_out(app, name, report.systems[name], error.message)
    except RecordError as error:
        log.warning("record.unread", system=name, incident=incident.id, why=error.told)
    return None


async def judge(run: Settling, ids: Sequence[int]) -> list[Decision]:
    """Merge and plan a batch, and let the guard look at it."""
    app = run.app
    incidents = await app.desk(_load, app, ids)
    settled = {i.id: (i, settle(app.unit, i, merge(app.unit, i))) for i in incidents}
    before = await app.desk(_waiting, app, ids)
    if run.approved:
        # A person's word is good for one more try of what was refused, not for one a pass.
        before = {key: w for key, w in before.items() if key in run.refused}
    planned = [
        _completing(run, op)
        for _, outcome in settled.values()
        for op in outcome.operations
        if op.system not in app.away
    ]
    guarded = guard(
        planned,
        app.unit.limits,
        run.linked,
        waiting=before,
        spent=run.spent,
        approved=run.approved,
    )
    return [
        _decision(row, outcome, guarded.passed, guarded.held) for row, outcome in settled.values()
    ]


def _waiting(app: App, ids: Sequence[int]) -> dict[held.Key, Waiting]:
    """Give what is held of a batch."""
    with app.ledger.begin() as db:
        return held.waiting(db, ids)


def _completing(run: Settling, operation: Operation) -> Operation:
    """Mark the update of a record that this very run has made: it completes the create."""
    if (operation.incident, operation.system) not in run.born:
        return operation
    return replace(operation, follows=True)


def _decision(
    before: Incident, settled: Settled, passed: Sequence[Operation], stops: Sequence[Held]
) -> Decision:
    """Put together what is decided for one incident."""
    return Decision(
        before=before,
        settled=settled,
        passed=tuple(op for op in passed if op.incident == before.id),
        held=(*settled.held, *(h for h in stops if h.operation.incident == before.id)),
    )


def _tell(run: Settling, decisions: Sequence[Decision]) -> None:
    """Log and count what was decided, and what waits."""
    for decision in decisions:
        number = decision.before.id
        for name, outcome in decision.settled.merged.items():
            for loser in outcome.losers:
                run.report.attic += 1
                won = outcome.base.origins if outcome.base else ()
                log.info(
                    "conflict.decided", incident=number, field=name, won=won, lost=loser.origins
                )
        run.waiting |= {(number, name) for name in decision.settled.waiting}


async def _push_all(run: Settling, work: Sequence[tuple[Incident, Intent]]) -> None:
    """Push intents side by side, bounded per system, concluding in small groups."""
    if not work:
        return
    gates = {name: asyncio.Semaphore(run.app.workers) for name in run.app.systems}
    asked = await run.app.ticket()
    pending = {
        asyncio.create_task(_push(run, gates[intent.system], incident, intent, asked))
        for incident, intent in work
    }
    try:
        while pending:
            done, pending = await asyncio.wait(pending, timeout=GROUP)
            await _conclude(run, [task.result() for task in done])
    finally:
        for task in pending:
            task.cancel()


async def _push(
    run: Settling, gate: asyncio.Semaphore, incident: Incident, intent: Intent, asked: int
) -> Outcome | None:
    """Push one intent; a system that fails is away for the rest of the cycle."""
    app, tally = run.app, run.report.systems[intent.system]
    async with gate:
        if intent.system in app.away:
            return stopped(intent, SideError(app.away[intent.system]))
        try:
            return await push(app, incident, intent, asked)
        except SideError as error:
            leave_out(app, intent.system, tally, error.message)
            if error.unclear:
                tally.counts["failed"] += 1
                log.warning("write.unclear", system=intent.system, incident=incident.id)
            return stopped(intent, error)


async def _conclude(run: Settling, outcomes: Sequence[Outcome | None]) -> None:
    """Take in a group of outcomes, and count them."""
    known = [outcome for outcome in outcomes if outcome is not None]
    if not known:
        return
    stamp = Stamp(run.report.run, run.app.stamp())
    await run.app.desk(journal.take_in, run.app.ledger, run.app.unit, known, stamp)
    for outcome in known:
        _count(run, outcome)


def _count(run: Settling, outcome: Outcome) -> None:
    """Count and log one outcome."""
    counts, intent = run.report.systems[outcome.system].counts, outcome.intent
    kind, fields = (intent.kind, sorted(intent.sent)) if intent else ("", [])
    record = outcome.heard.reference.display if outcome.heard else None
    about = {
        "system": outcome.system,
        "incident": outcome.incident,
        "record": record,
        "fields": fields,
    }
    if outcome.result is Result.WRITTEN:
        counts[COUNT_OF[kind]] += 1
        if kind == "create":
            run.born.add((outcome.incident, outcome.system))
            run.joined.add(outcome.incident)
            log.info("write.created", **about)
        else:
            log.info("write.updated", **about)
    elif outcome.result is Result.REFUSED:
        counts["failed"] += 1
        run.refused.add((outcome.incident, outcome.system, kind))
        log.warning("write.failed", reason=outcome.reason, **about)
    elif outcome.result is Result.STALE:
        log.info("write.stale", reason=outcome.reason, **about)


async def plan_due(app: App, report: Report) -> Plan:
    """Say what settling would write, without deciding or writing anything.

    To be called with a copy of the ledger: what open intents and doubts turn out to be is noted
    there.
    """
    run = Settling(app, report, await app.desk(notes.linked, app.ledger))
    operations: list[Operation] = []
    stops: list[Held] = []
    waiting: list[tuple[int, str]] = []
    after = 0
    while ids := await app.desk(due, app, after):
        after = ids[-1]
        await clear_up(run, ids)
        for decision in await judge(run, ids):
            operations += decision.passed
            stops += decision.held
            waiting += [(decision.before.id, name) for name in decision.settled.waiting]
    return Plan(tuple(operations), tuple(stops), tuple(waiting))
