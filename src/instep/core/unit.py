"""A unit: one set of systems and fields that are kept in step with each other.

This is what a configuration file says, as values that the core can decide with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from instep.core.abilities import Abilities
from instep.core.conditions import ALWAYS, Condition
from instep.core.fields import Field
from instep.core.model import NOTHING, Word, Words
from instep.core.rules import Direction, Rule


@dataclass(frozen=True, slots=True)
class Creation:
    """Which incidents a system is given that it does not have.

    ``origins`` are the systems in which they began, ``when`` the condition that their common
    values have to meet, and ``words`` the own words, by path, that every new record gets.
    """

    origins: frozenset[str]
    when: Condition = ALWAYS
    words: Words = field(default_factory=dict)
    holds_alike: bool = False
    """Whether a create waits where a record that looks the same is there already."""


class OnGone(StrEnum):
    """What becomes of an incident whose record in a system is gone.

    Nothing; it is closed everywhere; the record is made anew; or the others are deleted as well.
    """

    KEEP = "keep"
    CLOSE = "close"
    RECREATE = "recreate"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a run may do in one system before the rest waits for a person.

    ``share`` (0 to 1) bounds updates, closes and deletes by the number of records linked there,
    once there are enough of them for a share to mean something.
    """

    creates: int = 100
    updates: int = 200
    closes: int = 50
    deletes: int = 10
    share: float = 0.5


@dataclass(frozen=True, slots=True)
class Member:
    """A system as a unit uses it; ``fingerprint`` changes whenever its rules do.

    ``limits`` of its own stand in place of the unit's.
    """

    name: str
    rules: Mapping[str, Rule] = field(default_factory=dict)
    abilities: Abilities = field(default_factory=Abilities)
    creation: Creation | None = None
    writable: bool = True
    on_gone: OnGone = OnGone.KEEP
    limits: Limits | None = None

    @property
    def fingerprint(self) -> str:
        """Name the rules: records heard under other rules are read anew."""
        return repr(sorted(self.rules.items()))

    @property
    def paths(self) -> frozenset[str]:
        """Every path that a rule or a create names."""
        made = self.creation.words if self.creation else NOTHING
        return frozenset(rule.path for rule in self.rules.values()) | frozenset(made)

    def hears(self, name: str) -> bool:
        """Whether what the system says of the field counts."""
        return name in self.rules and self.rules[name].direction is not Direction.OUT

    def takes(self, name: str) -> bool:
        """Whether the service takes anything for the field, from whoever may write to it."""
        rule = self.rules.get(name)
        return self.writable and rule is not None and rule.path not in self.abilities.read_only

    def carries(self, name: str) -> bool:
        """Whether a new record is told what was agreed on the field."""
        return self.takes(name) and self.rules[name].direction is not Direction.IN

    def writes(self, name: str) -> bool:
        """Whether the field is written to records that are there."""
        return self.carries(name) and self.rules[name].path not in self.abilities.create_only

    @property
    def unmet(self) -> frozenset[str]:
        """Name the paths that a new record needs and of which nothing ever speaks."""
        made = self.creation.words if self.creation else NOTHING
        told = {
            rule.path
            for name, rule in self.rules.items()
            if self.carries(name) or (self.takes(name) and rule.default is not None)
        }
        return self.abilities.required - told - made.keys()

    def holds(self, name: str, says: Words) -> bool:
        """Whether a record that says ``says`` (own words by field) can hold the field at all."""
        needs = self.abilities.only_while.get(self.rules[name].path)
        if needs is None:
            return True
        states = [says.get(f) for f, rule in self.rules.items() if rule.path == needs.path]
        return not states or states[0] in needs.words


@dataclass(frozen=True, slots=True)
class Unit:
    """One set of systems and fields; the order of ``members`` breaks ties."""

    name: str
    fields: Mapping[str, Field]
    members: Mapping[str, Member]
    limits: Limits = field(default_factory=Limits)
    closes: Mapping[str, frozenset[Word]] = field(default_factory=dict)
    """Field -> the common values that close an incident."""

    def bounds(self, system: str) -> Limits:
        """Give the limits of a system: its own, else those of all."""
        return self.members[system].limits or self.limits

    @property
    def rules(self) -> int:
        """Name, as a number, all that decides which records there should be and what they say."""
        told = [
            [
                name,
                member.fingerprint,
                member.writable,
                str(member.on_gone),
                _told(member.creation),
            ]
            for name, member in sorted(self.members.items())
        ]
        return int.from_bytes(hashlib.blake2b(repr(told).encode(), digest_size=7).digest())


def _told(creation: Creation | None) -> object:
    """Spell a creation the same way every time: sets have no order of their own."""
    if creation is None:
        return None
    words = sorted((path, repr(word)) for path, word in creation.words.items())
    return sorted(creation.origins), str(creation.when), words
