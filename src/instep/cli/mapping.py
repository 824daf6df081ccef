"""``explain --mapping``: every rule applied to one record, step by step; nothing is written."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instep.app import able, connect
from instep.cli.lists import look, meant
from instep.config import unit_of
from instep.config.credentials import Resolver
from instep.config.load import problems, showable
from instep.config.positions import read
from instep.core import tell
from instep.core.model import Record, Word, Words
from instep.core.rehearse import Rehearsal, made_up, rehearse
from instep.errors import ConfigError, LedgerError, RecordError, SideError, UsageError

if TYPE_CHECKING:
    from instep.config import Config
    from instep.core.unit import Member, Unit
    from instep.engine.context import App
    from instep.systems.base import System

#: Keys around the object of a record in an answer.
AROUND = ("data", "incident")
FORM = "the answer of the service's API for one record, or its own words by path"
NAMES = "SYSTEM:ID takes the service's own id, or the one people see once the ledger knows it"
FROM_FILE = "read from a file: its address and its time are made up"
UNASKED = "ids whose names take a look-up stay as they are"


@dataclass(frozen=True, slots=True)
class Subject:
    """A record whose mapping is explained: what it says, by path.

    One of a file has that one's ``name``, and a ``note`` on what it cannot say.
    """

    system: str
    record: Record
    words: Words
    name: str = ""
    note: str = ""


async def live(config: Config, target: str) -> tuple[list[dict[str, Any]], int]:
    """Explain the records that a person means, as they are now; answers the exit code, too.

    Raises:
        UsageError: none is meant, or the one that is cannot be shown.
        SideError: the only system that is asked cannot be used.
    """
    async with AsyncExitStack() as stack:
        systems, unit = _opened(config, stack)
        named = await _named(config, unit, target)
        asked = (_told(unit, systems[name], record) for name, record in named)
        found = await asyncio.gather(*asked, return_exceptions=len(named) > 1)
    told = [
        each if isinstance(each, dict) else _failed(*named[i], each) for i, each in enumerate(found)
    ]
    return told, 3 if any(isinstance(each, SideError) for each in found) else 0


async def filed(config: Config, path: Path, system: str) -> dict[str, Any]:
    """Explain a record that stands in a file; no system is asked anything.

    Raises:
        UsageError: there is no such system, or the file holds no record.
        ConfigError: the file is no YAML.
    """
    async with AsyncExitStack() as stack:
        systems, unit = _opened(config, stack)
        if system not in systems:
            raise UsageError(
                f'there is no system "{system}"', advice=f"one of {', '.join(systems)}"
            )
        return facts(unit, _subject(systems[system], unit.members[system], path, _content(path)))


def _opened(config: Config, stack: AsyncExitStack) -> tuple[dict[str, System], Unit]:
    """Prepare the systems, to be closed with the stack, and tell the unit what they can do."""
    systems = connect(config, {})
    for each in systems.values():
        stack.push_async_callback(each.close)
    return systems, able(unit_of(config), systems)


async def _named(config: Config, unit: Unit, target: str) -> list[tuple[str, str]]:
    """Name the records that a person means: system, and the id that the service knows."""
    system, _, name = target.partition(":")
    if system not in unit.members or not name:
        try:
            return await look(config, _records, target)
        except UsageError as error:
            systems = f"SYSTEM:ID is for {', '.join(unit.members)}"
            raise UsageError(error.message, advice=f"{error.advice}; {systems}") from error
    try:
        return await look(config, _bound, system, name) or [(system, name)]
    except LedgerError:
        # It only knows display ids: the service's own will do.
        return [(system, name)]


def _records(app: App, target: str) -> list[tuple[str, str]]:
    """List the records of the incident that is meant.

    Raises:
        UsageError: none is meant, or more than one, or it has no records any more.
    """
    from instep.ledger import views

    number = meant(app, target)
    with app.ledger.begin() as db:
        rows = views.references(db, number)
    found = [(row["system"], row["record"]) for row in rows if row["system"] in app.unit.members]
    if not found:
        raise UsageError(f'"{target}" has no record in any system of the configuration')
    return found


def _bound(app: App, system: str, name: str) -> list[tuple[str, str]]:
    """Find the record that a system shows under a name, if the ledger knows of it."""
    from instep.ledger import names, views

    with app.ledger.begin() as db:
        rows = [
            row
            for number in names.bound(db, system, name)
            for row in views.references(db, number)
            if row["system"] == system
        ]
    return [(system, row["record"]) for row in rows[:1]]


async def _told(unit: Unit, system: System, record_id: str) -> dict[str, Any]:
    """Read a record and explain it.

    Raises:
        UsageError: the service does not show it.
    """
    try:
        record = await system.read(record_id)
    except RecordError as error:
        raise UsageError(error.message, advice=error.advice or NAMES) from error
    return facts(unit, Subject(system.name, record, system.words(record)))


def _failed(system: str, record: str, error: BaseException) -> dict[str, Any]:
    """Say why one of several records is not explained.

    Raises:
        BaseException: it is nothing that is foreseen.
    """
    if not isinstance(error, (UsageError, SideError)):
        raise error
    return {"system": system, "record": record, "error": error.told}


def _content(path: Path) -> dict[str, Any]:
    """Read a file of JSON or YAML.

    Raises:
        UsageError: it cannot be read, or says something else than one record.
        ConfigError: it is no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"cannot read {path}: {why}", advice=FORM) from error
    try:
        found = json.loads(text)
    except ValueError:
        document = read(text)
        # That there is nothing, or no mapping, is said below: it is no configuration.
        findings = [found for found in document.findings if found.code != "E105"]
        if findings:
            wrong = problems(document, Resolver({}, path.parent), findings)
            raise ConfigError(wrong, source=str(path), text=showable(text)) from None
        found = document.tree
    if isinstance(found, dict):
        return found
    raise UsageError(f"{path} does not hold one record", advice=FORM)


