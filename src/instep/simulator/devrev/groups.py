"""How DevRev groups incidents: the keys of all nineteen kinds.

What an incident can be grouped by is not listed anywhere: assumed are the stock fields that have a
filter, tags, and every filterable custom field, named with or without ``custom_fields.``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from instep.simulator.devrev.checks import spell
from instep.simulator.devrev.errors import not_permitted
from instep.simulator.devrev.fields import FIELDS
from instep.simulator.devrev.incident import Incident
from instep.simulator.devrev.lookups import Thing
from instep.simulator.devrev.query import check_filterable
from instep.simulator.devrev.shapes import ALL_DATES
from instep.simulator.devrev.switches import Switches

Key = dict[str, Any]
_KINDS = {
    **dict.fromkeys(("severity", "reported_by", "source"), "int"),
    **dict.fromkeys(("owned_by", "created_by", "applies_to_parts", "pia", "playbooks"), "id"),
    **dict.fromkeys(ALL_DATES, "date"),
    "stage": "stage",
    "subtype": "string",
    "tags": "tag_summary",
}
_CUSTOM_KINDS = {
    **dict.fromkeys(("text", "rich_text", "tokens", "enum"), "string"),
    "uenum": "int",
    "timestamp": "date_time",
}


def group(rows: list[Incident], by: str, switches: Switches) -> list[tuple[Key, list[str]]]:
    """Group incidents, in the order of their first members.

    One with two owners is in two groups. One without a value is in none, or in a group whose key
    has no value (``group_empty``): neither is documented.
    """
    kind, name = _kind(by)
    found: dict[str, tuple[Key, list[str]]] = {}
    for row in rows:
        value = _value(row, name)
        keys = _keys(kind, value, whole=switches.group_lists)
        if not keys and switches.group_empty:
            keys = [{"type": kind}]
        for key in keys:
            shown = _newer(key, value) if switches.newer else key
            found.setdefault(repr(key), (shown, []))[1].append(row.id)
    return list(found.values())


def _kind(by: str) -> tuple[str, str]:
    """Answer the kind of a field's keys, and its name."""
    if by in _KINDS:
        return _KINDS[by], by
    name = by.removeprefix("custom_fields.")
    if "__" not in name:
        raise not_permitted("group_by", f"cannot group by {by!r}")
    check_filterable(name, "group_by")
    field = FIELDS[name]
    return _CUSTOM_KINDS.get(field.kind, field.kind), name


def _value(row: Incident, name: str) -> Any:
    if "__" in name:
        return row.values.get("custom_fields", {}).get(name)
    return row.values.get(name)


def _keys(kind: str, value: Any, *, whole: bool) -> list[Key]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        return [field_value(kind, value)]
    if whole:
        return [list_value(kind, value)]
    return [field_value(kind, one) for one in value]


def field_value(kind: str, value: Any) -> Key:
    """Spell one value with its kind."""
    if kind == "stage":
        return {"type": kind, "name": value}
    if kind == "tag_summary":
        return {"type": kind, **_tag(value)}
    if kind == "composite":
        return {"type": kind, "fields": _members(value)}
    return {"type": kind, "value": _scalar(kind, value)}


def list_value(kind: str, values: list[Any] | tuple[Any, ...]) -> Key:
    """Spell a whole list with its kind; its members have none of their own, composites' have."""
    if kind == "tag_summary":
        return {"type": f"{kind}_list", "values": [_tag(one) for one in values]}
    if kind == "composite":
        return {"type": f"{kind}_list", "values": [{"fields": _members(one)} for one in values]}
    return {"type": f"{kind}_list", "values": [_scalar(kind, one) for one in values]}


def _scalar(kind: str, value: Any) -> Any:
    if isinstance(value, Thing):
        return value.id
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if kind == "date" else spell(value)
    return value


def _tag(pair: tuple[Thing, str | None]) -> Key:
    return {"tag_id": pair[0].id, "name": pair[0].name}


def _members(composite: dict[str, Any]) -> dict[str, Key]:
    return {
        name: field_value("string" if isinstance(one, str) else "double", one)
        for name, one in composite.items()
    }


def _newer(key: Key, value: Any) -> Key:
    """Add what the document of 2026-01 shows beside the value."""
    said = key.get("name", key.get("value", value))
    return key | {"display_value": str(said)}
