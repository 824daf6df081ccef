"""The verbs of DevRev's timelines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from instep.simulator.devrev.checks import choose
from instep.simulator.devrev.held import Held
from instep.simulator.devrev.incident import Incident
from instep.simulator.devrev.lookups import Thing
from instep.simulator.devrev.paging import Walks
from instep.simulator.devrev.switches import Switches
from instep.simulator.devrev.timeline import (
    COMMENT,
    Entry,
    check_comment,
    check_is_comment,
    entry_view,
)

Body = dict[str, Any]
Answer = tuple[int, dict[str, Any]]
KEPT = ("body", "body_type", "external_ref", "visibility", "labels", "private_to", "expires_at")


class Comments:
    """What a client asks about timelines."""

    def __init__(self, held: Held, walks: Walks, switches: Switches, me: Thing) -> None:
        """Answer for what is ``held``, to ``me``."""
        self._held = held
        self._walks = walks
        self._switches = switches
        self._me = me
        self.verbs: dict[str, Callable[[Body], Answer]] = {
            "timeline-entries.create": self._create,
            "timeline-entries.get": self._get,
            "timeline-entries.update": self._update,
            "timeline-entries.delete": self._delete,
            "timeline-entries.list": self._list,
        }

    def add(self, incident: Incident, author: Thing, text: str, **more: Any) -> str:
        """Add a comment; without a visibility customers may read it (documented)."""
        said = {"body_type": "text", "visibility": "external", "body": text, **more}
        entry = self._held.timelines.add(incident.id, author, self._held.world.now(), said=said)
        if self._switches.comment_moves_modified:
            self._held.change(incident, {}, author)
        return entry.id

    def erase(self, key: str) -> None:
        """Delete a comment: it stays, without a body (observed)."""
        owner, entry = self._held.timelines.find(key)
        check_is_comment(entry)
        self._held.timelines.change(owner, entry, is_deleted=True)

    def shown(self, incident: Incident) -> list[dict[str, Any]]:
        """Answer the comments of an incident as its timeline shows them."""
        entries = self._held.timelines.of(incident.id)
        return [entry_view(one, incident) for one in entries if not one.event]

    def _create(self, body: Body) -> Answer:
        check_comment(body, self._held.world.now())
        incident = self._held.find(body["object"], "object", listed=False)
        self._held.timelines.check_unique(incident.id, body)
        said = {key: body[key] for key in KEPT if key in body}
        key = self.add(incident, self._me, said.pop("body", ""), **said)
        return 201, self._answer(*self._held.timelines.find(key))

    def _get(self, body: Body) -> Answer:
        return 200, self._answer(*self._held.timelines.read(body))

    def _update(self, body: Body) -> Answer:
        choose(body["type"], (COMMENT,), "type")
        check_comment(body, self._held.world.now())
        owner, entry = self._held.timelines.find(body["id"])
        check_is_comment(entry)
        self._held.timelines.check_unique(owner, body, entry.id)
        said = {**entry.said, **{key: body[key] for key in KEPT if key in body}}
        return 200, self._answer(owner, self._held.timelines.change(owner, entry, said=said))

    def _delete(self, body: Body) -> Answer:
        self.erase(body["id"])
        return 200, {}

    def _list(self, body: Body) -> Answer:
        incident = self._held.find(body["object"], "object")
        timelines, now = self._held.timelines, self._held.world.now()
        entries, cursors = self._walks.page(
            body, lambda: timelines.visible(incident.id, body, self._me, now)
        )
        return 200, {"timeline_entries": [entry_view(one, incident) for one in entries], **cursors}

    def _answer(self, owner: str, entry: Entry) -> dict[str, Any]:
        return {"timeline_entry": entry_view(entry, self._held.all[owner])}
