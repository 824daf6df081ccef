"""Decided before sent, concluded after: the two commits around every write.

``decide`` keeps base, attic, consumed shadows and the intents of all that follows in one commit.
``conclude`` takes in what came of the intents, and computes from the row whether the incident is
still due.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from instep.core.merge import merge
from instep.core.model import Incident, Intent, Side, Words
from instep.core.observe import Heard, conclude, lost, observe
from instep.core.operation import Held, Operation, Why
from instep.core.plan import Settled, at_rest, forget, settle
from instep.core.retry import refused
from instep.core.unit import Unit
from instep.ledger.held import add_held, calm, keep_held, waiting
from instep.ledger.held import forget as forget_held
from instep.ledger.store import load, put_digests, reread, save, sent_row
from instep.ledger.syncs import heard_from, wrote_to
from instep.ledger.tables import conflicts, incidents, intents, journal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from instep.ledger.database import Ledger


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided for one incident: the row it was decided on, and what may be sent now.

    What is ``left`` is neither sent nor held: it is planned again in the next cycle.
    """

    before: Incident
    settled: Settled
    passed: tuple[Operation, ...] = ()
    held: tuple[Held, ...] = ()
    left: tuple[Operation, ...] = ()


class Result(StrEnum):
    """What came of an intent."""

    WRITTEN = "written"
    RECOVERED = "recovered"
    STALE = "stale"
    GONE = "gone"
    REFUSED = "refused"
    DROPPED = "dropped"
    DELETED = "deleted"


