"""Change: what becomes of what was agreed once the rules read and spell words in another way.

Who said a value last is believed: his word is read anew, and the others are told what it means
now. What others said is spelled anew in the system whose rule changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace

from instep.core.model import NEVER, Base, Incident, Side, Word
from instep.core.rules import Rule
from instep.core.unit import Member, Unit


def lenses(unit: Unit) -> dict[tuple[str, str], int]:
    """Name, as a number, how each rule reads and spells words, by system and field."""
    return {
        (member.name, name): _number(rule)
        for member in unit.members.values()
        for name, rule in member.rules.items()
    }


def _number(rule: Rule) -> int:
    """Name what a rule makes of words; where they stand is another matter."""
    words = None if rule.words is None else [*rule.words.items()]
    told = repr((rule.field.kind, words, rule.otherwise, rule.spelling))
    return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=7).digest())


def renewed(unit: Unit, incident: Incident, changed: Mapping[str, Collection[str]]) -> Incident:
    """Give an incident as the fields ``changed``, by system, have it: those with other lenses."""
    sides = {
        system: _renewed(unit.members[system], side, incident.base, changed[system])
        if side.live and system in changed
        else side
        for system, side in incident.sides.items()
    }
    return replace(incident, sides=sides)


def _renewed(member: Member, side: Side, base: Mapping[str, Base], names: Collection[str]) -> Side:
    """Look at the words of one side anew."""
    shadow: dict[str, Word] = dict(side.shadow)
    agreed: dict[str, Word] = dict(side.agreed)
    for name in names:
        agreement, own = base.get(name), side.says.get(name)
        if agreement is None or side.edited(name):
            # Nothing was agreed, or what he says now is weighed in any case.
            continue
        if member.rules[name].agrees(own, agreement.value):
            continue
        if agreement.origins == (side.system,) and member.hears(name) and own is not None:
            shadow[name], agreed[name] = None, agreement.value
        else:
            agreed[name] = NEVER
    return replace(side, shadow=shadow, agreed=agreed)
