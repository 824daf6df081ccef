"""Custom fields of DevRev: words to values by the type that the schema gives, and back.

A field that the schema does not show is taken as it is: the service then says what it misses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from instep.core.fields import moment
from instep.core.model import Word
from instep.errors import Rejected
from instep.systems.devrev.names import chosen
from instep.systems.devrev.schema import SUBTYPE, Custom
from instep.systems.devrev.text import stamp
from instep.systems.raw import Raw, names, plain

#: Prefix of the fields of all incidents of an organisation (documented).
TENANT = "tnt__"


def decode(value: Any, known: Custom | None) -> Word:
    """Read a value into a word: of a ``uenum`` the label, which the wire shows as its id.

    An id without a label stays a number, and so stands for no word of a person's.
    """
    if known is None or known.kind != "uenum":
        return plain(value)
    if isinstance(value, list):
        return names(str(_label(one, known)) for one in value if one is not None)
    return plain(_label(value, known))


def encode(system: str, name: str, known: Custom | None, word: Word) -> Any:
    """Write a word as the field's type wants it.

    Raises:
        Rejected: the field has no such value, or the word is not of its type.
    """
    words = list(word) if isinstance(word, tuple) else [word]
    if known is None:
        return words if isinstance(word, tuple) else word
    values = [_value(system, name, known, one) for one in words]
    if known.many:
        return values
    if len(values) != 1:
        raise Rejected(f"{system} has one value for {name!r}, not {len(values)}", system=system)
    return values[0]


def schema_of(name: str, subtype: str | None) -> Raw | None:
    """Name the schema that a field belongs to, without which it is refused (documented).

    A subtype's field needs the incident's subtype, ``None`` if it has none. Any other prefix is
    that of an app (assumed: ``app_<app>__``).
    """
    if name.startswith(SUBTYPE):
        return {"subtype": subtype} if subtype else None
    prefix, separator, _ = name.partition("__")
    if not separator or name.startswith(TENANT):
        return {"tenant_fragment": True}
    return {"apps": [prefix.removeprefix("app_")]}


def join(spec: Raw, part: Raw) -> None:
    """Add a schema to those that a request names."""
    apps = [*spec.get("apps", []), *part.get("apps", [])]
    spec.update(part)
    if apps:
        spec["apps"] = sorted(set(apps))


def _label(value: Any, known: Custom) -> Any:
    """Give the label of an enumerated value, spelled as its id or as an object."""
    if isinstance(value, dict):
        value = value.get("label") or value.get("id")
    return known.labels.get(value, value) if isinstance(value, int) else value


def _value(system: str, name: str, known: Custom, word: Any) -> Any:
    """Write one value."""
    if known.kind == "uenum" and not isinstance(word, int):
        ids = {label: one for one, label in known.labels.items() if label in known.writable}
        return chosen(ids, name, str(word), system)
    if known.kind == "enum" and known.writable:
        return chosen({one: one for one in known.writable}, name, str(word), system)
    write = _WRITERS.get(known.kind)
    try:
        return write(word) if write else word
    except ValueError as error:
        raise Rejected(
            f"{system} takes a {known.kind} for {name!r}, not {word!r}",
            system=system,
            advice="map it to a field of that type",
        ) from error


def _flag(word: Any) -> bool:
    """Write a flag."""
    if str(word).casefold() not in ("true", "false"):
        raise ValueError(word)
    return str(word).casefold() == "true"


def _structure(word: Any) -> Any:
    """Write a composite, whose word is JSON text."""
    return orjson.loads(str(word))


_WRITERS: dict[str, Callable[[Any], Any]] = {
    "bool": _flag,
    "int": int,
    "double": float,
    "date": lambda word: moment(str(word)).date().isoformat(),
    "timestamp": lambda word: stamp(str(word)),
    "composite": _structure,
    "struct": _structure,
    "json_value": _structure,
    **dict.fromkeys(("text", "rich_text", "tokens", "id"), str),
}
