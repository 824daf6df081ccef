"""Plan: what has to be written so that every side says what was agreed.

The functions here take an incident *after* its merge was applied (``settled``), and say which
operations are still missing. At rest the list is empty, whoever asks and however often.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from instep.core.fields import Kind
from instep.core.merge import Merged
from instep.core.model import NOTHING, Base, Incident, Mark, Reference, Sent, Side, Word, Words
from instep.core.unit import Member, Unit


@dataclass(frozen=True, slots=True)
class Operation:
    """One write: a create, an update, or a close (an update that ends the incident there).

    ``record`` is the display id of the record written to, ``None`` where it is yet to be made.
    ``follows`` marks an update that completes a create of the same run, for what a create cannot
    carry: it is part of that create, and planned anew once the record is there.
    """

    kind: str
    system: str
    incident: int
    sent: Mapping[str, Sent]
    reason: str
    record: str | None = None
    mark: Mark | None = None
    extra: Words = field(default_factory=dict)
    follows: bool = False

    @property
    def announced(self) -> bool:
        """Whether it is only announced: the record that it completes is yet to be made."""
        return self.follows and self.record is None

    @property
    def key(self) -> tuple[int, str, str]:
        """Name the operation across cycles: incident, system, kind."""
        return (self.incident, self.system, self.kind)

    @property
    def checksum(self) -> str:
        """Name what would be sent: the same words to the same place."""
        words = {name: [s.path, s.word] for name, s in self.sent.items()}
        text = json.dumps([self.key, words, dict(self.extra)], sort_keys=True, default=list)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class Why(StrEnum):
    """What an operation is held for."""

    LIMIT = "limit"
    REFUSED = "refused"
    LACKING = "lacking"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Held:
    """An operation that waits for a person, and why."""

    operation: Operation
    why: Why
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a cycle would write, what it would hold, and which fields wait for a decision."""

    operations: tuple[Operation, ...] = ()
    held: tuple[Held, ...] = ()
    waiting: tuple[tuple[int, str], ...] = ()

    @property
    def checksum(self) -> str:
        """Name the plan: two plans with one checksum write the same."""
        text = " ".join(op.checksum for op in self.operations)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Settled:
    """An incident with its merge applied, and what is planned for it."""

    incident: Incident
    merged: Mapping[str, Merged] = field(default_factory=dict)
    operations: tuple[Operation, ...] = ()
    held: tuple[Held, ...] = ()

    @property
    def waiting(self) -> tuple[str, ...]:
        """Name the fields that wait for a person."""
        return tuple(name for name, merged in self.merged.items() if merged.waiting)


def settle(unit: Unit, incident: Incident, merged: Mapping[str, Merged]) -> Settled:
    """Apply a merge to an incident and plan what follows from it."""
    after = apply(incident, merged)
    waiting = {name for name, outcome in merged.items() if outcome.waiting}
    operations: list[Operation] = []
    held: list[Held] = []
    for member in unit.members.values():
        for step in _plan_side(unit, member, after, waiting):
            if isinstance(step, Held):
                held.append(step)
            else:
                operations.append(step)
    return Settled(after, merged, tuple(operations), tuple(held))


def apply(incident: Incident, merged: Mapping[str, Merged]) -> Incident:
    """Give the incident as it stands once the merge is decided: base, shadows, agreed values."""
    base: dict[str, Base] = dict(incident.base)
    shadows = {name: dict(side.shadow) for name, side in incident.sides.items()}
    agreed = {name: dict(side.agreed) for name, side in incident.sides.items()}
    for name, outcome in merged.items():
        if outcome.base is not None:
            base[name] = outcome.base
        for system, taken in outcome.taken.items():
            shadows[system][name] = taken.own
            agreed[system][name] = taken.agreed
    sides = {
        name: replace(side, shadow=shadows[name], agreed=agreed[name])
        for name, side in incident.sides.items()
    }
    return replace(incident, base=base, sides=sides)


