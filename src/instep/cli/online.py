"""What the services themselves say: whether they can be used, and have all that is mapped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from instep.cli.text import many
from instep.core.fields import Kind
from instep.errors import RecordError, SideError

if TYPE_CHECKING:
    from instep.config import Config
    from instep.core.rules import Rule
    from instep.core.unit import Member, Unit
    from instep.systems.base import Offer, System

Answers = dict[str, dict[str, Any]]


async def ask(config: Config, unit: Unit, *, prepare: bool) -> Answers:
    """Ask every system at once; with ``prepare`` what it lacks is made, where it is writable."""
    from instep.app import connect

    systems = connect(config, {})
    try:
        # What is only heard is not written to, be it a setting.
        asked = [
            _answer(config, system, unit.members[name], prepare=prepare)
            for name, system in systems.items()
        ]
        answers = await asyncio.gather(*asked)
        return dict(zip(systems, answers, strict=True))
    finally:
        for system in systems.values():
            await system.close()


async def _answer(
    config: Config, system: System, member: Member, *, prepare: bool
) -> dict[str, Any]:
    """Ask one system whether it can be used, once what it lacks was made, and what it has."""
    made: tuple[str, ...] = ()
    try:
        if prepare and member.writable:
            made = await system.prepare()
        warnings = await system.check()
        offers = await system.offers(wanted(member))
    except (SideError, RecordError) as error:
        about = {"ok": False, "warnings": [], "made": list(made), "missing": [], "notes": []}
        return {**about, "error": error.message, "advice": error.advice}
    return {
        "ok": True,
        "warnings": list(warnings),
        "made": list(made),
        "missing": list(_missing(config, member, offers)),
        "notes": list(_notes(member, offers)),
    }


def wanted(member: Member) -> dict[str, tuple[str, ...]]:
    """Give, for each path in use, the own words that the configuration names there."""
    found: dict[str, dict[str, None]] = {path: {} for path in member.paths}
    for rule in member.rules.values():
        found[rule.path] |= dict.fromkeys([*(rule.words or {}), *_written(rule)])
    for path, word in (member.creation.words if member.creation else {}).items():
        found[path] |= dict.fromkeys(_several(word))
    return {path: tuple(words) for path, words in found.items()}


def _written(rule: Rule) -> list[str]:
    """Give the own words that are written of themselves: of a default and of a constant."""
    is_opened = rule.field.kind is Kind.INSTANT and rule.default == "opened"
    return [*_several(None if is_opened else rule.default), *_several(rule.const)]


def _several(word: object) -> list[str]:
    """Give the texts of a word."""
    return [word] if isinstance(word, str) else list(word) if isinstance(word, tuple) else []


def _missing(
    config: Config, member: Member, offers: Mapping[str, Offer]
) -> Iterator[dict[str, Any]]:
    """Name the places, and the words that would be written, which the service does not have."""
    made = member.creation.words if member.creation else {}
    for path, word in made.items():
        at = config.place("create", member.name, "set", path)
        yield from _lacking(offers[path], path, _several(word), "create.set", at)
    for name, rule in member.rules.items():
        at = config.place("fields", name, member.name)
        sent = [*_written(rule), *_sent(rule)] if member.writes(name) else []
        yield from _lacking(offers[rule.path], rule.path, sent, name, at)


def _sent(rule: Rule) -> list[str]:
    """Give the own words of a choice that common words are written as."""
    values = {means[0] for means in (rule.words or {}).values() if means}
    return [own for value in sorted(values) for own in _several(rule.put(value))]


def _lacking(
    offer: Offer, path: str, sent: list[str], by: str, at: tuple[int, int]
) -> Iterator[dict[str, Any]]:
    """Say what of one place is missing."""
    place = {"line": at[0], "column": at[1]}
    if not offer.there:
        yield {"field": by, "path": path, "word": None, "has": [], **place}
        return
    for word in sorted({*sent} & {*offer.missing}):
        yield {"field": by, "path": path, "word": word, "has": list(offer.words or ()), **place}


def _notes(member: Member, offers: Mapping[str, Offer]) -> Iterator[str]:
    """Say which words of the mapping will not be met, and which of the service's are left alone."""
    for name, rule in member.rules.items():
        offer = offers[rule.path]
        unmet = [own for own in rule.words or {} if own in offer.missing and own not in _sent(rule)]
        if unmet:
            yield f"{name}: {member.name} has no {', '.join(unmet)} now"
        if rule.field.kind is Kind.CHOICE and not rule.is_made and offer.words:
            mute = [own for own in offer.words if rule.own(own) is not None and rule.mute(own)]
            if mute:
                yield f"{name}: no word for {', '.join(mute)}: left alone where they stand"


def lines(name: str, answer: Mapping[str, Any]) -> Iterator[str]:
    """Say what one system answered."""
    missing = answer["missing"]
    if not answer["ok"]:
        yield f"{name}: {answer['error']}"
    else:
        lacks = f"lacks {many(len(missing), 'thing')} that the configuration names"
        yield f"{name}: {lacks}" if missing else f"{name}: ok"
    for lack in missing:
        yield f"  missing: {_told(lack)}  (line {lack['line']}, {lack['field']})"
        if lack["has"]:
            yield f"    it has: {', '.join(lack['has'])}"
    yield from (f"  made: {made}" for made in answer["made"])
    if answer["made"]:
        yield "  what was refused for want of that is sent again after: instep retry"
    yield from (f"  warning: {warning}" for warning in answer["warnings"])
    yield from (f"  note: {note}" for note in answer["notes"])
    if answer.get("advice"):
        yield f"  {answer['advice']}"


def _told(lack: Mapping[str, Any]) -> str:
    """Say what is missing."""
    path, word = lack["path"], lack["word"]
    return f"there is no {path}" if word is None else f'{path} has no "{word}"'
