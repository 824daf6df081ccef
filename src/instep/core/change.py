"""Change: what becomes of what was agreed once the rules read and spell words in another way.

Who said a value last is believed: his word is read anew, and the others are told what it means
now. What others said is spelled anew in the system whose rule changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace

from instep.core.fields import fits
from instep.core.model import NEVER, Incident, Intent, Side, Word, Words
from instep.core.observe import given
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
    spelling = [(name, said) for name, said in sorted(asdict(rule.spelling).items()) if said]
    # What is as it always was is left out: an option that is new changes no rule without it.
    told = repr((str(rule.field.kind), words, rule.otherwise, [(n, str(s)) for n, s in spelling]))
    return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=7).digest())


def renewed(unit: Unit, incident: Incident, changed: Mapping[str, Collection[str]]) -> Incident:
    """Give an incident as the fields ``changed``, by system, have it: those with other lenses.

    What was agreed and is no value of its field any more is forgotten, and with a field all of it:
    nobody keeps it in step until the field is there again.
    """
    names = {name for several in changed.values() for name in several}
    unfit = {n for n in names & incident.base.keys() if not fits(unit.fields[n], incident.value(n))}
    base = {n: b for n, b in incident.base.items() if n in unit.fields and n not in unfit}
    sides = {
        system: _forgotten(_respelled(unit.members[system], side, changed.get(system, ())), unfit)
        if system in unit.members
        else side
        for system, side in incident.sides.items()
    }
    intents = tuple(
        _told(unit.members[i.system], i, changed[i.system]) if i.system in changed else i
        for i in incident.intents
    )
    incident = replace(incident, base=base, sides=sides, intents=intents)
    for name in names - unfit:
        moved = [s for s in sides if name in changed.get(s, ()) and _moved(unit, incident, s, name)]
        incident = _look(unit, incident, name, moved)
    return incident


def _respelled(member: Member, side: Side, names: Collection[str]) -> Side:
    """Make the words of a side plain as their rules now have it."""

    def plain(words: Words) -> Words:
        fresh = {n: member.rules[n].own(words[n]) if n in names else words[n] for n in words}
        return {name: word for name, word in fresh.items() if word is not None}

    return replace(side, says=plain(side.says), shadow=plain(side.shadow))


def _told(member: Member, intent: Intent, names: Collection[str]) -> Intent:
    """Let words that may be on their way stand for what they mean now, not for what was meant."""
    sent = {
        name: replace(said, word=own, value=rule.get(own, said.value))
        for name, said in intent.sent.items()
        if name in names
        and (rule := member.rules[name]).path == said.path
        and (own := rule.own(said.word)) != rule.over(said.value, said.assumed)
        and own not in given(member, rule, intent)
    }
    return replace(intent, sent={**intent.sent, **sent})


def _forgotten(side: Side, names: Collection[str]) -> Side:
    """Let a side have agreed to nothing: what it says is said anew."""
    shadow = {name: word for name, word in side.shadow.items() if name not in names}
    agreed = {name: word for name, word in side.agreed.items() if name not in names}
    return replace(side, shadow=shadow, agreed=agreed)


def _moved(unit: Unit, incident: Incident, system: str, name: str) -> bool:
    """Whether what a system says, and was settled, does not stand for what was agreed any more.

    What was edited is weighed in any case.
    """
    side, rule = incident.side(system), unit.members[system].rules[name]
    known = side.reference is not None and not side.edited(name)
    told = name in incident.base or rule.is_made
    return known and told and not rule.holds(side.says.get(name), rule.wants(incident))


def _look(unit: Unit, incident: Incident, name: str, moved: Collection[str]) -> Incident:
    """Believe those who said a value last, if all their words moved; spell all others anew."""
    sides = dict(incident.sides)
    said = [s for s in moved if _is_heard(unit.members[s], incident.side(s), name)]
    believed = set(incident.base[name].origins) if name in incident.base else set[str]()
    for system in moved:
        side, rule = sides[system], unit.members[system].rules[name]
        shadow: Word = side.shadow.get(name)
        agreed: Word = NEVER
        if system in believed and believed <= {*said}:
            # As if it had said until now what was agreed: of a set, only what moved is news.
            shadow, agreed = rule.put(incident.value(name)), incident.value(name)
        sides[system] = replace(
            side, shadow={**side.shadow, name: shadow}, agreed={**side.agreed, name: agreed}
        )
    return replace(incident, sides=sides)


def _is_heard(member: Member, side: Side, name: str) -> bool:
    """Whether what a side says of a field can be read for what it means now."""
    rule, own = member.rules[name], side.says.get(name)
    is_word = own is not None and not rule.mute(own)
    # A set that is only added to holds more than was agreed, and nobody can tell which names.
    return side.live and member.hears(name) and is_word and not rule.spelling.only_add
