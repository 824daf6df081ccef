"""Plan: what has to be written so that every side says what was agreed.

The functions here take an incident *after* its merge was applied (``settled``), and say which
operations are still missing. At rest the list is empty, whoever asks and however often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from instep.core.create import plan_create
from instep.core.merge import Merged
from instep.core.model import Base, Incident, Sent, Side, Word, Words
from instep.core.operation import Held, Operation
from instep.core.rules import Rule
from instep.core.unit import Member, OnGone, Unit


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
    if leaving := _leaving(unit, after):
        if not _goes_on(unit, incident):
            return Settled(after, merged, tuple(_deletes(unit, after, leaving)))
        # Somebody goes on with it elsewhere: it is kept, whoever deleted his.
        after = forget(after, leaving)
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


def forget(incident: Incident, systems: Iterable[str]) -> Incident:
    """Let sides go: their records are gone, and there are to be no others."""
    left = {
        # Whatever record may come to it later, nothing is agreed with that one.
        name: replace(
            incident.side(name), reference=None, shadow={}, agreed={}, doubt=False, gone=True
        )
        for name in systems
    }
    return replace(incident, sides={**incident.sides, **left})


def leave(unit: Unit, incident: Incident, system: str, kind: str, names: Iterable[str]) -> Incident:
    """Leave undone what was held: the side stays as it is until somebody edits again."""
    if kind == "create":
        return forget(incident, [system])
    if kind == "delete":
        return forget(incident, _leaving(unit, incident))
    side, rules = incident.side(system), unit.members[system].rules
    left = [name for name in names if name in rules and _is_left(incident, side, rules[name])]
    agreed = {**side.agreed, **{name: rules[name].wants(incident) for name in left}}
    shadow = {**side.shadow, **{name: side.says.get(name) for name in left}}
    after = replace(side, shadow=shadow, agreed=agreed)
    return replace(incident, sides={**incident.sides, system: after})


def _is_left(incident: Incident, side: Side, rule: Rule) -> bool:
    """Whether a field can stay as it is: what a rule makes has nobody's edit beside it."""
    name = rule.field.name
    return rule.is_made or (name in incident.base and not side.edited(name))


def _leaving(unit: Unit, incident: Incident) -> list[str]:
    """Name the systems in which the record is gone, if all others are to go with it."""
    return [
        name
        for name, member in unit.members.items()
        if member.on_gone is OnGone.DELETE
        and incident.side(name).gone
        and not incident.side(name).let_go
    ]


def _goes_on(unit: Unit, incident: Incident) -> bool:
    """Whether somebody has edited what is left of an incident, to whatever words."""
    return any(
        side.live and side.edited(name)
        for system, side in incident.sides.items()
        if system in unit.members
        for name in unit.members[system].rules
        if unit.members[system].hears(name)
    )


def _deletes(unit: Unit, incident: Incident, leaving: list[str]) -> Iterable[Operation]:
    """Plan to delete the records that are left: all of them, or none while one is not known."""
    live = [name for name in unit.members if incident.side(name).live]
    if any(incident.side(name).doubt or incident.pending(name) for name in live):
        return
    for member in unit.members.values():
        side = incident.side(member.name)
        if side.live and member.writable and side.reference is not None:
            yield Operation(
                kind="delete",
                system=member.name,
                incident=incident.id,
                sent={},
                reason=f"the record in {' and '.join(leaving)} is gone (on_gone: delete)",
                record=side.reference.display,
            )


def _plan_side(
    unit: Unit, member: Member, incident: Incident, waiting: set[str]
) -> Iterable[Operation | Held]:
    """Plan what one side needs: nothing, a create and what follows it, or an update."""
    side = incident.side(member.name)
    if not member.writable or incident.pending(member.name) is not None:
        return ()
    if side.let_go:
        return ()
    if side.reference is None or side.gone:
        return plan_create(unit, member, incident, waiting)
    if side.doubt:
        return ()
    becoming = _becoming(member, incident, waiting)
    sent = {
        name: sent
        for name in member.rules
        if (name not in waiting or member.rules[name].is_made)
        and member.holds(name, becoming)
        and (sent := _missing(unit, member, side, incident, name))
    }
    if not sent:
        return ()
    return (_update(unit, member, incident, sent, side.reference.display),)


def _missing(unit: Unit, member: Member, side: Side, incident: Incident, name: str) -> Sent | None:
    """Give what to send for a field that does not agree with base; ``None`` if it does."""
    rule, own = member.rules[name], side.says.get(name)
    if not (name in incident.base or rule.is_made) or not member.writes(name):
        return None
    value = rule.wants(incident)
    if (rule.mute(own) and not rule.is_made) or agrees(member, side, name, value):
        return None
    word = rule.over(value, own)
    if word is None:
        # Emptying: only where the field's type clears and the service can; and of what a rule
        # makes, only what was told there before.
        clears = unit.fields[name].clears and rule.path not in member.abilities.keeps
        told = not rule.is_made or side.stands_for(name) is not None
        if value is not None or not clears or not told:
            return None
    return Sent(rule.path, value, word, assumed=own)


def agrees(member: Member, side: Side, name: str, value: Word) -> bool:
    """Whether a side agrees with a common value: law 3, all three clauses."""
    rule, own = member.rules[name], side.says.get(name)
    if rule.holds(own, value):
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
        value = rule.wants(incident)
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
        reason=_because(member, incident, sent),
        record=record,
    )


def _because(member: Member, incident: Incident, names: Iterable[str]) -> str:
    """Say which systems the values come from."""
    told: dict[str, list[str]] = {}
    for name in names:
        base = incident.base.get(name)
        origin = " and ".join(base.origins) if base else ""
        told.setdefault("its rule" if member.rules[name].is_made else origin, []).append(name)
    return "; ".join(
        f"{', '.join(fields)} from {origin}" if origin else f"default {', '.join(fields)}"
        for origin, fields in told.items()
    )