#: After these nothing is left of an earlier refusal, or of a person's word.
DONE = (Result.WRITTEN, Result.GONE, Result.DELETED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an intent, or of a direct read of a side in doubt (no intent).

    ``heard`` is what the record said in the end, ``digest`` names its raw bytes; ``echo`` and
    ``undone`` are those of what was ``Written``.
    """

    incident: int
    system: str
    result: Result
    intent: Intent | None = None
    heard: Heard | None = None
    digest: str = ""
    echo: Words = field(default_factory=dict)
    undone: frozenset[str] = frozenset()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Under which run and when something is written down; intents expire at ``expires``."""

    run: int
    at: str
    expires: float = 0.0


def decide(
    ledger: Ledger, decisions: Sequence[Decision], stamp: Stamp, away: Collection[str] = ()
) -> list[Intent]:
    """Commit decisions; answers the intents to push.

    Systems that are ``away`` were not planned for: what is held of them stays held.
    An incident whose version moved since it was loaded is left as it is: it stays due.
    """
    with ledger.begin() as db:
        current = _versions(db, [d.before.id for d in decisions])
        sound = [d for d in decisions if current.get(d.before.id) == d.before.version]
        save(
            db, [(d.before, d.settled.incident, not at_rest(d.settled)) for d in sound if _moves(d)]
        )
        keep_losers(db, sound, stamp)
        tried = {op.key for d in sound for op in (*d.passed, *d.left)}
        tried |= {_key(intent) for d in sound for intent in d.before.intents}
        held = {d.before.id: d.held for d in sound}
        keep_held(db, held, stamp.run, stamp.at, tried=tried, away=away)
        heard_from(db, sound, stamp.run, stamp.at)
        return _open_intents(db, sound, stamp)


def _moves(decision: Decision) -> bool:
    """Whether anything of the incident's row changes: what is only held costs no write."""
    return (
        decision.settled.incident != decision.before
        or bool(decision.passed)
        or at_rest(decision.settled)
    )


def _versions(db: Connection, ids: Sequence[int]) -> dict[int, int]:
    """Give the incidents' versions, locking their rows in id order where the database can."""
    rows = db.execute(
        select(incidents.c.id, incidents.c.version)
        .where(incidents.c.id.in_(ids))
        .order_by(incidents.c.id)
        .with_for_update()
    )
    return {row.id: row.version for row in rows}


def keep_losers(db: Connection, decisions: Sequence[Decision], stamp: Stamp) -> None:
    """Put the losing values of conflicts into the attic."""
    rows = [
        {
            "incident": decision.before.id,
            "field": name,
            "value": loser.value,
            "origins": loser.origins,
            "said_at": loser.at,
            "cause": f"decided for {', '.join(outcome.base.origins) if outcome.base else 'base'}",
            "run": stamp.run,
            "decided_at": stamp.at,
        }
        for decision in decisions
        for name, outcome in decision.settled.merged.items()
        for loser in outcome.losers
    ]
    if rows:
        db.execute(insert(conflicts), rows)


def _open_intents(db: Connection, decisions: Sequence[Decision], stamp: Stamp) -> list[Intent]:
    """Write the intents down, to be sent once this is committed."""
    planned = [op for d in decisions for op in d.passed if not op.announced]
    uids = {d.before.id: d.before for d in decisions}
    rows: list[dict[str, Any]] = [
        {
            "incident": op.incident,
            "system": op.system,
            "kind": op.kind,
            "sent": {name: sent_row(sent) for name, sent in op.sent.items()},
            "mark": asdict(op.mark) if op.mark else _unmarked(uids[op.incident]),
            "extra": op.extra,
            "cause": op.reason,
            "expires": stamp.expires,
            "run": stamp.run,
            "written_at": stamp.at,
        }
        for op in planned
    ]
    if not rows:
        return []
    ids = db.execute(
        insert(intents).returning(intents.c.id, sort_by_parameter_order=True), rows
    ).scalars()
    numbers = set(ids)
    loaded = load(db, {op.incident for op in planned})
    return [intent for incident in loaded for intent in incident.intents if intent.id in numbers]


def _unmarked(incident: Incident) -> dict[str, str]:
    """Name the incident where a record that exists is written to."""
    return {"origin": incident.origin, "display": "", "uid": incident.uid, "url": ""}


def take_in(ledger: Ledger, unit: Unit, outcomes: Sequence[Outcome], stamp: Stamp) -> None:
    """Commit what came of intents and direct reads, and compute what is still due."""
    with ledger.begin() as db:
        seen = ledger.tick(db)
        loaded = {i.id: i for i in load(db, {o.incident for o in outcomes})}
        outcomes = [o for o in outcomes if _concerns(loaded.get(o.incident), o)]
        current = dict(loaded)
        for outcome in outcomes:
            before = current[outcome.incident]
            if outcome.heard is not None:
                side = before.side(outcome.system)
                side = reread(db, side, outcome.heard, outcome.digest)
                before = replace(before, sides={**before.sides, side.system: side})
            current[outcome.incident] = _apply(unit, before, outcome, seen, stamp.at)
        _close_intents(db, outcomes)
        due = {i: is_due(unit, after) for i, after in current.items()}
        save(db, [(loaded[i], after, due[i]) for i, after in current.items()])
        _keep_digests(db, unit, outcomes, current)
        _keep_journal(db, outcomes, stamp)
        wrote_to(db, outcomes, stamp.run, stamp.at)
        forget_held(db, [_key(o.intent) for o in outcomes if o.intent and o.result in DONE])
        calm(db, [number for number, still in due.items() if not still])
        keep_refused(db, ledger, [o for o in outcomes if o.result is Result.REFUSED], stamp)


def _concerns(row: Incident | None, outcome: Outcome) -> bool:
    """Whether what was read is still of that incident: a person may have moved the record."""
    if row is None or outcome.intent is not None:
        return row is not None
    known, heard = row.side(outcome.system).reference, outcome.heard
    return known is not None and (heard is None or heard.reference.id == known.id)


def _key(intent: Intent) -> tuple[int, str, str]:
    """Name the operation behind an intent."""
    return intent.incident, intent.system, intent.kind


def _apply(unit: Unit, incident: Incident, outcome: Outcome, seen: int, at: str) -> Incident:
    """Apply one outcome to an incident as it stands now."""
    member, side = unit.members[outcome.system], incident.side(outcome.system)
    mine = outcome.intent
    is_open = mine is not None and any(i.id == mine.id for i in incident.intents)
    after: Side = side
    rest = tuple(i for i in incident.intents if mine is None or i.id != mine.id)
    if outcome.result is Result.DELETED:
        return forget(replace(incident, intents=rest), [outcome.system])
    if outcome.result is Result.GONE:
        after = lost(unit, member, side, at)
    elif outcome.heard is not None:
        if mine is not None and is_open and outcome.result in (Result.WRITTEN, Result.RECOVERED):
            after = conclude(
                member,
                incident,
                mine,
                outcome.heard,
                outcome.echo,
                confirmed=outcome.result is Result.WRITTEN,
                seen=seen,
                undone=outcome.undone,
            )
        else:
            after, _ = observe(side, outcome.heard, seen)
    sides = incident.sides if after == side else {**incident.sides, outcome.system: after}
    return replace(incident, sides=sides, intents=rest)


def is_due(unit: Unit, incident: Incident) -> bool:
    """Compute from the row whether the incident is due: a wake-up cannot be lost."""
    settled = settle(unit, incident, merge(unit, incident))
    # What was heard and needs no write still has to be decided: base and shadows move.
    return settled.incident != incident or not at_rest(settled)


def _close_intents(db: Connection, outcomes: Sequence[Outcome]) -> None:
    """Close the intents that came to an end."""
    ids = [o.intent.id for o in outcomes if o.intent is not None]
    if ids:
        db.execute(delete(intents).where(intents.c.id.in_(ids)))


def _keep_digests(
    db: Connection, unit: Unit, outcomes: Sequence[Outcome], current: dict[int, Incident]
) -> None:
    """Remember the raw bytes behind what sides say now, or forget those that no longer hold."""
    for name in unit.members:
        kept: dict[str, str | None] = {}
        for outcome in outcomes:
            side = current[outcome.incident].side(name)
            if outcome.system == name and side.reference is not None:
                sure = outcome.digest and not side.doubt and not side.gone
                kept[side.reference.id] = outcome.digest if sure else None
        put_digests(db, name, kept)


def _keep_journal(db: Connection, outcomes: Sequence[Outcome], stamp: Stamp) -> None:
    """Append every write to the journal: before, after, and why."""
    rows = [
        {
            "at": stamp.at,
            "run": stamp.run,
            "incident": o.incident,
            "system": o.system,
            "kind": o.intent.kind,
            "outcome": str(o.result),
            "record": o.heard.reference.id if o.heard else None,
            "before": {name: sent.assumed for name, sent in o.intent.sent.items()},
            "after": {name: sent.word for name, sent in o.intent.sent.items() if sent.carried},
            "cause": "; ".join(why for why in (o.intent.cause, o.reason) if why),
        }
        for o in outcomes
        if o.intent is not None
    ]
    if rows:
        db.execute(insert(journal), rows)


def unanswered(ledger: Ledger, outcomes: Sequence[Outcome], stamp: Stamp) -> None:
    """Hold for a while what a service that answers others gave no usable answer to."""
    with ledger.begin() as db:
        keep_refused(db, ledger, outcomes, stamp, answered=False)


def keep_refused(
    db: Connection,
    ledger: Ledger,
    outcomes: Sequence[Outcome],
    stamp: Stamp,
    *,
    answered: bool = True,
) -> None:
    """Hold what a service did not take until it is tried again, later each time."""
    before = waiting(db, {o.incident for o in outcomes})
    rows = []
    for outcome in outcomes:
        held = _refused(outcome)
        known = before.get(held.key)
        same = known is not None and known.checksum == held.operation.checksum
        rows.append(
            refused(held, known.tries if known and same else 0, ledger.now(), answered=answered)
        )
    add_held(db, rows, stamp.run, stamp.at)


def _refused(outcome: Outcome) -> Held:
    """Make what is held of an outcome: the very words that the service did not take."""
    intent = outcome.intent
    if intent is None:
        raise ValueError("only an intent can be refused")
    operation = Operation(
        kind=intent.kind,
        system=intent.system,
        incident=intent.incident,
        sent=intent.sent,
        reason=outcome.reason,
        extra=intent.extra,
    )
    return Held(operation, Why.REFUSED, outcome.reason)