def _subject(system: System, member: Member, path: Path, found: dict[str, Any]) -> Subject:
    """Take a record out of what a file holds: the service's own object, or words by path."""
    made, name = made_up(system.name), str(path)
    raw = next((found[key] for key in AROUND if isinstance(found.get(key), dict)), found)
    if "id" not in raw or "id" in member.paths:
        words = {key: _word(path, key, value) for key, value in found.items()}
        return Subject(system.name, made, words, name, FROM_FILE)
    words = dict(system.words(Record(str(raw["id"]), "", "", raw)))
    blank = [key for key, word in words.items() if word is None and raw.get(key)]
    notes = [FROM_FILE, UNASKED, *([f"so {', '.join(blank)} cannot be told"] if blank else [])]
    return Subject(system.name, made, words, name, "; ".join(notes))


def _word(path: Path, key: str, value: Any) -> Word:
    """Read one own word.

    Raises:
        UsageError: it is none.
    """
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise UsageError(f'"{key}" in {path} is not a word', advice=FORM)


def facts(unit: Unit, subject: Subject) -> dict[str, Any]:
    """Apply every rule to a record."""
    done = rehearse(unit, subject.system, subject.words, record=subject.record)
    others = [member for name, member in unit.members.items() if name != subject.system]
    given = unit.members[subject.system]
    return {
        "system": subject.system,
        "record": subject.name or subject.record.display or subject.record.id,
        "url": "" if subject.name else subject.record.url,
        "note": subject.note,
        "fields": {name: _field(unit, given, name, subject.words, done) for name in unit.fields},
        "unread": [path for path in subject.words if path not in given.paths],
        "creates": {member.name: _create(member, done) for member in others},
    }


def _field(unit: Unit, given: Member, name: str, words: Words, done: Rehearsal) -> dict[str, Any]:
    """Say how a field is read, what is agreed then, and what each system is told of it."""
    return {
        "type": str(unit.fields[name].kind),
        "read": _read(given, name, words) if name in given.rules else None,
        "value": done.incident.value(name),
        "systems": {
            member.name: _put(member, name, done)
            for member in unit.members.values()
            if name in member.rules and (member is not given or member.rules[name].is_made)
        },
    }


def _read(given: Member, name: str, words: Words) -> dict[str, Any]:
    """Say how the word at a rule's path is read."""
    rule = given.rules[name]
    raw = words.get(rule.path)
    found = tell.read(rule, raw)
    return {
        "path": rule.path,
        "raw": raw,
        "own": found.own,
        "values": list(found.values),
        "counts": found.counts,
        "through": found.through,
    }


def _put(member: Member, name: str, done: Rehearsal) -> dict[str, Any]:
    """Say which own word a system is told, or why none."""
    rule = member.rules[name]
    found = tell.put(member, name, done.incident, tell.becoming(member, done.incident))
    return {
        "path": rule.path,
        "word": found.word,
        "through": found.through,
        "why_not": found.why_not,
        "is_template": rule.template is not None,
    }


def _create(member: Member, done: Rehearsal) -> dict[str, Any]:
    """Say whether a system is given the incident, and what is sent then."""
    answer = done.answers[member.name]
    asked = tell.conditions(member, done.incident)
    return {
        "conditions": [{"asks": said, "holds": holds} for said, holds in asked],
        "sent": dict(answer.words),
        "held": answer.held[0].reason if answer.held else "",
    }
