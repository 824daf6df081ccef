"""Push: what was decided is sent, once, after looking again; and what is unclear is looked up.

Every function answers an ``Outcome`` for the ledger to take in, or ``None`` where nothing is
known yet and the intent stays open.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from instep.core.model import Incident, Intent, Record, Reference, Written
from instep.core.observe import Heard, hear
from instep.core.operation import carried
from instep.engine.context import App
from instep.errors import Gone, Rejected, SideError
from instep.ledger import links
from instep.ledger.journal import Outcome, Result

log = structlog.get_logger()


async def push(app: App, incident: Incident, intent: Intent, asked: int) -> Outcome | None:
    """Send one intent; ``asked`` is a ticket from before.

    Raises:
        SideError: the system cannot be used; the intent stays open if it may have been carried
            out, and is concluded as dropped by ``stopped`` if it certainly was not.
    """
    if app.now() >= intent.expires:
        # Somebody else may have looked for it by now and found nothing.
        return _end(intent, Result.DROPPED, "expired before it was sent")
    try:
        ways = {"create": _create, "delete": _delete}
        return await ways.get(intent.kind, _update)(app, incident, intent, asked)
    except Rejected as error:
        return _end(intent, Result.REFUSED, error.told)
    except Gone as error:
        if intent.kind == "create":
            # It was made, or it was not: that is looked up by its mark.
            return None
        # It went away between the look and the write.
        went = Result.DELETED if intent.kind == "delete" else Result.GONE
        return _end(intent, went, error.message)


async def _create(app: App, _: Incident, intent: Intent, asked: int) -> Outcome:
    """Make the record; one request that writes, never repeated."""
    written = await app.systems[intent.system].create(
        carried(intent.sent, intent.extra), intent.mark
    )
    return _written(app, intent, written, asked)


async def _update(app: App, incident: Incident, intent: Intent, asked: int) -> Outcome:
    """Look at the record once more, and change it if it still says what the plan assumed."""
    system, reference = app.systems[intent.system], incident.side(intent.system).reference
    record = await _still(app, incident, intent.system, reference)
    if record is None:
        return _end(intent, Result.GONE, "the service has no such record")
    heard = _heard(app, intent.system, record, asked)
    moved = [n for n, sent in intent.sent.items() if heard.says.get(n) != sent.assumed]
    if moved:
        return _concluded(
            app, intent, record, asked, Result.STALE, reason=f"{', '.join(moved)} moved"
        )
    written = await system.update(record, carried(intent.sent, intent.extra))
    return _written(app, intent, written, asked)


async def _delete(app: App, incident: Incident, intent: Intent, asked: int) -> Outcome:
    """Look at the record once more, and delete it if it still says what it did."""
    side = incident.side(intent.system)
    record = await _still(app, incident, intent.system, side.reference)
    if record is None:
        return _end(intent, Result.DELETED, "the service has no such record")
    heard = _heard(app, intent.system, record, asked)
    if heard.says != side.says:
        # Somebody goes on with it.
        return _concluded(app, intent, record, asked, Result.STALE, reason="it was edited")
    await app.systems[intent.system].delete(record.id)
    return _end(intent, Result.DELETED, "")


async def _still(
    app: App, incident: Incident, name: str, reference: Reference | None
) -> Record | None:
    """Read a side's record directly; ``None`` if it is gone or its id means another by now."""
    known = reference or Reference("", "")
    try:
        record = await app.systems[name].read(known.id)
    except Gone:
        return None
    other = record.birth != known.birth
    if other or (record.mark is not None and record.mark.uid != incident.uid):
        return None
    return record


async def look(app: App, incident: Incident, name: str, asked: int) -> Outcome:
    """Read a side in doubt directly: it is gone only when the service says so."""
    record = await _still(app, incident, name, incident.side(name).reference)
    if record is None:
        log.warning("record.gone", system=name, incident=incident.id)
        return Outcome(incident.id, name, Result.GONE)
    heard = _heard(app, name, record, asked)
    digest = app.fingerprints[name] + record.digest
    return Outcome(incident.id, name, Result.STALE, heard=heard, digest=digest)


async def recover(app: App, incident: Incident, intent: Intent, asked: int) -> Outcome | None:
    """Find out what became of an open intent; a create is looked up, never repeated."""
    side = incident.side(intent.system)
    if intent.kind == "create" and not side.live:
        return await _recover_create(app, intent, asked, side.reference)
    record = await _still(app, incident, intent.system, side.reference)
    if intent.kind == "delete":
        return _recover_delete(app, intent, there=record is not None)
    if record is None:
        return _end(intent, Result.GONE, "the service has no such record")
    log.info("intent.recovered", system=intent.system, incident=incident.id, kind=intent.kind)
    return _concluded(app, intent, record, asked, Result.RECOVERED, reason="found after a stop")


def _recover_delete(app: App, intent: Intent, *, there: bool) -> Outcome | None:
    """Say whether a record was deleted; one that is there still may be, until that is too late."""
    if not there:
        return _end(intent, Result.DELETED, "found after a stop")
    if app.now() < intent.expires + app.member(intent.system).abilities.deadline:
        return None
    return _end(intent, Result.DROPPED, "never arrived")


async def _recover_create(
    app: App, intent: Intent, asked: int, gone: Reference | None
) -> Outcome | None:
    """Look for the record by its mark; give up only when it can no longer turn up.

    The one that is ``gone`` and was to be made anew is not it, though a look-up may lag.
    """
    found = [
        record
        for record in await app.systems[intent.system].find(intent.mark)
        if gone is None or (record.id, record.birth) != (gone.id, gone.birth)
    ]
    ids = [record.id for record in found]
    others = await app.desk(links.elsewhere, app.ledger, intent.system, ids, intent.incident)
    if found := [record for record in found if record.id not in others]:
        record = min(found, key=lambda r: (r.opened, r.id))
        log.info("intent.recovered", system=intent.system, incident=intent.incident, kind="create")
        return _concluded(app, intent, record, asked, Result.RECOVERED, reason="found by its mark")
    abilities = app.member(intent.system).abilities
    if app.now() < intent.expires + abilities.deadline + abilities.find_lag:
        return None
    log.info("intent.dropped", system=intent.system, incident=intent.incident)
    return _end(intent, Result.DROPPED, "never arrived")


def stopped(intent: Intent, error: SideError) -> Outcome | None:
    """Say what a failing system leaves of an intent: open if it is unclear, else dropped."""
    return None if error.unclear else _end(intent, Result.DROPPED, error.message)


def _end(intent: Intent, result: Result, reason: str) -> Outcome:
    """Conclude an intent without a record."""
    return Outcome(intent.incident, intent.system, result, intent, reason=reason)


def _heard(app: App, name: str, record: Record, asked: int) -> Heard:
    """Read a record through its rules."""
    return hear(app.member(name), record, app.systems[name].words(record), asked, app.stamp())


def _written(app: App, intent: Intent, written: Written, asked: int) -> Outcome:
    """Conclude an intent that the service confirmed."""
    outcome = _concluded(app, intent, written.record, asked, Result.WRITTEN)
    return replace(outcome, echo=written.echo, undone=written.undone)


def _concluded(
    app: App, intent: Intent, record: Record, asked: int, result: Result, reason: str = ""
) -> Outcome:
    """Conclude an intent with the record as it was read back."""
    return Outcome(
        incident=intent.incident,
        system=intent.system,
        result=result,
        intent=intent,
        heard=_heard(app, intent.system, record, asked),
        digest=app.fingerprints[intent.system] + record.digest,
        reason=reason,
    )
