"""Groups of incidents: what a group's key says, and the filter that reads the whole group.

A key is tagged with one of 19 kinds, any of whose members may be missing (documented). Nothing
says how a group's own cursor is used, so the rest of a group is listed with a filter that pins
its key. A key that no filter can pin is one that has no filter (tags), no single value (lists,
composites), no value, or a kind that nobody has described.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from instep.core.fields import moment, spell
from instep.systems.devrev.text import stamp
from instep.systems.devrev.words import CHOICES, CUSTOM, DATES
from instep.systems.raw import Raw, dig, objects, text

#: Incidents asked for of each group: the documented default, so surely served.
PER_GROUP = 50
#: Kinds of keys that hold one value.
SCALARS = frozenset({"bool", "int", "double", "string", "id", "date", "date_time"})
IDS = frozenset({"owned_by", "created_by", "applies_to_parts", "pia", "playbooks"})
TEXTS = frozenset({"title", "subtype"})
DAYS = DATES | {"created_date", "modified_date"}


def pin(group_by: str, key: Any) -> Raw | None:
    """Make the filter that lists the group of a key; ``None`` if there is none.

    A filter may show more than the group, never less.
    """
    value = dig(key, "value")
    if value is None or dig(key, "type") not in SCALARS:
        return None
    if "__" in group_by:
        # A custom field, whose path is spelled with or without its place.
        return {"custom_fields": {group_by.removeprefix(f"{CUSTOM}."): [value]}}
    if group_by in DAYS:
        return _day(group_by, value)
    numbered = group_by in CHOICES and isinstance(value, int)
    named = group_by in IDS | TEXTS and isinstance(value, str)
    return {group_by: [value]} if numbered or named else None


def both(one: Raw, other: Raw) -> Raw:
    """Join two filters, of which both have to hold."""
    joined = one | other
    if "modified_date" in one and "modified_date" in other:
        starts = [each["modified_date"]["after"] for each in (one, other)]
        joined["modified_date"] |= {"after": max(starts, key=moment)}
    return joined


def size(group: Raw) -> int:
    """Say how many incidents a group has, at least: its total and its cursor may be missing."""
    shown = len(objects(group.get("incidents")))
    total = group.get("total")
    counted = isinstance(total, int)
    full = shown >= PER_GROUP and not counted
    more = shown + 1 if full or text(group.get("next_cursor")) else shown
    return max(more, int(total or 0)) if counted else more


def cut(group: Raw) -> bool:
    """Whether a group has more incidents than it shows."""
    return size(group) > len(objects(group.get("incidents")))


def _day(group_by: str, value: Any) -> Raw | None:
    """Pin a day in UTC (assumed), and the first instant of the next one."""
    try:
        start = moment(str(value)).replace(hour=0, minute=0, second=0, microsecond=0)
        end = start + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    span = {"after": stamp(spell(start)), "before": stamp(spell(end))}
    return {group_by: {"type": "range", **span}}
