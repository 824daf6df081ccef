"""Rehearse: what every system would be sent for one record, without asking any.

The record is taken in as if it was heard for the first time, merged and planned. For an edit of
it, all that was planned before is carried out first, as the abilities say that the services would,
so that the answer is what the edit alone brings about. Limits do not count here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from instep.core import tell
from instep.core.fields import Kind
from instep.core.merge import merge
from instep.core.model import NOTHING, Incident, Intent, Mark, Record, Word, Words
from instep.core.observe import conclude, hear, observe
from instep.core.operation import Held, Operation, carried
from instep.core.plan import Settled, agrees, settle
from instep.core.unit import Member, Unit

#: When all of a rehearsal happens, where its record does not say: the made-up ones are of then.
TIME = "2026-01-01T00:00:00Z"
#: Rounds after which systems that never come to rest are left as they are.
ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What one system would be sent: writes, or what holds them, or why there are none."""

    operations: tuple[Operation, ...] = ()
    held: tuple[Held, ...] = ()
    why: str = ""

    @property
    def words(self) -> Words:
        """Every own word that it is sent, by path: what completes a create counts with it."""
        sent: dict[str, Word] = {}
        for operation in self.operations:
            sent |= carried(operation.sent, operation.extra)
        return sent


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How the incident stands once it is merged, and the answer of each system."""

    incident: Incident
    answers: Mapping[str, Answer]


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where a rehearsal stands: the incident, and what each record says, by path."""

    unit: Unit
    incident: Incident
    records: Mapping[str, Words] = field(default_factory=dict)
    ticket: int = 0


def made_up(system: str) -> Record:
    """Make the reference of a record that is nowhere."""
    url = f"https://{system}.example/1"
    return Record("1", TIME, "", None, display=f"{system}-1", url=url, opened=TIME)


def rehearse(
    unit: Unit,
    system: str,
    words: Words,
    *,
    edited: Words = NOTHING,
    record: Record | None = None,
) -> Rehearsal:
    """Say what every system would be sent for a record of one of them.

    Args:
        unit: the systems, with what they can do.
        system: the one that has the record.
        words: what the record says, in its own words by path.
        edited: what somebody then changes in it; the answer is what that alone brings about.
        record: the record itself; a made-up one if it is nowhere.
    """
    fresh = Incident(1, "rehearsed", system)
    stage = _heard(_Stage(unit, fresh), system, words, record or made_up(system))
    if edited:
        stage = _rested(stage)
        words = {**stage.records[system], **edited}
        stage = _heard(stage, system, words, record or made_up(system))
    settled = settle(unit, stage.incident, merge(unit, stage.incident))
    answers = {name: _answer(member, settled) for name, member in unit.members.items()}
    return Rehearsal(settled.incident, answers)


def _heard(stage: _Stage, system: str, words: Words, record: Record) -> _Stage:
    """Take in what a record says."""
    ticket, member = stage.ticket + 1, stage.unit.members[system]
    heard = hear(member, record, words, ticket, TIME, first=True)
    side, _ = observe(stage.incident.side(system), heard, ticket)
    incident = replace(stage.incident, sides={**stage.incident.sides, system: side})
    return replace(
        stage, incident=incident, records={**stage.records, system: words}, ticket=ticket
    )


def _rested(stage: _Stage) -> _Stage:
    """Carry out what is planned until nothing is."""
    for _ in range(ROUNDS):
        settled = settle(stage.unit, stage.incident, merge(stage.unit, stage.incident))
        stage = replace(stage, incident=settled.incident)
        now = [operation for operation in settled.operations if not operation.announced]
        if not now:
            break
        for operation in now:
            stage = _carried_out(stage, operation)
    return stage


def _carried_out(stage: _Stage, operation: Operation) -> _Stage:
    """Carry out one write, and take in the record that comes of it."""
    ticket, name = stage.ticket + 1, operation.system
    member = stage.unit.members[name]
    words = _after(member, operation, stage.records.get(name, NOTHING))
    heard = hear(member, made_up(name), words, ticket, TIME)
    if known := stage.incident.side(name).reference:
        heard = replace(heard, reference=known)
    intent = Intent(
        id=ticket,
        incident=stage.incident.id,
        system=name,
        kind=operation.kind,
        sent=operation.sent,
        mark=operation.mark or Mark(name, "", stage.incident.uid),
        expires=0.0,
        extra=operation.extra,
    )
    side = conclude(member, stage.incident, intent, heard, NOTHING, confirmed=True, seen=ticket)
    incident = replace(stage.incident, sides={**stage.incident.sides, name: side})
    return replace(stage, incident=incident, records={**stage.records, name: words}, ticket=ticket)


def _after(member: Member, operation: Operation, before: Words) -> Words:
    """Give what a record says after a write, by path: what its service adds and drops, too."""
    able, wrote = member.abilities, carried(operation.sent, operation.extra)
    after: dict[str, Word] = {**before, **wrote}
    if operation.kind == "create":
        stamped = {path: _now(member, path) for path in able.stamps - wrote.keys()}
        after |= {**able.born, **stamped}
    for path, needs in able.only_while.items():
        if after.get(needs.path) not in needs.words:
            after[path] = None
        elif after.get(path) is None and able.moves.get(path, frozenset()) & wrote.keys():
            # It came with the state: the service has set it.
            after[path] = _now(member, path)
    return after


def _now(member: Member, path: str) -> Word:
    """Spell the time of the rehearsal for a place that holds one."""
    rules = [rule for rule in member.rules.values() if rule.path == path]
    return next((rule.put(TIME) for rule in rules if rule.field.kind is Kind.INSTANT), None)


def _answer(member: Member, settled: Settled) -> Answer:
    """Say what one system is sent."""
    operations = tuple(op for op in settled.operations if op.system == member.name)
    held = tuple(h for h in settled.held if h.operation.system == member.name)
    return Answer(operations, held, "" if operations or held else _quiet(member, settled))


def _quiet(member: Member, settled: Settled) -> str:
    """Say why a system is sent nothing."""
    incident = settled.incident
    if not incident.side(member.name).live:
        asked = tell.conditions(member, incident)
        return "only if " + next(said for said, holds in asked if not holds)
    return "; ".join(_left(member, incident)) or "it says what was agreed"


def _left(member: Member, incident: Incident) -> list[str]:
    """Say for each field that differs in a record why it is left so."""
    side, found = incident.side(member.name), []
    for name, rule in member.rules.items():
        value, told = rule.wants(incident), name in incident.base or rule.is_made
        if told and not agrees(member, side, name, value):
            found.append(f"{name}: {tell.unsent(member, name, value, side.says)}")
    return found
