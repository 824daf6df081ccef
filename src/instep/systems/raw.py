"""Reading the objects of services: what more than one connector needs.

A service may leave a key out, send ``null`` for it or something of another shape; none of that
is a reason to stop, so everything here answers ``None`` for what is not there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
import structlog

from instep.core.linking import address
from instep.core.model import Mark, Word
from instep.core.paths import Places, follow, way
from instep.errors import ConfigError, Problem, RecordError, SideError, Unreachable

log = structlog.get_logger()

Raw = dict[str, Any]
Getter = Callable[[Raw], Word]

#: A mark as text. What follows the system's name is never ``//``, or every URL would be one; the
#: uid is one of ours, or ``github:acme/checkout`` would be; and there is only one, or two marks
#: in a row would be the second.
_MARK = re.compile(r"([\w.-]+):(?!//)((?:(?!/[0-9a-f]{12}\b)\S)*)/([0-9a-f]{12})")


def reader(places: Places, path: str, *top: str) -> Getter | None:
    """Choose how a path that can only be read is read, from the object at the steps ``top``."""
    whole = (*top, *way(path))
    return (lambda raw: plain(follow(raw, whole))) if places.reads(path) else None


def digest(value: Any) -> str:
    """Name the content of a JSON value: equal content, equal name, whatever the order of keys."""
    spelled = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(spelled, digest_size=16).hexdigest()


def dig(value: Any, *keys: str) -> Any:
    """Give what stands at the end of a chain of keys, or ``None`` if the chain breaks."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value: Any) -> str | None:
    """Give a text; empty, or anything else, is ``None``."""
    return value if isinstance(value, str) and value else None


def names(values: Iterable[Any]) -> tuple[str, ...] | None:
    """Give a list of names, each once and sorted; an empty list is ``None``."""
    return tuple(sorted({value for value in values if isinstance(value, str) and value})) or None


def points(values: Iterable[Any], own: str) -> tuple[str, ...]:
    """Give the addresses among references, each once and sorted, without the record's ``own``."""
    return tuple(sorted({found for value in values if (found := address(value))} - {address(own)}))


def objects(values: Any) -> list[Raw]:
    """Give the objects of a list; what is no list has none."""
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def plain(value: Any) -> Word:
    """Make the value of a custom place plain: lists are tuples of text, objects are JSON text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value or None
    if isinstance(value, list):
        return names(one if isinstance(one, str) else orjson.dumps(one).decode() for one in value)
    return orjson.dumps(value).decode()


def having_id(system: str, items: list[Any]) -> list[Raw]:
    """Leave out of a listing what has no id: one bad record costs one record."""
    found = [
        one for one in objects(items) if isinstance(one.get("id"), str | int) and one.get("id")
    ]
    if len(found) < len(items):
        log.warning("record.unreadable", system=system)
    return found


def parse_mark(value: Any, url: str = "") -> Mark | None:
    """Read a mark from free text; a reference of a user's own is ``None``."""
    found = _MARK.fullmatch(value) if isinstance(value, str) else None
    return Mark(found[1], found[2], found[3], url) if found else None


def getters(
    system: str, paths: Collection[str], choose: Callable[[str], Getter | None]
) -> Mapping[str, Getter]:
    """Choose the getter of each path, once.

    Raises:
        ConfigError: the system has no such path.
    """
    chosen = {path: choose(path) for path in sorted(paths)}
    problems = [
        Problem(f"{system} has no path {path!r}") for path, getter in chosen.items() if not getter
    ]
    if problems:
        raise ConfigError(tuple(problems))
    return {path: getter for path, getter in chosen.items() if getter}


@contextmanager
def reading_back(system: str) -> Iterator[None]:
    """Make every failure to read a record back unclear, because the write itself was done."""
    try:
        yield
    except SideError as error:
        error.unclear = True
        raise
    except RecordError as error:
        raise Unreachable(
            f"{system} was written to, but the record could not be read back: {error}",
            system=system,
            advice=error.advice,
            unclear=True,
        ) from error
