"""The cycle: the only place that knows the order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog
from structlog.contextvars import bound_contextvars

from instep.core.model import Incident
from instep.core.operation import Plan
from instep.engine.context import App
from instep.engine.hear import hear_all
from instep.engine.judge import Mandate
from instep.engine.report import Report, Tally
from instep.engine.settle import plan_due, settle_due
from instep.errors import WorldMoved
from instep.ledger import runs

log = structlog.get_logger()

#: What a person says to a plan and the incidents that it is about; ``WorldMoved`` is a no.
Word = Callable[[Plan, Mapping[int, Incident], Report], Awaitable[Mandate]]


async def run_cycle(app: App, *, sweep: bool = False, word: Word | None = None) -> Report:
    """Hear every system, then settle what is due; open intents are recovered on the way.

    ``sweep`` hears everything, whatever the cursors say. ``word`` is asked what may be done of
    the plan, and nothing else is sent.

    Raises:
        WorldMoved: the plan is not the one that ``word`` expected; nothing was sent.
    """
    app.away.clear()
    began, asked = app.now(), _requests(app)
    report = await _begin(app)
    with bound_contextvars(run=report.run):
        try:
            await hear_all(app, report, sweep=sweep)
            if not report.refused:
                await _settle(app, report, word)
        except WorldMoved:
            report.state = "moved"
            await _end(app, report, began, asked)
            raise
        return await _end(app, report, began, asked)


async def _settle(app: App, report: Report, word: Word | None) -> None:
    """Settle what is due, or what a person says of it."""
    if word is None:
        await settle_due(app, report)
    else:
        plan, rows = await plan_due(app, report)
        await settle_due(app, report, await word(plan, rows, report))


async def listen(app: App) -> Report:
    """Hear every system and settle nothing: what there is gets into the ledger."""
    app.away.clear()
    began, asked = app.now(), _requests(app)
    report = await _begin(app)
    with bound_contextvars(run=report.run):
        await hear_all(app, report)
        report.state = "heard"
        return await _end(app, report, began, asked)


async def make_plan(app: App) -> tuple[Plan, dict[int, Incident], Report]:
    """Say what a cycle would write, and to which incidents.

    ``app`` holds a copy of the ledger, which is thrown away.
    """
    app.away.clear()
    report = await _begin(app)
    with bound_contextvars(run=report.run):
        await hear_all(app, report)
        if report.refused:
            # A cycle would send nothing either.
            return Plan(), {}, report
        plan, rows = await plan_due(app, report)
        return plan, rows, report


async def _begin(app: App) -> Report:
    """Begin a run."""
    owed = await app.desk(runs.wake, app.ledger, app.unit)
    first = await app.desk(runs.first, app.ledger, app.unit.name)
    mode = "initial" if first else "incremental"
    number = await app.desk(runs.start, app.ledger, app.unit.name, mode, app.stamp())
    return Report(number, mode, {name: Tally() for name in app.systems}, owed=owed)


async def _end(app: App, report: Report, began: float, asked: dict[str, int]) -> Report:
    """End a run: count, remember, and say it in one line."""
    report.seconds = app.now() - began
    if report.state == "running":
        report.state = "refused" if report.refused else "partial" if app.away else "completed"
    for name, count in _requests(app).items():
        report.systems[name].counts["requests"] = count - asked[name]
    counts = await app.desk(_counts, app)
    report.incidents, report.due = counts["incidents"], counts["due"]
    report.held, report.dead = counts["held"], counts["dead"]
    await app.desk(runs.end, app.ledger, report.run, report.state, app.stamp(), report.data())
    log.info("cycle.completed", **{k: v for k, v in report.data().items() if k != "run"})
    return report


def _counts(app: App) -> dict[str, int]:
    """Count what the ledger holds."""
    with app.ledger.begin() as db:
        return runs.counts(db)


def _requests(app: App) -> dict[str, int]:
    """Give how many requests each system has been sent since it was opened."""
    return {name: system.requests for name, system in app.systems.items()}
