"""What people put into DevRev: incidents as seeded, and edits in the words that they see."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from instep.simulator import devrev_checks as checks
from instep.simulator import devrev_lookups as org
from instep.simulator.devrev_checks import not_permitted

if TYPE_CHECKING:
    from instep.simulator.devrev_incident import Values
    from instep.simulator.seed import Story

SEED_STAGES = {
    "active": ("triage",),
    "investigating": ("acknowledged", "fixing"),
    "stable": ("mitigated",),
    "resolved": ("resolved",),
}


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


def _people(emails: list[str]) -> tuple[org.Thing, ...]:
    return tuple(user for user in org.USERS if user.name in emails)


def _parts(names: list[str]) -> tuple[org.Thing, ...]:
    return tuple(part for part in org.PARTS if part.name in names)


def as_person(changes: dict[str, Any], old: Values) -> dict[str, Any]:
    """Turn what a person sees (labels, names, e-mails) into values; ``old`` is completed."""
    plain: dict[str, Any] = {}
    for key, value in changes.items():
        if key in {"external_reference", "origin_system"}:
            sync = {**old.get("sync_metadata", {}), **plain.get("sync_metadata", {}), key: value}
            plain["sync_metadata"] = full(sync)
        elif key == "custom_fields":
            plain[key] = full({**old.get(key, {}), **(value or {})})
        else:
            plain[key] = None if value is None else _word(key, value)
    return plain


def _word(key: str, value: Any) -> Any:
    if key in checks.ALL_DATES:
        return checks.to_ms(datetime.fromisoformat(value) if isinstance(value, str) else value)
    if key == "severity" and isinstance(value, str):
        return {label: number for number, label in org.SEVERITIES.items()}[value]
    if key == "owned_by":
        return _people(value)
    if key == "applies_to_parts":
        return _parts(value)
    if key == "stage" and value not in org.STAGES:
        raise not_permitted(key, f"no stage {value!r}")
    return value
