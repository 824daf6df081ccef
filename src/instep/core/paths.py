"""Paths: how a place inside a service's record is named, and what stands there.

``custom_fields.tnt__region`` names a key below a key, ``applies_to_parts[0].name`` the first of a
list (``[-1]`` the last), and ``custom_fields["eu.west"]`` a key that has dots or brackets in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

#: Keys of mappings and indexes of lists, from the top of the record.
Steps = tuple[str | int, ...]

_STEP = re.compile(
    r"""(?P<dot>\.?)(?:
        (?P<key>[^\s.\[\]"']+)                  # title, tnt__region
      | \[(?P<index>-?\d+)\]                    # [0]
      | \[(?P<quote>["'])(?P<quoted>.+?)(?P=quote)\]    # ["eu.west"]
    )""",
    re.VERBOSE,
)


def steps(path: str) -> Steps:
    """Take a path apart.

    Raises:
        ValueError: it is no path; the message names what cannot be read, and where.
    """
    found: list[str | int] = []
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        # Between two keys stands a dot, before a bracket none, and none at the start.
        if step is None or bool(step["dot"]) != bool(step["key"] and found):
            raise ValueError(f'"{path[at:]}" cannot be read, at character {at + 1}')
        found.append(int(step["index"]) if step["index"] else step["key"] or step["quoted"])
        at = step.end()
    if not found or isinstance(found[0], int):
        raise ValueError("a path starts with a key")
    return tuple(found)


def follow(value: Any, path: Steps) -> Any:
    """Give what stands at the end of the steps, or ``None`` where the chain breaks."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


@dataclass(frozen=True, slots=True)
class Places:
    """Which paths a service has.

    Attributes:
        write: whole paths that are read and written.
        read: first steps at which, and below which, anything may be read and nothing written.
        under: first steps below which any name is read and written, and what is deeper only read.
    """

    write: frozenset[str]
    read: frozenset[str] = frozenset()
    under: frozenset[str] = frozenset()

    def has(self, path: str) -> bool:
        """Whether a configuration may name the path."""
        return path in self.write or self.reads(path) or any(below(path, one) for one in self.under)

    def reads(self, path: str) -> bool:
        """Whether a path stands at or below a first step that can only be read."""
        return first(path) in self.read

    def writes(self, path: str) -> bool:
        """Whether a path can be written, be it only into new records."""
        return path in self.write or any(len(below(path, one)) == 1 for one in self.under)

    def only_read(self, paths: Collection[str]) -> frozenset[str]:
        """Give those of some paths that cannot be written."""
        return frozenset(path for path in paths if not self.writes(path))


def way(path: str) -> Steps:
    """Take a path apart; what is no path has no steps."""
    try:
        return steps(path)
    except ValueError:
        return ()


def first(path: str) -> str:
    """Give the key that a path starts with."""
    return str(next(iter(way(path)), ""))


def below(path: str, top: str) -> Steps:
    """Give the steps of a path below the key ``top``, of which the first is a key; else none."""
    rest = way(path)[1:] if first(path) == top else ()
    return rest if rest and isinstance(rest[0], str) else ()


def at(paths: Collection[str], *firsts: str) -> frozenset[str]:
    """Give those of some paths that start with one of these keys."""
    return frozenset(path for path in paths if first(path) in firsts)
