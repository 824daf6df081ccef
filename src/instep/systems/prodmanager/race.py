"""What a full replacement wrote over: an edit between the look at an incident and the write.

There is no version to write against, so such an edit cannot be prevented from being lost. But the
history tells of it: the event of our own update names, for each column that it changed, what stood
there before (observed).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from instep.systems.prodmanager.names import KINDS
from instep.systems.prodmanager.words import KEPT
from instep.systems.raw import Raw, objects

#: Values that the history spells in capitals.
CAPITALS = frozenset({"status", "severity"})


def overwritten(seen: Raw, fresh: Raw, form: Mapping[str, str]) -> Raw:
    """Give, by path, what stood where an update wrote over something other than it had ``seen``.

    ``fresh`` is the incident as it is after the update, ``form`` what that sent. What somebody has
    edited since is left out. Empty where the history does not say.
    """
    lost: Raw = {}
    for path, before, after in _changes(seen, fresh):
        # The web interface makes "" of null: both are nothing.
        known, now = seen.get(path) or None, fresh.get(path) or None
        # A change to anything else than what we sent is somebody's who came after us.
        ours = _plain(after) == _plain(form.get(path))
        if ours and before != known and after == now:
            lost[path] = before
    return lost


def _plain(value: Any) -> list[str]:
    """Give a value without what the service trims; nothing is no words."""
    return [] if value is None else str(value).split()


def _changes(seen: Raw, fresh: Raw) -> Iterator[tuple[str, Any, Any]]:
    """List the changes (path, before, after) that the history gained, oldest first."""
    events = objects(fresh.get("events"))
    gained = events[: max(len(events) - len(objects(seen.get("events"))), 0)]
    for event in reversed(gained):
        if event.get("type") == "update":
            yield from _columns(event.get("content"))


def _columns(content: Any) -> Iterator[tuple[str, Any, Any]]:
    """Read an update's columns in the words of the incident; what cannot be read is nothing."""
    try:
        changed = orjson.loads(content)
    except (orjson.JSONDecodeError, TypeError):
        return
    for column, pair in changed.items() if isinstance(changed, dict) else ():
        path = column.removesuffix("_id") if column.removesuffix("_id") in KINDS else column
        if path in KEPT and isinstance(pair, list) and len(pair) == 2:
            before, after = (_word(path, value) for value in pair)
            yield path, before, after


def _word(path: str, value: Any) -> Any:
    """Spell a value of the history as the incident shows it."""
    return value.lower() if path in CAPITALS and isinstance(value, str) else value or None
