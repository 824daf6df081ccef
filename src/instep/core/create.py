"""Creates: whether a side is to get a record, and what that is to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from instep.core.fields import Kind
from instep.core.model import NOTHING, Incident, Mark, Reference, Sent, Words
from instep.core.operation import Held, Operation, Why
from instep.core.unit import Member, OnGone, Unit


def plan_create(
    unit: Unit, member: Member, incident: Incident, waiting: set[str]
) -> Iterable[Operation | Held]:
    """Plan a record for a side that should exist and does not: one that never was, or is gone."""
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
    closing = any(s.value in unit.closes.get(name, ()) for name, s in completing.items())
    follow = Operation(
        kind="close" if closing else "update",
        system=member.name,
        incident=incident.id,
        sent=completing,
        reason="what a create cannot carry",
        follows=True,
    )
    return (create, follow)


def _wanted(member: Member, incident: Incident) -> bool:
    """Whether the configuration gives this system incidents like this one."""
    creation = member.creation
    if incident.side(member.name).gone:
        # It had one: the configuration says whether it is to have another.
        return member.on_gone is OnGone.RECREATE
    if creation is None or incident.origin not in creation.origins:
        return False
    return creation.when.holds(incident.values)


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
        # What the rule makes waits for nobody.
        value = None if name in waiting and not rule.is_made else rule.wants(incident)
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
