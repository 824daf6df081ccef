"""Settle: merge due incidents, plan, decide, push and read back, until every side agrees.

Incidents with more than one record go first, so that live changes do not wait behind a backlog;
then the oldest. They go in batches: one commit decides a batch, small group commits conclude it.
A pass looks at every due incident once; passes go on while they bring something about.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from instep.core.model import Incident, Intent
from instep.core.operation import Held, Operation, Plan
from instep.engine.context import App, load
from instep.engine.hear import leave_out
from instep.engine.judge import Bench, Mandate, bench_of, judge
from instep.engine.links import show_links
from instep.engine.push import look, push, recover, stopped
from instep.engine.report import Report
from instep.errors import Denied, Forbidden, RecordError, SideError
from instep.ledger import journal, store
from instep.ledger.journal import Decision, Outcome, Result, Stamp

log = structlog.get_logger()

#: Incidents that are decided in one commit.
BATCH = 64
#: Seconds after which what is done is concluded, though the rest of a batch is not.
GROUP = 0.05
#: Passes over the due incidents in one cycle; a create, what follows it, and what that moves.
PASSES = 5
#: After so many failures in a row a system is away: before that it may be the records.
STRIKES = 3
#: kind of update -> how the report counts it.
COUNT_OF = {"update": "updates", "close": "closes"}

#: What is asked of a system about one incident.
Question = Callable[[], Awaitable[Outcome | None]]


@dataclass
class Settling:
    """What settling remembers over a run: how long it may take, what failed, and what waits."""

    app: App
    report: Report
    bench: Bench
    until: float
    cut: bool = False
    joined: set[int] = field(default_factory=set)
    waiting: set[tuple[int, str]] = field(default_factory=set)
    strikes: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)

    def struck(self, name: str, error: SideError) -> None:
        """Count a failure: a system that lets nobody in, or fails time after time, is away."""
        self.strikes[name] += 1
        shut = isinstance(error, Denied) and not isinstance(error, Forbidden)
        if shut or self.strikes[name] >= STRIKES:
            leave_out(self.app, name, self.report.systems[name], error.message)


async def settle_due(app: App, report: Report, mandate: Mandate | None = None) -> None:
    """Settle every due incident, pass by pass, until nothing more comes of it."""
    run = await _begin(app, report, mandate)
    for _ in range(PASSES):
        if not await _pass(run):
            break
    report.conflicts = len(run.waiting)
    await show_links(app, run.joined)


async def _begin(app: App, report: Report, mandate: Mandate | None = None) -> Settling:
    """Begin to settle."""
    bench = await bench_of(app, mandate)
    return Settling(app, report, bench, app.now() + app.settle_within)


async def _pass(run: Settling) -> bool:
    """Settle every due incident once; answers whether anything was brought about."""
    moved = False
    run.waiting.clear()
    async for ids in _batches(run):
        moved |= await _batch(run, ids)
    return moved


async def _batches(run: Settling) -> AsyncIterator[list[int]]:
    """Yield what is due in batches, until it is done or the time is over."""
    ids = await run.app.desk(due, run.app)
    for at in range(0, len(ids), BATCH):
        if run.app.now() >= run.until:
            if not run.cut:
                log.warning("cycle.cut", seconds=run.app.settle_within, left=len(ids) - at)
            run.cut = True
            return
        yield ids[at : at + BATCH]


def due(app: App) -> list[int]:
    """List what is due."""
    with app.ledger.begin() as db:
        return store.due(db, app.unit.name)


async def _batch(run: Settling, ids: Sequence[int]) -> bool:
    """Settle one batch: recover, decide in one commit, push."""
    app = run.app
    moved = await clear_up(run, ids)
    decisions = await judge(run.bench, ids)
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
    app = run.app
    incidents, asked = await app.desk(load, app, ids), await app.ticket()
    # A system that is configured no more cannot be asked: its intents and doubts stay.
    tasks = [
        _ask(run, intent.system, i, partial(recover, app, i, intent, asked))
        for i in incidents
        for intent in i.intents
        if intent.system in app.systems
    ]
    tasks += [
        _ask(run, name, i, partial(look, app, i, name, asked))
        for i in incidents
        for name, side in i.sides.items()
        if name in app.systems and side.doubt and side.live and not i.creating(name)
    ]
    outcomes = [outcome for outcome in await asyncio.gather(*tasks) if outcome is not None]
    if outcomes:
        stamp = Stamp(run.report.run, app.stamp())
        await app.desk(journal.take_in, app.ledger, app.unit, outcomes, stamp)
        made = (o for o in outcomes if o.intent and o.intent.kind == "create" and o.heard)
        run.joined |= {outcome.incident for outcome in made}
    return bool(outcomes)


async def _ask(run: Settling, name: str, incident: Incident, question: Question) -> Outcome | None:
    """Ask a system about one incident, unless it is away; what it will not tell waits."""
    if name in run.app.away:
        return None
    try:
        return await question()
    except SideError as error:
        run.struck(name, error)
        log.warning("record.unread", system=name, incident=incident.id, why=error.told)
    except RecordError as error:
        log.warning("record.unread", system=name, incident=incident.id, why=error.told)
    return None


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
    await _note_failed(run)


async def _push(
    run: Settling, gate: asyncio.Semaphore, incident: Incident, intent: Intent, asked: int
) -> Outcome | None:
    """Push one intent; a system that fails time after time is away for the rest of the cycle."""
    app, tally = run.app, run.report.systems[intent.system]
    async with gate:
        if intent.system in app.away:
            return stopped(intent, SideError(app.away[intent.system]))
        try:
            outcome = await push(app, incident, intent, asked)
        except SideError as error:
            tally.counts["failed"] += 1
            run.struck(intent.system, error)
            known = "write.unclear" if error.unclear else "write.failed"
            log.warning(known, system=intent.system, incident=incident.id, reason=error.told)
            # When it is tried again is told beside it; the advice is about the whole system.
            end = Outcome(incident.id, intent.system, Result.REFUSED, intent, reason=error.message)
            run.failed.append(end)
            return stopped(intent, error)
        run.strikes[intent.system] = 0
        return outcome


async def _note_failed(run: Settling) -> None:
    """Let what failed wait longer each time, where it was not the system that failed."""
    app = run.app
    failed = [outcome for outcome in run.failed if outcome.system not in app.away]
    run.failed.clear()
    if failed:
        stamp = Stamp(run.report.run, app.stamp())
        await app.desk(journal.unanswered, app.ledger, failed, stamp)


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
    match outcome.result:
        case Result.WRITTEN if kind == "create":
            counts["creates"] += 1
            run.bench.born.add((outcome.incident, outcome.system))
            run.joined.add(outcome.incident)
            log.info("write.created", **about)
        case Result.WRITTEN:
            counts[COUNT_OF[kind]] += 1
            log.info("write.updated", **about)
        case Result.DELETED:
            counts["deletes"] += 1
            log.info("write.deleted", **about)
        case Result.REFUSED:
            counts["failed"] += 1
            log.warning("write.failed", reason=outcome.reason, **about)
        case Result.STALE:
            log.info("write.stale", reason=outcome.reason, **about)
        case _:
            pass


async def plan_due(app: App, report: Report) -> tuple[Plan, dict[int, Incident]]:
    """Say what settling would write, without deciding or writing anything; and of which incidents.

    What open intents and doubts turn out to be is noted in the ledger.
    """
    run = await _begin(app, report)
    operations: list[Operation] = []
    stops: list[Held] = []
    waiting: list[tuple[int, str]] = []
    rows: dict[int, Incident] = {}
    async for ids in _batches(run):
        await clear_up(run, ids)
        for decision in await judge(run.bench, ids):
            operations += decision.passed
            stops += decision.held
            waiting += [(decision.before.id, name) for name in decision.settled.waiting]
            rows[decision.before.id] = decision.before
    return Plan(tuple(operations), tuple(stops), tuple(waiting)), rows
