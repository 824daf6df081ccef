"""What a full replacement wrote over: an edit between the look at an incident and the write.

There is no version to write against, so such an edit cannot be prevented from being lost. But the
history tells of it: the event of our own update names, for each column that it changed, what stood
there before (observed). Events have no author, so ours is known by what it left behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from instep.systems.prodmanager.names import KINDS
from instep.systems.prodmanager.words import KEPT, PHASES, spelled
from instep.systems.raw import Raw, objects

#: Values that the history spells in capitals.
CAPITALS = frozenset({"status", "severity"})
#: Status -> the date that becomes the present where an update does not send it.
FILLED = {
    "investigating": "investigation_date",
    "stable": "stable_date",
    "resolved": "resolve_date",
}
#: What one event changed: path -> (before, after), in the words of the incident.
Changed = Mapping[str, tuple[Any, Any]]


def overwritten(seen: Raw, fresh: Raw, form: Mapping[str, str]) -> Raw:
    """Give, by path, what stood where an update wrote over something other than it had ``seen``.

    ``fresh`` is the incident as it is after the update, ``form`` what that sent. What somebody has
    edited since is left out. Empty where the history does not say.
    """
    lost: Raw = {}
    for path, (before, after) in _ours(seen, fresh, form).items():
        # The web interface makes "" of null: both are nothing.
        known, now = seen.get(path) or None, fresh.get(path) or None
        if before != known and after == now:
            lost[path] = before
    return lost


def _ours(seen: Raw, fresh: Raw, form: Mapping[str, str]) -> Changed:
    """Find the event of our own update: the first that left the incident as the form said.

    Others may have written before it and after it, and even have taken back what they wrote.
    """
    said = dict(seen)
    for changed in _gained(seen, fresh):
        said |= {path: after for path, (_, after) in changed.items()}
        if all(_says(path, said.get(path), form) for path in KEPT):
            return changed
    return {}


def _says(path: str, value: Any, form: Mapping[str, str]) -> bool:
    """Whether a value is what the form has left at a path."""
    status = form.get("status", "")
    is_emptied = path in PHASES and status not in PHASES[path]
    is_filled = path == FILLED.get(status) and path not in form
    if is_emptied or is_filled:
        # The service sees to it by itself.
        return True
    spelling = "" if value is None else spelled(path, str(value))
    return spelling.split() == form.get(path, "").split()


def _gained(seen: Raw, fresh: Raw) -> Iterator[Changed]:
    """Give the updates that the history gained, oldest first."""
    events = objects(fresh.get("events"))
    gained = events[: max(len(events) - len(objects(seen.get("events"))), 0)]
    for event in reversed(gained):
        if event.get("type") == "update":
            yield dict(_columns(event.get("content")))


def _columns(content: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Read an update's columns in the words of the incident; what cannot be read is nothing."""
    try:
        changed = orjson.loads(content)
    except (orjson.JSONDecodeError, TypeError):
        return
    for column, pair in changed.items() if isinstance(changed, dict) else ():
        path = column.removesuffix("_id") if column.removesuffix("_id") in KINDS else column
        if path in KEPT and isinstance(pair, list) and len(pair) == 2:
            yield path, (_word(path, pair[0]), _word(path, pair[1]))


def _word(path: str, value: Any) -> Any:
    """Spell a value of the history as the incident shows it."""
    return value.lower() if path in CAPITALS and isinstance(value, str) else value or None
