"""Tell: how rules read and write the words of one record, and why they do not, in sentences.

Nothing is decided here. What a sentence quotes stands in it as the service spelled it: whoever
shows it makes it fit for the place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from instep.core.conditions import parts
from instep.core.fields import Kind
from instep.core.model import NOTHING, Incident, Word, Words
from instep.core.rules import Direction, Rule
from instep.core.spelling import tidy
from instep.core.unit import Member

AS_IT_IS = "as it is"


@dataclass(frozen=True, slots=True)
class Read:
    """How a rule reads the word that stands at its path.

    ``own`` is the word made plain, ``values`` the common values that it may stand for, and
    ``through`` what of the rule led there. It ``counts`` unless nothing is said, no common word
    stands for it, or nobody listens.
    """

    own: Word
    values: tuple[Word, ...]
    through: str
    counts: bool


@dataclass(frozen=True, slots=True)
class Put:
    """What a rule writes: the own word and what of the rule led to it, or why there is none."""

    word: Word = None
    through: str = ""
    why_not: str = ""


def read(rule: Rule, raw: Word) -> Read:
    """Tell how a rule reads a word."""
    own = rule.own(raw)
    values = () if own is None else rule.reads(own)
    deaf = rule.direction is Direction.OUT
    through = _read_through(rule, raw, own, values)
    told = f"{through}; not heard: the rule writes only" if deaf else through
    return Read(own, values, told, counts=bool(values) and not deaf)


def _read_through(rule: Rule, raw: Word, own: Word, values: tuple[Word, ...]) -> str:
    """Say what of a rule a word is read through."""
    if own is None:
        return "nothing said" if raw in (None, "", ()) else f'"{raw}" means nothing said'
    if not values:
        return "no word for it" if rule.words is not None else f"no {rule.field.kind}"
    if rule.words is not None:
        return _entries(rule, own)
    if rule.field.kind is Kind.INSTANT and rule.spelling.zone:
        return f"zone {rule.spelling.zone}"
    return AS_IT_IS if values[0] == raw else f"made plain ({rule.field.kind})"


def _entries(rule: Rule, own: Word) -> str:
    """Name the entries of the word table that a word is read through."""
    table = rule.words or {}
    if isinstance(own, tuple):
        met = [f"{name} is {table[name][0]}" for name in own if table.get(name)]
        return f"words: {', '.join(met)}" if met else AS_IT_IS
    if str(own) in table:
        means = " or ".join(table[str(own)])
        return AS_IT_IS if means == own else f"words: {own} is {means}"
    return f"otherwise: {' or '.join(rule.otherwise or ())}"


def put(member: Member, name: str, incident: Incident, becoming: Words) -> Put:
    """Tell what a new record of a system says of a field of an incident.

    ``becoming`` is what that record will say (own words by field): some fields exist only in
    some states of it.
    """
    rule, made = member.rules[name], member.creation.words if member.creation else NOTHING
    if rule.path in made and member.writable:
        return Put(rule.own(made[rule.path]), "said to every new record (create.set)")
    value = rule.wants(incident)
    why = unwritten(member, name, value, becoming)
    if why and rule.default is not None and member.takes(name):
        return Put(rule.default, f"default: {why}")
    if why:
        return Put(why_not=why)
    return Put(rule.put(value), "; ".join(_put_through(rule, value)) or AS_IT_IS)


def becoming(member: Member, incident: Incident) -> Words:
    """Give what a new record of a system will say of an incident, by field."""
    made = member.creation.words if member.creation else NOTHING
    found: dict[str, Word] = {}
    for name, rule in member.rules.items():
        word = rule.put(rule.wants(incident)) if member.carries(name) else None
        found[name] = made.get(
            rule.path, member.abilities.born.get(rule.path) if word is None else word
        )
    return found


def unwritten(member: Member, name: str, value: Word, becoming: Words) -> str:
    """Say why a system is not told of a common value; empty if it is."""
    rule = member.rules[name]
    if why := unwritable(member, name):
        return why
    if value is None:
        return "nothing is agreed"
    if rule.put(value) is None:
        return f"it has no word for {shown(value)}"
    if not member.holds(name, becoming):
        needs = member.abilities.only_while[rule.path]
        states = [becoming.get(f) for f, other in member.rules.items() if other.path == needs.path]
        return f"it cannot hold it while {needs.path} is {shown(states[0])}"
    return ""


def unsent(member: Member, name: str, value: Word, says: Words) -> str:
    """Say why a record that says something else (own words by field) is not told of a value."""
    rule, own = member.rules[name], says.get(name)
    if rule.mute(own):
        return f"no common word stands for {shown(own)}"
    if value is None and not unwritable(member, name):
        return "it cannot be emptied"
    if why := unwritten(member, name, value, says):
        return why
    only = rule.path in member.abilities.create_only
    return "only a new record is told of it" if only else "it waits for a person"


def unwritable(member: Member, name: str) -> str:
    """Say why a system is never told of a field, whatever is agreed; empty if it is."""
    rule = member.rules[name]
    if not member.writable:
        return "the system is only heard"
    if rule.direction is Direction.IN:
        return "the rule reads only"
    return f"{rule.path} is read only" if rule.path in member.abilities.read_only else ""


def _put_through(rule: Rule, value: Word) -> Iterator[str]:
    """Say what of a rule a value is written through, one step after the other."""
    if rule.is_made:
        yield "const" if rule.template is None else "template"
    if rule.words is not None:
        yield from _chosen(rule, value)
    elif rule.field.kind is Kind.INSTANT:
        yield from _digits(rule, value)
    elif isinstance(value, str):
        yield from _shape(rule, value)
    if isinstance(value, tuple):
        yield from _names(rule, value)


def _chosen(rule: Rule, value: Word) -> Iterator[str]:
    """Name the entries of the word table by which an own word is chosen."""
    table = rule.words or {}
    if isinstance(value, tuple):
        back = {own: means[0] for own, means in table.items() if means and means[0] in value}
        met = [f"{back[own]} is {own}" for own in _tuple(rule.put(value)) if own in back]
        yield from [f"words: {', '.join(met)}"] if met else []
        return
    usual = [own for own, means in table.items() if means[:1] == (value,)]
    if not usual:
        yield f"words: {rule.put(value)} may be {value}"
    elif len(usual) > 1:
        yield f"words: the first of {', '.join(usual)}"
    elif usual[0] != value:
        yield f"words: {value} is {usual[0]}"


def _digits(rule: Rule, value: Word) -> Iterator[str]:
    """Say how the digits of an instant come to be."""
    if rule.spelling.zone:
        yield f"zone {rule.spelling.zone}"
    if rule.reads(rule.put(value)) != (value,):
        yield f"cut to the {rule.spelling.precision}"


def _shape(rule: Rule, value: str) -> Iterator[str]:
    """Say how a text is rewritten."""
    how = rule.spelling
    kept = tidy(value) if how.tidy else value
    if kept != value:
        yield "tidied"
    if how.strip and kept != kept.strip():
        kept = kept.strip()
        yield "stripped"
    if 0 < how.max_length < len(kept):
        yield f"shortened to {how.max_length} ({how.shorten})"
    if len(kept) < how.min_length:
        yield f"filled to {how.min_length}"


def _names(rule: Rule, value: tuple[str, ...]) -> Iterator[str]:
    """Say how a set is cut down, or added to."""
    if rule.spelling.single and len(value) > 1:
        yield f"single: the first of {len(value)}"
    if rule.spelling.only_add:
        yield "only added"


def conditions(member: Member, incident: Incident) -> tuple[tuple[str, bool], ...]:
    """Tell what has to hold for a system to be given an incident, and whether each does."""
    creation = member.creation
    if not member.writable:
        return (("it is written to (writable)", False),)
    if creation is None:
        return (("it is given incidents (create)", False),)
    origins = " or ".join(sorted(creation.origins))
    began = (f"it began in {origins} (create.from)", incident.origin in creation.origins)
    asked = parts(creation.when, incident.values)
    return (began, *((f"{said} (create.when)", holds) for said, holds in asked))


def shown(value: Word) -> str:
    """Spell a value in a sentence."""
    if isinstance(value, tuple):
        return ", ".join(value)
    return "nothing" if value is None else str(value)


def _tuple(word: Word) -> tuple[str, ...]:
    """Give the names of a set of own words."""
    return word if isinstance(word, tuple) else ()