def at_rest(settled: Settled) -> bool:
    """Whether nothing is left to do for the incident: what makes it due, computed from the row."""
    after = settled.incident
    return not (
        after.intents
        or settled.waiting
        or settled.operations
        or settled.held
        or any(side.doubt and side.live for side in after.sides.values())
    )


def _plan_side(
    unit: Unit, member: Member, incident: Incident, waiting: set[str]
) -> Iterable[Operation | Held]:
    """Plan what one side needs: nothing, a create and what follows it, or an update."""
    side = incident.side(member.name)
    if not member.writable or incident.pending(member.name) is not None:
        return ()
    if side.reference is None:
        return _plan_create(unit, member, incident, waiting)
    if side.gone or side.doubt:
        return ()
    becoming = _becoming(member, incident, waiting)
    sent = {
        name: sent
        for name in member.rules
        if name not in waiting
        and member.holds(name, becoming)
        and (sent := _missing(unit, member, side, incident, name))
    }
    if not sent:
        return ()
    return (_update(unit, member, incident, sent, side.reference.display),)


def _missing(unit: Unit, member: Member, side: Side, incident: Incident, name: str) -> Sent | None:
    """Give what to send for a field that does not agree with base; ``None`` if it does."""
    rule, own, base = member.rules[name], side.says.get(name), incident.base.get(name)
    if base is None or not member.writes(name):
        return None
    if rule.mute(own) or agrees(member, side, name, base.value):
        return None
    word = rule.put(base.value)
    if word is None:
        # Emptying: only where the field's type clears and the service can.
        clears = unit.fields[name].clears and rule.path not in member.abilities.keeps
        if base.value is not None or not clears:
            return None
    return Sent(rule.path, base.value, word, assumed=own)


def agrees(member: Member, side: Side, name: str, value: Word) -> bool:
    """Whether a side agrees with a common value: law 3, all three clauses."""
    own = side.says.get(name)
    if member.rules[name].agrees(own, value):
        return True
    return own == side.shadow.get(name) and side.agreed.get(name) == value


def _becoming(member: Member, incident: Incident, waiting: set[str]) -> Words:
    """Give what the record will say once all that is to be written is, in own words.

    Only the fields that decide whether others can be held are looked at.
    """
    side = incident.side(member.name)
    says = dict(side.says)
    deciding = {needs.path for needs in member.abilities.only_while.values()}
    for name, rule in member.rules.items():
        value = incident.value(name)
        if rule.path not in deciding or value is None or not member.writes(name):
            continue
        kept = name in waiting or rule.mute(says.get(name)) or agrees(member, side, name, value)
        if not kept:
            says[name] = rule.put(value) or says.get(name)
    return says


def _update(
    unit: Unit, member: Member, incident: Incident, sent: Mapping[str, Sent], record: str | None
) -> Operation:
    """Make an update, or a close if it brings a field to a value that closes."""
    closing = any(s.value in unit.closes.get(name, ()) for name, s in sent.items())
    return Operation(
        kind="close" if closing else "update",
        system=member.name,
        incident=incident.id,
        sent=sent,
        reason=_because(incident, sent),
        record=record,
    )


def _because(incident: Incident, names: Iterable[str]) -> str:
    """Say which systems the values come from."""
    told: dict[str, list[str]] = {}
    for name in names:
        base = incident.base.get(name)
        told.setdefault(" and ".join(base.origins) if base else "", []).append(name)
    return "; ".join(
        f"{', '.join(fields)} from {origin}" if origin else f"default {', '.join(fields)}"
        for origin, fields in told.items()
    )


