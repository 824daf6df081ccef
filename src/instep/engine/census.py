"""Census: a cheap count that says whether a listing of changes has missed something.

What the first count after a whole listing finds is remembered: by how much the service counts
more than the ledger, since it also holds what is no record of ours (incidents that another
synchroniser owns, copies). As long as that stays the same, nothing is looked for; where those
change, everything is listed once for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import structlog

from instep.core.rules import Rule
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
    counted = _read(app.member(name).rules[field], theirs)
    now = {
        word: more
        for word in sorted({*counted, *ours})
        if (more := counted[word] - ours.get(word, 0))
    }
    before = await app.desk(watch.gap, app.ledger, app.unit.name, name)
    if before is None:
        # The first count since everything was listed.
        await app.desk(watch.keep_gap, app.ledger, app.unit.name, name, now)
        return False
    if now != before:
        log.info("census.differs", system=name, before=dict(before), now=now)
    return now != before


def _read(rule: Rule, theirs: Mapping[str, int]) -> Counter[str]:
    """Read the words of a count as a record's are read: some may mean that nothing is said."""
    counted: Counter[str] = Counter()
    for word, count in theirs.items():
        counted[str(rule.own(word) or "")] += count
    return counted


def _field(app: App, name: str) -> str | None:
    """Give the field by whose words the service counts, if it counts and there is one."""
    member = app.member(name)
    counts = (f for f, rule in member.rules.items() if rule.path == member.abilities.census)
    return next(counts, None)
