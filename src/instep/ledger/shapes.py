"""The shapes of the documents in a ledger: what can be loaded, and what cannot."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Text, null, select, type_coerce

from instep.core.model import Base, Mark, Sent
from instep.ledger.tables import Document, metadata

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Table

Shape = Callable[[Any], bool]


def is_word(value: Any) -> bool:
    """Whether it is a value of a field: plain, or a list of names."""
    return value is None or isinstance(value, str | int | float) or is_names(value)


def is_names(value: Any) -> bool:
    """Whether it is a list of names."""
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def by_name(inner: Shape) -> Shape:
    """Make the shape of a mapping from names to something."""
    return lambda value: isinstance(value, dict) and all(map(inner, value.values()))


def made_of(kind: type, **parts: Shape) -> Shape:
    """Make the shape of a mapping that a dataclass can be made of; ``parts`` must be so."""
    known = dataclasses.fields(kind)
    names = {each.name for each in known}
    needed = {each.name for each in known if each.default is dataclasses.MISSING}

    def fits(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and needed <= value.keys() <= names
            and all(shape(value[name]) for name, shape in parts.items() if name in value)
        )

    return fits


def is_text(value: Any) -> bool:
    """Whether it is a text."""
    return isinstance(value, str)


def is_flag(value: Any) -> bool:
    """Whether it is true or false."""
    return isinstance(value, bool)


def is_count(value: Any) -> bool:
    """Whether it is a whole number."""
    return isinstance(value, int) and not is_flag(value)


_WORDS = by_name(is_word)
_BASE = made_of(Base, value=is_word, origins=is_names, at=is_text)
_SENT = made_of(Sent, path=is_text, value=is_word, word=is_word, assumed=is_word, carried=is_flag)
_MARK = made_of(Mark, origin=is_text, display=is_text, uid=is_text, url=is_text)
#: (table, column) -> what its documents look like.
SHAPES: Mapping[tuple[str, str], Shape] = MappingProxyType(
    {
        ("incidents", "base"): by_name(_BASE),
        ("sides", "says"): _WORDS,
        ("sides", "says_at"): by_name(is_text),
        ("sides", "shadow"): _WORDS,
        ("sides", "agreed"): _WORDS,
        ("intents", "sent"): by_name(_SENT),
        ("intents", "mark"): _MARK,
        ("intents", "extra"): _WORDS,
        ("cursors", "census"): by_name(is_count),
        ("conflicts", "value"): is_word,
        ("conflicts", "origins"): is_names,
        ("held", "fields"): _WORDS,
        ("runs", "report"): lambda value: isinstance(value, dict),
        ("journal", "before"): _WORDS,
        ("journal", "after"): _WORDS,
    }
)


def documents() -> Iterator[tuple[Table, Column[Any]]]:
    """Give every column that holds documents."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Document):
                yield table, column


def misshapen(db: Connection) -> Iterator[tuple[str, str, str, int | None]]:
    """Give table, column, key and incident (if it has one) of each document that is not right."""
    for table, column in documents():
        fits = SHAPES[table.name, column.name]
        keys = list(table.primary_key.columns)
        owner = table.c.id if table.name == "incidents" else table.c.get("incident", null())
        chosen: list[Any] = [*keys, owner.label("owner"), type_coerce(column, Text).label("raw")]
        for row in db.execute(select(*chosen).where(column.is_not(None))).mappings():
            if not _parses(row["raw"], fits):
                key = "/".join(str(row[each.name]) for each in keys)
                yield table.name, column.name, key, row["owner"]


def _parses(raw: Any, fits: Shape) -> bool:
    """Whether a document can be read, and is what it should be."""
    try:
        return fits(orjson.loads(raw))
    except (orjson.JSONDecodeError, TypeError):
        return False
