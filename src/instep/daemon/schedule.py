"""When cycles run: at once, and then every so many seconds, never two at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger


def scheduled(cycle: Callable[[], Awaitable[None]], every: float) -> AsyncIOScheduler:
    """Prepare a scheduler with ``cycle`` as its one job; it runs once the scheduler is started.

    A cycle that takes longer than the interval is followed by one more, not by all it missed,
    and one that is late is late, however late: there is no time at which it is too old.
    """
    scheduler = AsyncIOScheduler(timezone=UTC)
    scheduler.add_job(
        cycle,
        IntervalTrigger(seconds=every, timezone=UTC),
        id="cycle",
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    return scheduler
