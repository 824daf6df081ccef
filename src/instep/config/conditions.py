"""Conditions of the file: whether they ask for what fields can say, and the core's own of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from math import prod

from instep.config.drafts import Draft
from instep.config.findings import Finding, Path, suggest
from instep.config.mapping import Wanted, When
from instep.config.rule_fit import is_address
from instep.config.words import common_words, fits
from instep.core.conditions import Condition, Every, Is, Not, Some
from instep.core.fields import MANY, Kind, normal
from instep.core.model import Word

#: What an incident may say, as far as a condition can tell: so many at most are tried.
TRIES = 10_000
#: Of a field so many words at most, as every combination of names is tried.
NAMES = 8
#: A word that no condition asks for.
OTHER = "\0"


def condition(when: When, known: Mapping[str, Draft]) -> Condition:
    """Make the core's condition of one that was found right."""
    asked = [_asks(name, wanted, known[name]) for name, wanted in when.fields.items()]
    some = [Some(tuple(condition(part, known) for part in when.some))] if when.some else []
    every = [condition(part, known) for part in when.every]
    other = [Not(condition(when.other, known))] if when.other else []
    found = (*asked, *some, *every, *other)
    return found[0] if len(found) == 1 else Every(found)


def _asks(name: str, wanted: Wanted, draft: Draft) -> Condition:
    """Make the condition on one field; a range is the values that lie in it."""
    found: list[Condition] = []
    if wanted.values is not None:
        found.append(Is(name, frozenset(_plain(draft, word) for word in wanted.values)))
    if wanted.at_least is not None or wanted.at_most is not None:
        found.append(Is(name, frozenset(_range(wanted, draft))))
    if wanted.other is not None:
        found.append(Not(_asks(name, wanted.other, draft)))
    return found[0] if len(found) == 1 else Every(tuple(found))


def _plain(draft: Draft, word: Word) -> Word:
    """Make a word plain as values of the field are; a name of a set stays a name."""
    value = normal(draft.kind, word) if draft.kind else word
    return value[0] if isinstance(value, tuple) else value


def _range(wanted: Wanted, draft: Draft) -> tuple[str, ...]:
    """Give the values within a range, ends included; the order has the highest first."""
    order = draft.order
    first = order.index(wanted.at_most) if wanted.at_most is not None else 0
    last = order.index(wanted.at_least) if wanted.at_least is not None else len(order) - 1
    return order[first : last + 1]


def conditions_fit(when: When, path: Path, known: Mapping[str, Draft]) -> Iterator[Finding]:
    """Check that a condition asks for values that the fields can have."""
    for name, wanted in when.fields.items():
        inside = (*path, name)
        if name not in known:
            hint = suggest(name, known)
            yield Finding("E116", f'unknown field "{name}"', inside, hint, on_key=True)
        else:
            yield from _wanted_fits(name, wanted, inside, known[name])
    for part, inside in inner(when, path):
        if not (part.fields or part.some or part.every or part.other):
            yield Finding("E106", "this condition asks for nothing", inside, "name a field")
        yield from conditions_fit(part, inside, known)


def inner(when: When, path: Path) -> Iterator[tuple[When, Path]]:
    """Give the conditions that stand right within another."""
    for key, several in (("any", when.some), ("all", when.every)):
        for i, part in enumerate(several):
            yield part, (*path, key, i)
    if when.other is not None:
        yield when.other, (*path, "not")


def asked(when: When, path: Path) -> Iterator[tuple[str, Path]]:
    """Name the fields that a condition asks for, with their places."""
    for name in when.fields:
        yield name, (*path, name)
    for part, inside in inner(when, path):
        yield from asked(part, inside)


def never(when: When, known: Mapping[str, Draft]) -> bool:
    """Whether no incident can meet a condition that is right otherwise; all there are are tried."""
    whole, words = condition(when, known), dict[str, set[Word]]()
    for name, wanted in _words(whole):
        words.setdefault(name, set()).update(wanted)
    if any(len(wanted) > NAMES for wanted in words.values()):
        return False
    said = {name: _sayable(known[name], wanted - {None}) for name, wanted in words.items()}
    if prod(map(len, said.values())) > TRIES:
        return False
    incidents = (dict(zip(said, each, strict=True)) for each in product(*said.values()))
    return not any(whole.holds(incident) for incident in incidents)


def _words(part: Condition) -> Iterator[tuple[str, frozenset[Word]]]:
    """Give the words that a condition asks for, by field."""
    match part:
        case Is(field, values):
            yield field, values
        case Not(of):
            yield from _words(of)
        case Every(of) | Some(of):
            for each in of:
                yield from _words(each)


def _sayable(draft: Draft, words: set[Word]) -> list[Word]:
    """Give what an incident may say in a field, as far as a condition on these words can tell."""
    if draft.kind in MANY:
        names = [*sorted(map(str, words)), OTHER]
        some = (combinations(names, size) for size in range(1, len(names) + 1))
        return [None, *(many for of_size in some for many in of_size)]
    valid: tuple[Word, ...] = common_words(draft)
    return [None, *(valid or (*words, OTHER))]


def _wanted_fits(name: str, wanted: Wanted, path: Path, draft: Draft) -> Iterator[Finding]:
    """Check what is asked of one field."""
    if not wanted.model_fields_set or wanted.values == ():
        hint = "a value, a list of values, at_least, at_most or not"
        yield Finding("E106", f'nothing is asked of "{name}"', path, hint)
    for word in wanted.values or ():
        if word is not None and not _can_be(draft, word):
            message = f'"{name}" is never "{word}"'
            yield Finding("E117", message, path, _valid(draft, word))
    yield from _range_fits(name, wanted, path, draft)
    if wanted.other is not None:
        yield from _wanted_fits(name, wanted.other, (*path, "not"), draft)


def _can_be(draft: Draft, word: Word) -> bool:
    """Whether the field can ever say the word; of a set, one name at a time is asked for."""
    if draft.kind is Kind.PEOPLE and not is_address(word):
        return False
    return fits(draft, word) and not (draft.kind in MANY and isinstance(word, tuple))


def _valid(draft: Draft, word: Word) -> str:
    """Say what a field can say instead."""
    if draft.kind is Kind.PEOPLE:
        return "people are e-mail addresses, such as ann@example.com"
    return suggest(word, common_words(draft))


def _range_fits(name: str, wanted: Wanted, path: Path, draft: Draft) -> Iterator[Finding]:
    """Check the ends of a range."""
    for key in ("at_least", "at_most"):
        word, inside = getattr(wanted, key), (*path, key)
        if word is None:
            continue
        if not draft.order:
            hint = "list its values, highest first, or name the words that are meant"
            yield Finding("E118", f'"{key}" needs an order, which "{name}" has not', inside, hint)
        elif word not in draft.order:
            hint = suggest(word, draft.order)
            yield Finding("E117", f'"{name}" is never "{word}"', inside, hint)
    ends = [draft.order.index(w) for w in (wanted.at_most, wanted.at_least) if w in draft.order]
    if len(ends) == 2 and ends[0] > ends[1]:
        message = f'nothing lies between "{wanted.at_least}" and "{wanted.at_most}"'
        yield Finding("E112", message, path, "at_most is the higher of the two")
