"""Conditions: which incidents a system is given, as data rather than code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from instep.core.model import Word


@dataclass(frozen=True, slots=True)
class Is:
    """A field has one of the values; of a set, one of its names is among them.

    ``None`` among the values stands for a field of which nothing is said.
    """

    field: str
    values: frozenset[Word]

    def holds(self, said: Mapping[str, Word]) -> bool:
        """Whether what is said (common values, by field) meets the condition."""
        value = said.get(self.field)
        if isinstance(value, tuple):
            return not self.values.isdisjoint(value)
        return value in self.values

    def __str__(self) -> str:
        """Say it in words."""
        wanted = sorted("nothing" if word is None else _quoted(str(word)) for word in self.values)
        return f"{self.field} is {' or '.join(wanted)}"


def _quoted(word: str) -> str:
    """Put a word that is not to be taken for "nothing" in quotes."""
    return f'"{word}"' if word in ("nothing", "") else word


@dataclass(frozen=True, slots=True)
class Not:
    """Another condition does not hold."""

    of: Condition

    def holds(self, said: Mapping[str, Word]) -> bool:
        """Whether the other does not hold."""
        return not self.of.holds(said)

    def __str__(self) -> str:
        """Say it in words."""
        return f"not ({self.of})"


@dataclass(frozen=True, slots=True)
class Every:
    """All of the conditions hold; without any, it always does."""

    of: tuple[Condition, ...] = ()

    def holds(self, said: Mapping[str, Word]) -> bool:
        """Whether all hold."""
        return all(part.holds(said) for part in self.of)

    def __str__(self) -> str:
        """Say it in words."""
        return " and ".join(str(part) for part in self.of)


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of the conditions holds."""

    of: tuple[Condition, ...]

    def holds(self, said: Mapping[str, Word]) -> bool:
        """Whether one holds."""
        return any(part.holds(said) for part in self.of)

    def __str__(self) -> str:
        """Say it in words."""
        return f"({' or '.join(str(part) for part in self.of)})"


Condition = Is | Not | Every | Some

#: What holds for every incident.
ALWAYS = Every()


def parts(condition: Condition, said: Mapping[str, Word]) -> Iterator[tuple[str, bool]]:
    """Tell for each condition that has to hold what it asks for, and whether it holds."""
    if isinstance(condition, Every):
        for part in condition.of:
            yield from parts(part, said)
    else:
        yield str(condition), condition.holds(said)
