"""Census: a cheap count that says whether a listing of changes has missed something.

What is remembered after a whole listing is by how much the service counted more than the ledger:
it also holds what is no record of ours (incidents that another synchroniser owns, copies). As
long as that stays the same, nothing was missed.
"""

from __future__ import annotations

import structlog

from instep.engine.context import App
from instep.ledger import watch

log = structlog.get_logger()


async def differs(app: App, name: str) -> bool:
    """Whether the service counts other records than it did beside what the ledger knows.

    Says nothing while something has just changed: a service counts as late as it lists.
    """
    field = _field(app, name)
    if field is None:
        return False
    settled = await app.ticket() - int(app.member(name).abilities.list_lag * 1_000_000)
    theirs = await app.systems[name].census()
    ours, newest = await app.desk(watch.counted, app.ledger, app.unit.name, name, field)
    if theirs is None or newest > settled:
        return False
    now = {
        word: more
        for word in sorted({*theirs, *ours})
        if (more := theirs.get(word, 0) - ours.get(word, 0))
    }
    before = await app.desk(watch.gap, app.ledger, app.unit.name, name)
    if before is None:
        # The first count since everything was listed.
        await app.desk(watch.keep_gap, app.ledger, app.unit.name, name, now)
        return False
    if now != before:
        log.info("census.differs", system=name, before=dict(before), now=now)
    return now != before


def _field(app: App, name: str) -> str | None:
    """Give the field by whose words the service counts, if it counts and there is one."""
    member = app.member(name)
    counts = (f for f, rule in member.rules.items() if rule.path == member.abilities.census)
    return next(counts, None)
