"""The timelines of DevRev's incidents: comments and change events in one list."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from instep.simulator.devrev.checks import choose, spell_finely
from instep.simulator.devrev.errors import (
    RefusedError,
    invalid_id,
    missing,
    not_found,
    not_permitted,
    other_kind,
)
from instep.simulator.devrev.groups import field_value, list_value
from instep.simulator.devrev.incident import Incident, Values
from instep.simulator.devrev.lookups import Thing, person
from instep.simulator.devrev.shapes import ALL_DATES

VISIBILITIES = ("external", "internal", "private", "public")
BODY_TYPES = ("data", "snap_kit", "snap_widget", "text")
COLLECTIONS = ("discussions", "events")
COMMENT = "timeline_comment"
#: key -> the most that a request may hold of it (documented).
MOST = {"labels": 16, "artifacts": 50}


@dataclass(frozen=True, slots=True)
class Entry:
    """A comment, or a change event (``event`` is set); a deleted comment has no ``said``."""

    id: str
    author: Thing
    at: datetime
    said: Mapping[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)
    is_deleted: bool = False

    @property
    def visibility(self) -> str:
        """Answer who may read it; change events do not say."""
        return str(self.said.get("visibility", ""))


class Timelines:
    """The entries of every incident, oldest first, by the incident's id."""

    def __init__(self, rng: random.Random) -> None:
        """Draw ids from ``rng``."""
        self._random = rng
        self._entries: dict[str, dict[str, Entry]] = {}

    def add(self, owner: str, author: Thing, at: datetime, **what: Any) -> Entry:
        """Add a comment (``said``) or a change event (``event``)."""
        kind = "comment" if "said" in what else "change_event"
        made = Entry(f"{owner}:{kind}/{self._random.getrandbits(60):x}", author, at, **what)
        self._entries.setdefault(owner, {})[made.id] = made
        return made

    def of(self, owner: str) -> list[Entry]:
        """Answer the entries of an incident, oldest first."""
        return list(self._entries.get(owner, {}).values())

    def drop(self, owner: str) -> None:
        """Forget the timeline of a deleted incident."""
        self._entries.pop(owner, None)

    def move(self, old: str, new: str) -> None:
        """Give a timeline to the id that its incident has now."""
        for entry in self._entries.pop(old, {}).values():
            moved = replace(entry, id=entry.id.replace(old, new, 1))
            self._entries.setdefault(new, {})[moved.id] = moved

    def find(self, key: str) -> tuple[str, Entry]:
        """Find an entry and the incident that it belongs to; update and delete list no 404."""
        owner = key.rpartition(":")[0]
        entry = self._entries.get(owner, {}).get(key)
        if entry is None:
            raise invalid_id("id")
        return owner, entry

    def read(self, body: Mapping[str, Any]) -> tuple[str, Entry]:
        """Find an entry, or with ``external_ref`` its neighbour of that name."""
        try:
            owner, entry = self.find(body["id"])
        except RefusedError:
            raise not_found() from None
        if "external_ref" not in body:
            return owner, entry
        for one in self.of(owner):
            if one.said.get("external_ref") == body["external_ref"]:
                return owner, one
        raise not_found()

    def check_unique(self, owner: str, body: Mapping[str, Any], but: str = "") -> None:
        """Refuse an external reference that another entry has: the one real 409.

        That a deleted comment keeps its reference is assumed.
        """
        wanted = body.get("external_ref")
        for one in self.of(owner):
            if wanted is not None and one.id != but and one.said.get("external_ref") == wanted:
                raise RefusedError("conflict", 409, "Conflict")

    def change(self, owner: str, entry: Entry, **changes: Any) -> Entry:
        """Put another version of an entry in its place."""
        self._entries[owner][entry.id] = changed = replace(entry, **changes)
        return changed

    def visible(
        self, owner: str, body: Mapping[str, Any], reader: Thing, now: datetime
    ) -> list[Entry]:
        """Answer what a reader may see, and the filters let through."""
        for key, allowed in (("collections", COLLECTIONS), ("visibility", VISIBILITIES)):
            for one in body.get(key, ()):
                choose(one, allowed, key)
        return [one for one in self.of(owner) if _passes(one, body, reader, now)]


