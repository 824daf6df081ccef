"""Whether systems are in step, told from what they hold and not from what the ledger believes.

Records are joined by the marks that they carry; then every field is asked for one common value
that all sides which can hold it agree with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

from instep.core.model import Mark, Record, Word, Words
from instep.core.unit import Member, Unit

if TYPE_CHECKING:
    from instep.systems.base import System

#: How a system reads its records: words by path.
Reader = Callable[[Record], Words]


@dataclass(slots=True)
class Group:
    """The records of one incident: where it began, and what each system holds for it."""

    origin: str
    name: str
    records: dict[str, Record] = field(default_factory=dict)


async def differences(unit: Unit, systems: Mapping[str, System]) -> list[str]:
    """List every system whole, and say where they are not in step.

    Raises:
        SideError: a system cannot be used.
    """
    records = {
        name: list(
            {
                record.id: record async for page in system.changes(None) for record in page.records
            }.values()
        )
        for name, system in systems.items()
    }
    return compare(unit, records, {name: system.words for name, system in systems.items()})


def compare(
    unit: Unit, records: Mapping[str, Sequence[Record]], words: Mapping[str, Reader]
) -> list[str]:
    """Say where the records of all systems are not in step; nothing is said if they are."""
    groups, found = _gather(records)
    for group in groups:
        says = {
            name: _says(unit.members[name], words[name](record))
            for name, record in group.records.items()
        }
        lacking = [
            f"{group.name}: {name} has no record of it"
            for name, member in unit.members.items()
            if name not in says and _wants(member, group, unit.members[group.origin], says)
        ]
        found += [*lacking, *_disagreements(unit, group, says)]
    return found


def _gather(records: Mapping[str, Sequence[Record]]) -> tuple[list[Group], list[str]]:
    """Join records by their marks; answers the incidents, and what joins nothing or twice."""
    groups, found = [], []
    begun: dict[tuple[str, str], Group] = {}
    for system, held in records.items():
        for record in (record for record in held if record.mark is None):
            group = Group(system, f"{system} {record.display}", {system: record})
            groups.append(group)
            # A mark names the record in which its incident began by what people see, or by address.
            begun[system, record.display] = begun[system, record.url] = group
    for system, record, mark in _marked(records):
        place = f"{system} {record.display}"
        home = begun.get((mark.origin, mark.display)) or begun.get((mark.origin, mark.url))
        if home is None:
            found.append(f"{place}: no record is the one that its mark names ({mark})")
        elif system in home.records:
            other = home.records[system].display
            found.append(
                f"{home.name}: {system} has two records of it, {other} and {record.display}"
            )
        else:
            home.records[system] = record
    return groups, found + _strangers(groups)


def _marked(records: Mapping[str, Sequence[Record]]) -> Iterator[tuple[str, Record, Mark]]:
    """Yield the records that carry a mark."""
    for system, held in records.items():
        for record in held:
            if record.mark is not None:
                yield system, record, record.mark


def _strangers(groups: Sequence[Group]) -> list[str]:
    """Say where the marks of one incident do not carry one uid, or two incidents carry the same."""
    uids = [{r.mark.uid for r in group.records.values() if r.mark} for group in groups]
    times = Counter(uid for several in uids for uid in several)
    return [
        f"{group.name}: its records carry the uids {', '.join(sorted(several))}"
        for group, several in zip(groups, uids, strict=True)
        if len(several) > 1 or any(times[uid] > 1 for uid in several)
    ]


def _says(member: Member, words: Words) -> dict[str, Word]:
    """Read words through the rules, as own words by field."""
    return {name: rule.own(words.get(rule.path)) for name, rule in member.rules.items()}


def _wants(member: Member, group: Group, origin: Member, says: Mapping[str, Words]) -> bool:
    """Whether the configuration gives this system incidents like this one."""
    creation = member.creation
    if creation is None or not member.writable or group.origin not in creation.origins:
        return False
    readings = {
        name: rule.reads(says[group.origin].get(name)) or (None,)
        for name, rule in origin.rules.items()
    }
    # Where a word may stand for several values, any of them will do.
    return any(
        creation.when.holds(dict(zip(readings, values, strict=True)))
        for values in product(*readings.values())
    )


def _disagreements(unit: Unit, group: Group, says: Mapping[str, Words]) -> list[str]:
    """Name the fields for which no value stands for what all sides say."""
    found: list[str] = []
    for name in unit.fields:
        sides = {
            system: words[name]
            for system, words in says.items()
            if _counts(unit.members[system], name, words)
        }
        if not any(_stands(unit, group, name, sides, v) for v in _values(unit, name, sides, says)):
            told = ", ".join(f"{system} says {word!r}" for system, word in sides.items())
            found.append(f"{group.name}: {name} differs: {told}")
    return found


def _counts(member: Member, name: str, words: Words) -> bool:
    """Whether the side can be written the field at all, and says something that has a meaning."""
    if name not in member.rules or not member.writes(name) or not member.holds(name, words):
        return False
    return not member.rules[name].mute(words[name])


def _values(unit: Unit, name: str, sides: Words, says: Mapping[str, Words]) -> dict[Word, None]:
    """Give every common value that somebody's word stands for; only unset if nobody says any."""
    values = {
        value: None
        for system, words in says.items()
        if name in unit.members[system].rules
        for value in unit.members[system].rules[name].reads(words[name])
    }
    return values if sides else {None: None}


def _stands(unit: Unit, group: Group, name: str, sides: Words, value: Word) -> bool:
    """Whether every side agrees with the value, as far as it has a word for it."""
    return all(
        _agrees(unit.members[system], name, word, value, born=system != group.origin)
        for system, word in sides.items()
    )


def _agrees(member: Member, name: str, word: Word, value: Word, *, born: bool) -> bool:
    """Whether one side agrees; where nothing is said, a record we made may hold its default."""
    rule = member.rules[name]
    if rule.agrees(word, value):
        return True
    if value is None:
        return born and rule.default is not None
    return rule.put(value) is None
