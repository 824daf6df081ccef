"""Hear: poll one system, link its records, note what they say.

Pages become notes in the ledger and nothing else: whoever settles meets them there.
"""

from __future__ import annotations

import asyncio

import structlog

from instep.engine.context import App
from instep.engine.report import Report, Tally
from instep.errors import Denied, SideError
from instep.ledger import notes, runs
from instep.systems.base import Page

log = structlog.get_logger()


async def hear_all(app: App, report: Report, *, sweep: bool = False) -> None:
    """Hear every system at once; one that cannot be heard costs only itself."""
    tasks = [asyncio.create_task(hear(app, name, report, sweep=sweep)) for name in app.systems]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def hear(app: App, name: str, report: Report, *, sweep: bool = False) -> None:
    """Hear one system: what changed since last time, or everything when a sweep is owed."""
    tally = report.systems[name]
    try:
        async with asyncio.timeout(app.hear_within):
            swept = await _listen(app, name, report, sweep=sweep)
    except (SideError, TimeoutError) as error:
        why = str(error) or f"hearing it took more than {app.hear_within:.0f} s"
        tally.heard, tally.denied = False, isinstance(error, Denied)
        leave_out(app, name, tally, why)
        await app.desk(
            runs.heard, app.ledger, app.unit.name, name, at=app.now(), swept=False, error=why
        )
    else:
        await app.desk(runs.heard, app.ledger, app.unit.name, name, at=app.now(), swept=swept)


def leave_out(app: App, name: str, tally: Tally, why: str) -> None:
    """Leave a system out for the rest of this cycle, and say so once."""
    if name not in app.away:
        log.warning("system.unheard", system=name, why=why)
    app.away[name] = tally.why = why


async def _listen(app: App, name: str, report: Report, *, sweep: bool) -> bool:
    """Note every page; answers whether the listing was a whole one."""
    system, lag = app.systems[name], app.member(name).abilities.list_lag
    known = await app.desk(runs.cursor, app.ledger, app.unit.name, name)
    owed = sweep or not 0 <= app.now() - known.swept_at < app.full_sweep_every
    since = known.cursor if app.member(name).abilities.filters_by_time and not owed else None
    listening, tally = _listening(app, name, report.run), report.systems[name]
    met: set[str] = set()
    began = asked = await app.ticket() - int(lag * 1_000_000)
    async for page in system.changes(since):
        # The next page is asked for only after this one is noted.
        asked = await _note(app, listening, page, asked, tally) - int(lag * 1_000_000)
        met.update(record.id for record in page.records)
        if page.complete:
            await app.desk(notes.missing, app.ledger, name, met, began)
    tally.counts["records"] += len(met)
    return since is None


async def _note(app: App, listening: notes.Listening, page: Page, asked: int, tally: Tally) -> int:
    """Note one page; answers the ticket of when that was done."""
    noted = await app.desk(
        notes.note, app.ledger, listening, page.records, asked, cursor=page.cursor
    )
    tally.counts["changed"] += noted.changed
    if noted.opened:
        log.info("incident.opened", system=listening.member.name, count=noted.opened)
    for record, incident in noted.duplicates:
        log.warning(
            "record.duplicate", system=listening.member.name, record=record, incident=incident
        )
    return noted.ticket


def _listening(app: App, name: str, run: int) -> notes.Listening:
    """Say who is heard, and with what."""
    member = app.member(name)
    return notes.Listening(
        unit=app.unit.name,
        member=member,
        words=app.systems[name].words,
        new_uid=app.new_uid,
        at=app.stamp(),
        run=run,
        fingerprint=app.fingerprints[name],
    )
