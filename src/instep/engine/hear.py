"""Hear: poll one system, link its records, note what they say.

Pages become notes in the ledger and nothing else: whoever settles meets them there.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog

from instep.core.fields import stamp
from instep.engine import census
from instep.engine.context import App
from instep.engine.report import Report, Tally
from instep.errors import Denied, RecordError, SideError
from instep.ledger import notes, runs, watch
from instep.systems.base import Page

log = structlog.get_logger()


async def hear_all(app: App, report: Report, *, sweep: bool = False) -> None:
    """Hear every system at once; one that cannot be heard costs only itself.

    After ``app.patience`` the cycle goes on without those that are still being heard: they are
    heard to the end meanwhile, and a later cycle tells of it and settles what they said. A first
    run waits for all, since a mistake in the set-up shows there.
    """
    fresh = [name for name in app.systems if name not in app.hearing]
    for name in fresh:
        tally = report.systems[name]
        task = asyncio.create_task(hear(app, name, tally, report.run, sweep=sweep))
        app.hearing[name] = task, tally
    patience = None if report.mode == "initial" else app.patience
    try:
        if fresh:
            await asyncio.wait({app.hearing[name][0] for name in fresh}, timeout=patience)
        for name in list(app.hearing):
            _collect(app, name, report)
    except BaseException:
        await app.hush()
        raise


def _collect(app: App, name: str, report: Report) -> None:
    """Take in how hearing a system ended, be it one that began in an earlier cycle."""
    task, tally = app.hearing[name]
    if not task.done():
        # Its own tally is still being counted.
        report.systems[name] = Tally(heard=False)
        leave_out(app, name, report.systems[name], "it is still being heard")
        return
    del app.hearing[name]
    task.result()
    report.systems[name] = tally
    if tally.why:
        app.away[name] = tally.why


async def hear(app: App, name: str, tally: Tally, run: int, *, sweep: bool = False) -> None:
    """Hear one system: what changed since last time, or everything when a sweep is owed."""
    began = app.now()
    try:
        async with asyncio.timeout(app.hear_within):
            swept = await _listen(app, name, tally, run, sweep=sweep)
    except (SideError, RecordError, TimeoutError) as error:
        why = str(error) or f"hearing it took more than {app.hear_within:.0f} s"
        tally.heard, tally.denied = False, isinstance(error, Denied)
        leave_out(app, name, tally, why)
        await app.desk(
            runs.heard, app.ledger, app.unit.name, name, at=app.now(), swept=False, error=why
        )
    else:
        # What is made while it is heard is heard next time.
        await app.desk(runs.heard, app.ledger, app.unit.name, name, at=began, swept=swept)


def leave_out(app: App, name: str, tally: Tally, why: str) -> None:
    """Leave a system out for the rest of this cycle, and say so once."""
    if name not in app.away:
        log.warning("system.unheard", system=name, why=why)
    app.away[name] = tally.why = why


async def _listen(app: App, name: str, tally: Tally, run: int, *, sweep: bool) -> bool:
    """Note what changed, or everything where that is owed; answers whether it was everything."""
    known = await app.desk(runs.cursor, app.ledger, app.unit.name, name)
    owed = sweep or not 0 <= app.now() - known.swept_at < app.full_sweep_every
    since = None if owed else _since(app, name, known)
    met = await _walk(app, name, tally, run, since)
    if since is not None and await census.differs(app, name):
        since = None
        met |= await _walk(app, name, tally, run, since)
    tally.counts["records"] += len(met)
    if since is None and app.member(name).abilities.census:
        await app.desk(watch.keep_gap, app.ledger, app.unit.name, name, None)
    return since is None


def _since(app: App, name: str, known: runs.Cursor) -> str | None:
    """Say from where on a system is listed; ``None`` is from the beginning."""
    abilities = app.member(name).abilities
    if abilities.hints:
        # Behind by its lag, a whole listing does not show what was made just before it.
        return stamp(datetime.fromtimestamp(known.swept_at - abilities.list_lag, UTC))
    return known.cursor if abilities.filters_by_time else None


async def _walk(app: App, name: str, tally: Tally, run: int, since: str | None) -> set[str]:
    """Note every page of one listing; answers the ids of the records that it showed."""
    abilities, listening = app.member(name).abilities, _listening(app, name, run)
    lag = int(abilities.list_lag * 1_000_000)
    watched = await _watched(app, name) if abilities.hints and since is not None else []
    met: set[str] = set()
    began = asked = await app.ticket() - lag
    async for page in app.systems[name].changes(since, watched):
        # The next page is asked for only after this one is noted.
        asked = await _note(app, listening, page, asked, tally) - lag
        met.update(record.id for record in page.records)
        if page.complete:
            await app.desk(notes.missing, app.ledger, name, met, began)
    return met


async def _watched(app: App, name: str) -> list[str]:
    """Name the records that are looked at in every cycle: those of open incidents."""
    return await app.desk(watch.open_records, app.ledger, app.unit.name, name, app.unit.closes)


async def _note(app: App, listening: notes.Listening, page: Page, asked: int, tally: Tally) -> int:
    """Note one page; answers the ticket of when that was done."""
    # Only a listing of all that changed can be taken up again where it was left.
    cursor = page.cursor if listening.member.abilities.filters_by_time else None
    noted = await app.desk(notes.note, app.ledger, listening, page.records, asked, cursor=cursor)
    tally.counts["changed"] += noted.changed
    tally.stirred |= noted.stirred
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
        systems=app.unit.members.keys(),
    )
