"""Paths: how a place inside a service's record is named, and what stands there.

``custom_fields.tnt__region`` names a key below a key, ``applies_to_parts[0].name`` the first of a
list (``[-1]`` the last), and ``custom_fields["eu.west"]`` a key that has dots or brackets in it.
"""

from __future__ import annotations

import re
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
