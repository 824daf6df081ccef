"""What waits: kept with its reason, the time since which it waits, and what a person said of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, false, insert, or_, select, update

from instep.core.guard import Key, Waiting
from instep.core.operation import QUARANTINE, Held, Why
from instep.ledger.tables import held

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from instep.ledger.database import Ledger

#: What is tried again as long as it is refused, and then no more.
REFUSALS = (Why.REFUSED, Why.DEAD)


def waiting(db: Connection, ids: Collection[int]) -> dict[Key, Waiting]:
    """Give what is held of these incidents, by incident, system and kind."""
    rows = db.execute(select(held).where(held.c.incident.in_(ids), held.c.why.not_in(QUARANTINE)))
    return {(row.incident, row.system, row.kind): _waiting(row) for row in rows}


def _waiting(row: Any) -> Waiting:
    """Make what the guard goes by of a row."""
    return Waiting(
        why=Why(row.why),
        checksum=row.checksum,
        reason=row.reason,
        approved=row.approved,
        tries=row.tries,
        again=row.again,
        fields=row.fields,
    )


def keep_held(
    db: Connection,
    now: Mapping[int, Collection[Held]],
    run: int,
    at: str,
    *,
    tried: Collection[Key] = (),
    away: Collection[str] = (),
) -> None:
    """Make what is held of each incident be exactly this; what stays held keeps its age.

    Of what is ``tried``, refusals before are remembered, and a person's word until it is done;
    so is what is held of systems that are ``away``.
    """
    before = waiting(db, list(now))
    wanted: dict[Key, Held] = {h.key: h for several in now.values() for h in several}
    again = {k for k in tried if k in before and (before[k].why in REFUSALS or before[k].approved)}
    spared = (key for key in before if key in wanted or key in again or key[1] in away)
    forget(db, before.keys() - set(spared))
    _put(db, before, wanted.values(), run, at)


def add_held(db: Connection, added: Sequence[Held], run: int, at: str) -> None:
    """Hold more, beside what is held already."""
    if added:
        before = waiting(db, [h.operation.incident for h in added])
        _put(db, before, added, run, at)


def _put(
    db: Connection, before: Mapping[Key, Waiting], wanted: Iterable[Held], run: int, at: str
) -> None:
    """Write what is new or different; what a person approved counts for the same words only."""
    changed = [h for h in wanted if not _same(before.get(h.key), h)]
    since = _since(db, [h.key for h in changed if h.key in before])
    forget(db, [h.key for h in changed])
    if changed:
        words = {h.key: before[h.key] for h in changed if h.key in before}
        rows = [_row(h, run, since.get(h.key, at)) | _word(words.get(h.key), h) for h in changed]
        db.execute(insert(held), rows)


def _word(before: Waiting | None, now: Held) -> dict[str, str]:
    """Keep a person's word for what is held under other circumstances."""
    same = before is not None and before.approved == now.operation.checksum
    return {"approved": now.operation.checksum if same else ""}


def _same(before: Waiting | None, now: Held) -> bool:
    """Whether a row says already what is held."""
    name, about = now.operation.checksum, (now.why, now.reason, now.tries, now.again)
    return (
        before is not None
        and (before.checksum, before.why, before.reason)
        == (
            name,
            *about[:2],
        )
        and (before.tries, before.again) == about[2:]
    )


def forget(db: Connection, keys: Collection[Key]) -> None:
    """Hold operations no more."""
    for incident, system, kind in keys:
        db.execute(
            delete(held).where(
                held.c.incident == incident, held.c.system == system, held.c.kind == kind
            )
        )


def approve(ledger: Ledger, names: Mapping[Key, str]) -> int:
    """Let held operations through, once, as far as they are still those of these checksums.

    Answers how many are.
    """
    with ledger.begin() as db:
        return sum(
            db.execute(
                update(held).where(_at(key), held.c.checksum == checksum).values(approved=checksum)
            ).rowcount
            for key, checksum in names.items()
        )


def calm(db: Connection, ids: Collection[int]) -> None:
    """Hold nothing more of incidents that are at rest."""
    if ids:
        db.execute(delete(held).where(held.c.incident.in_(ids), held.c.why.not_in(QUARANTINE)))


def again(db: Connection, keys: Collection[Key] | None = None) -> None:
    """Try what was refused (all of it, unless keys are given) as if for the first time."""
    fresh = {"why": str(Why.REFUSED), "tries": 0, "again": 0.0}
    which = [] if keys is None else [or_(false(), *(_at(key) for key in keys))]
    db.execute(update(held).where(held.c.why.in_(REFUSALS), *which).values(fresh))


def _at(key: Key) -> Any:
    """Name the row of a key."""
    return and_(held.c.incident == key[0], held.c.system == key[1], held.c.kind == key[2])


def quarantine(
    db: Connection, system: str, found: Sequence[tuple[str, int, Why, str]], run: int, at: str
) -> None:
    """Hold records whose keys are not to be trusted: (record, incident, why, reason)."""
    let_go(db, system, [record for record, *_ in found])
    rows = [
        {
            "incident": incident,
            "system": system,
            "kind": f"{why} {record}",
            "why": str(why),
            "reason": reason,
            "checksum": record,
            "fields": {},
            "since": at,
            "run": run,
        }
        for record, incident, why, reason in found
    ]
    if rows:
        db.execute(insert(held), rows)


def let_go(db: Connection, system: str, records: Collection[str]) -> None:
    """Keep these records out no more: they are gone, or records in their own right."""
    if records:
        db.execute(
            delete(held).where(
                held.c.system == system,
                held.c.why.in_(QUARANTINE),
                held.c.checksum.in_(records),
            )
        )


def quarantined(db: Connection, system: str) -> list[str]:
    """List the records of a system that are kept out."""
    return list(
        db.scalars(
            select(held.c.checksum).where(held.c.system == system, held.c.why.in_(QUARANTINE))
        )
    )


def _since(db: Connection, keys: Collection[Key]) -> dict[Key, str]:
    """Give since when operations are held."""
    if not keys:
        return {}
    rows = db.execute(select(held).where(held.c.incident.in_([key[0] for key in keys])))
    return {(row.incident, row.system, row.kind): row.since for row in rows}


def _row(item: Held, run: int, since: str) -> dict[str, Any]:
    """Make the row of something held."""
    incident, system, kind = item.key
    return {
        "incident": incident,
        "system": system,
        "kind": kind,
        "why": str(item.why),
        "reason": item.reason,
        "checksum": item.operation.checksum,
        "fields": {name: sent.value for name, sent in item.operation.sent.items()},
        "since": since,
        "run": run,
        "tries": item.tries,
        "again": item.again,
    }
