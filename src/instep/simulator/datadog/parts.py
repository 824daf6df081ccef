"""Changing what belongs to an incident: attachments, impacts, integrations, todos, comments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from instep.simulator.datadog import org
from instep.simulator.datadog.incident import Incident, Part
from instep.simulator.wire import Reply

if TYPE_CHECKING:
    from instep.simulator.datadog import DatadogSimulator

#: Method, pattern of the path, the permission that it takes, and what answers: a function of the
#: double, the call and the groups of the pattern.
Route = tuple[str, str, str, Callable[..., Reply]]
JSON_API = "application/vnd.api+json"
ONE = "/api/v2/incidents/([^/]+)"
READ, WRITE = "incident_read", "incident_write"


def add(
    double: DatadogSimulator,
    incident: Incident,
    place: str,
    values: Mapping[str, Any],
    *,
    new_id: str = "",
) -> Part:
    """Add a part at ``place``, a name of ``Incident``; without ``new_id`` its id is random."""
    now = double.now()
    made = Part(
        id=new_id or double.random_id(),
        values=values,
        created=now,
        modified=now,
        author=org.BOT,
        editor=org.BOT,
    )
    _put(double, incident, place, (*getattr(incident, place), made))
    return made


def change(
    double: DatadogSimulator, incident: Incident, place: str, part: Part, values: Mapping[str, Any]
) -> Part:
    """Put the next version of a part in its place."""
    after = part.changed(values, double.now(), org.BOT)
    parts = getattr(incident, place)
    _put(double, incident, place, tuple(after if one is part else one for one in parts))
    return after


def remove(double: DatadogSimulator, incident: Incident, place: str, part: Part) -> None:
    """Take a part away."""
    parts = getattr(incident, place)
    _put(double, incident, place, tuple(one for one in parts if one is not part))


def pick(incident: Incident, place: str, part_id: str) -> Part | None:
    """Answer a part by its id."""
    return next((one for one in getattr(incident, place) if one.id == part_id), None)


def _put(double: DatadogSimulator, incident: Incident, place: str, parts: Any) -> None:
    """Hold the incident with these parts; whether that moves ``modified`` is not known."""
    changed = replace(incident, **{place: parts})
    if double.side_writes_move:
        double.touch(changed, org.BOT)
    else:
        double.keep(changed)