def _passes(entry: Entry, body: Mapping[str, Any], reader: Thing, now: datetime) -> bool:
    collection = "events" if entry.event else "discussions"
    if collection not in body.get("collections", COLLECTIONS):
        return False
    private = entry.visibility == "private" and entry.author != reader
    if private and reader.id not in entry.said.get("private_to", ()):
        return False
    if entry.said.get("expires_at", now) < now:
        return False
    if "visibility" in body and entry.visibility not in body["visibility"]:
        return False
    dates = body.get("created_date", {})
    if not dates.get("after", entry.at) <= entry.at <= dates.get("before", entry.at):
        return False
    wanted = body.get("labels")
    return not wanted or bool(set(wanted) & set(entry.said.get("labels", ())))


def check_comment(body: Mapping[str, Any], now: datetime) -> None:
    """Refuse a comment that breaks the limits that are documented."""
    choose(body["type"], (COMMENT,), "type")
    choose(body.get("visibility", "external"), VISIBILITIES, "visibility")
    choose(body.get("body_type", "text"), BODY_TYPES, "body_type")
    for key, most in MOST.items():
        held = body.get(key, ())
        if len(held) > most and not isinstance(held, dict):
            raise not_permitted(key, f"at most {most}")
    if not all(1 <= len(label) <= 64 for label in body.get("labels", ())):
        raise not_permitted("labels", "between 1 and 64 characters each")
    reference = body.get("external_ref")
    if reference is not None and not 1 <= len(reference) <= 512:
        raise not_permitted("external_ref", "between 1 and 512 characters")
    if body.get("expires_at", now + timedelta(hours=1)) < now + timedelta(minutes=1):
        raise not_permitted("expires_at", "at least one minute ahead")
    if body.get("private_to") and body.get("visibility") != "private":
        raise missing("visibility")


def check_is_comment(entry: Entry) -> None:
    """Refuse to change what nobody wrote."""
    if entry.event:
        raise other_kind("id")


def entry_view(entry: Entry, incident: Incident) -> dict[str, Any]:
    """Spell an entry; a deleted comment stays, without its body (observed)."""
    said: dict[str, Any] = {
        "type": "timeline_change_event" if entry.event else COMMENT,
        "id": entry.id,
        "object": incident.id,
        "object_display_id": incident.display_id,
        "object_type": "incident",
        "created_by": person(entry.author),
        "created_date": spell_finely(entry.at.astimezone(UTC)),
    }
    if entry.event:
        return said | {"event": _event_view(entry.event, incident)}
    shown = ["external_ref", "visibility", "labels"]
    shown += [] if entry.is_deleted else ["body", "body_type"]
    return said | {key: entry.said[key] for key in shown if entry.said.get(key) is not None}


def _event_view(event: Mapping[str, Any], incident: Incident) -> dict[str, Any]:
    if event["type"] == "created":
        return {"type": "created", "created": {"object": incident.thing.summary()}}
    before, after = event["before"], event["after"]
    deltas = [_delta(name, before, after) for name in event["names"]]
    return {"type": "updated", "updated": {"object_type": "incident", "field_deltas": deltas}}


def changed_names(before: Values, after: Values) -> list[str]:
    """Answer what an update changed, but for what every update does."""
    kept = {"modified_date", "modified_by"}
    names = {**before, **after}
    return [name for name in names if name not in kept and before.get(name) != after.get(name)]


def _delta(name: str, before: Values, after: Values) -> dict[str, Any]:
    said: dict[str, Any] = {"name": name}
    for key, values in (("old_value", before), ("new_value", after)):
        if name in values:
            said[key] = _spelled(name, values[name])
    return said


def _spelled(name: str, value: Any) -> dict[str, Any]:
    if name == "tags":
        return list_value("tag_summary", value)
    if isinstance(value, tuple):
        return list_value("id", value)
    if name in ALL_DATES:
        return field_value("date_time", value)
    if name == "stage":
        return field_value("stage", value)
    if isinstance(value, int):
        return field_value("int", value)
    # How a composite's members are spelled in a delta is not documented: as text.
    return field_value("string", str(value))
