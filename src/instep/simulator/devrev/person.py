"""What people put into DevRev: incidents as seeded, and edits in the words that they see."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from instep.simulator.devrev import lookups as org
from instep.simulator.devrev.checks import to_ms
from instep.simulator.devrev.errors import not_permitted
from instep.simulator.devrev.incident import Values
from instep.simulator.devrev.shapes import ALL_DATES
from instep.simulator.seed import Story

SEED_STAGES = {
    "active": ("triage",),
    "investigating": ("acknowledged", "fixing"),
    "stable": ("mitigated",),
    "resolved": ("resolved",),
}
SYNC_WORDS = {"external_reference", "origin_system", "external_record_id", "sync_unit"}


def seeded(story: Story) -> dict[str, Any]:
    """Tell ``story`` as DevRev keeps it; not everybody notes who reported an incident."""
    stages = SEED_STAGES[story.phase]
    return {
        "title": story.title,
        "body": story.summary,
        "severity": story.severity + 1,
        "stage": stages[story.severity % len(stages)],
        "identified_date": story.started,
        "acknowledged_date": story.acknowledged,
        "mitigated_date": story.mitigated,
        "actual_close_date": story.resolved,
        "owned_by": _people([story.owner]),
        "applies_to_parts": _parts([story.part]),
        "reported_by": 3 if story.severity == 0 else None,
    }


def full(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is empty: an incident never holds an empty value."""
    return {key: value for key, value in values.items() if value not in (None, "", (), {})}


def _people(names: list[str]) -> tuple[org.Thing, ...]:
    return tuple(user for user in (*org.USERS, *org.OTHERS) if user.name in names)


def _parts(names: list[str]) -> tuple[org.Thing, ...]:
    # A person picks one of several parts of the same name: the first.
    first = {part.name: part for part in reversed(org.PARTS)}
    return tuple(part for part in org.PARTS if part.name in names and part is first[part.name])


def as_person(
    changes: dict[str, Any], old: Values, severities: Mapping[int, str]
) -> dict[str, Any]:
    """Turn what a person sees (labels, names, e-mails) into values; ``old`` is completed."""
    plain: dict[str, Any] = {}
    for key, value in changes.items():
        if key in SYNC_WORDS:
            sync = {**old.get("sync_metadata", {}), **plain.get("sync_metadata", {})}
            plain["sync_metadata"] = full(sync | _synced(key, value))
        elif key == "custom_fields":
            plain[key] = full({**old.get(key, {}), **(value or {})})
        elif key == "severity" and isinstance(value, str):
            plain[key] = {label: number for number, label in severities.items()}[value]
        else:
            plain[key] = None if value is None else _word(key, value)
    return plain


def _synced(key: str, value: Any) -> dict[str, Any]:
    """Tell what AirSync, or somebody at the API, has written."""
    if key != "sync_unit":
        return {key: value}
    unit = next(one for one in org.SYNC_UNITS if one.id == value)
    return {"last_sync_in": {"status": "succeeded", "sync_unit": unit}}


def _word(key: str, value: Any) -> Any:
    if key in ALL_DATES:
        return to_ms(datetime.fromisoformat(value) if isinstance(value, str) else value)
    if key == "reported_by" and isinstance(value, str):
        return {label: number for number, label in org.REPORTERS.items()}[value]
    if key == "owned_by":
        return _people(value)
    if key == "applies_to_parts":
        return _parts(value)
    if key == "tags":
        return tuple((tag, None) for tag in org.TAGS if tag.name in value)
    if key == "stage" and value not in org.STAGES:
        raise not_permitted(key, f"no stage {value!r}")
    return value