def _plan_create(
    unit: Unit, member: Member, incident: Incident, waiting: set[str]
) -> Iterable[Operation | Held]:
    """Plan a record for a side that should exist and does not."""
    if not _wanted(member, incident):
        return ()
    first = _origin(incident)
    if first is None:
        return ()
    source, origin = first
    sent = _born(unit, member, incident, waiting, origin.opened)
    # The record in which it began, though that be gone: never another system's under its name.
    began = incident.side(incident.origin).reference or Reference("", "")
    mark = Mark(incident.origin, began.display, incident.uid, began.url, began.opened)
    create = Operation(
        kind="create",
        system=member.name,
        incident=incident.id,
        sent=sent,
        reason=f"{source} has {origin.display or origin.id}",
        mark=mark,
        extra=_extra(member, sent),
    )
    if lacks := _lacks(member, create):
        reason = f"{member.name} requires {', '.join(lacks)}, and nothing says it"
        return (Held(create, Why.LACKING, reason),)
    rest = {name: s for name, s in sent.items() if not s.carried and _follows(member, sent, name)}
    if not rest:
        return (create,)
    completing = {name: _complete(member, name, s) for name, s in rest.items()}
    follow = _update(unit, member, incident, completing, None)
    return (create, replace(follow, follows=True, reason="what a create cannot carry"))


def _wanted(member: Member, incident: Incident) -> bool:
    """Whether the configuration gives this system incidents like this one."""
    creation = member.creation
    if creation is None or incident.origin not in creation.origins:
        return False
    return all(incident.value(name) in values for name, values in creation.when.items())


def _origin(incident: Incident) -> tuple[str, Reference] | None:
    """Give the record in which the incident began, or the first one that is left, and whose."""
    sides = [incident.side(incident.origin), *incident.sides.values()]
    live = ((s.system, s.reference) for s in sides if s.reference is not None and not s.gone)
    return next(live, None)


def _born(
    unit: Unit, member: Member, incident: Incident, waiting: set[str], opened: str
) -> dict[str, Sent]:
    """Give every field that a new record is to say, whether a create can carry it or not."""
    made = member.creation.words if member.creation else NOTHING
    sent: dict[str, Sent] = {}
    for name, rule in member.rules.items():
        value = None if name in waiting else incident.value(name)
        word = rule.put(value) if member.carries(name) else None
        if rule.path in made:
            # Configured for every new record: it stands for whatever was agreed.
            sent[name] = Sent(rule.path, value, rule.own(made[rule.path]))
        elif rule.path in member.abilities.born and value is not None and member.writes(name):
            sent[name] = Sent(rule.path, value, member.abilities.born[rule.path], carried=False)
        elif word is not None:
            sent[name] = Sent(rule.path, value, word)
        elif rule.default is not None and member.takes(name):
            word = rule.own(rule.default)
            if rule.default == "opened" and rule.field.kind is Kind.INSTANT:
                # A service that does not say when its record was made leaves it unsaid.
                word = rule.put(opened or None)
            if word is not None:
                sent[name] = Sent(rule.path, value, word)
    return {name: s for name, s in sent.items() if name in unit.fields}


def _extra(member: Member, sent: Mapping[str, Sent]) -> Words:
    """Give the configured words for paths that no field of the record covers."""
    made = member.creation.words if member.creation else NOTHING
    covered = {s.path for s in sent.values()}
    return {path: word for path, word in made.items() if path not in covered}


def _lacks(member: Member, create: Operation) -> list[str]:
    """Name the paths without which the service would refuse the create."""
    given = {s.path for s in create.sent.values() if s.carried} | set(create.extra)
    return sorted(member.abilities.required - given)


def _follows(member: Member, sent: Mapping[str, Sent], name: str) -> bool:
    """Whether an update has to follow for a field that the create could not carry."""
    rule = member.rules[name]
    words = {n: member.rules[n].put(s.value) if not s.carried else s.word for n, s in sent.items()}
    return not rule.agrees(sent[name].word, sent[name].value) and member.holds(name, words)


def _complete(member: Member, name: str, sent: Sent) -> Sent:
    """Turn what a create could not carry into what the following update sends."""
    return Sent(sent.path, sent.value, member.rules[name].put(sent.value), assumed=sent.word)


def carried(sent: Mapping[str, Sent], extra: Words) -> Words:
    """Give the own words, by path, that a create or an update puts on the wire."""
    words = {s.path: s.word for s in sent.values() if s.carried}
    return {**words, **extra}
