"""When cycles run: at once, and then every so many seconds, never two at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

#: The name of the one job.
CYCLE = "cycle"


def scheduled(cycle: Callable[[], Awaitable[None]], every: float) -> AsyncIOScheduler:
    """Prepare a scheduler with ``cycle`` as its one job; it runs once the scheduler is started.

    A cycle that takes longer than the interval is followed by one more, not by all it missed,
    and one that is late is late, however late: there is no time at which it is too old.
    """
    scheduler = AsyncIOScheduler(timezone=UTC)
    scheduler.add_job(
        cycle,
        _interval(every),
        id=CYCLE,
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    return scheduler


def rescheduled(scheduler: AsyncIOScheduler, every: float) -> None:
    """Run cycles at another interval; the next one comes no later for it."""
    due = scheduler.get_job(CYCLE).next_run_time
    soon = datetime.now(UTC) + timedelta(seconds=every)
    scheduler.modify_job(CYCLE, trigger=_interval(every), next_run_time=min(due, soon))


def _interval(every: float) -> IntervalTrigger:
    """Trigger every so many seconds."""
    return IntervalTrigger(seconds=every, timezone=UTC)
