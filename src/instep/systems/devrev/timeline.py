"""Comments of a DevRev incident: entries of its timeline (documented).

The timeline mixes comments with changes, keeps deleted comments without a body, and may show an
empty page before its end. An incident's ``modified_date`` need not move for a comment.
"""

from __future__ import annotations

from instep.systems.base import Comment
from instep.systems.devrev.api import Api
from instep.systems.devrev.text import when
from instep.systems.raw import Raw, dig, objects, text

#: Who reads an entry that does not say so: customers too (documented).
DEFAULT = "external"
#: Visibilities that nobody outside the organisation has.
INTERNAL = frozenset({"internal", "private"})


async def comments(api: Api, record_id: str) -> list[Comment]:
    """List the comments of an incident, oldest first; the service does not sort them.

    Raises:
        Gone, Rejected: the incident is not there, or its timeline cannot be read.
    """
    body = {"object": record_id, "collections": ["discussions"]}
    found: list[Comment] = []
    async for entries, _ in api.walk("timeline-entries.list", body, "timeline_entries", record_id):
        found += [_comment(one) for one in objects(entries) if _is_comment(one)]
    return sorted(found, key=lambda one: (when(one.at), one.id))


async def say(api: Api, record_id: str, said: str, key: str) -> None:
    """Add a comment for the organisation only; visibility cannot be changed later (documented).

    The key is unique in the incident's timeline: a conflict says that the comment is there.

    Raises:
        Gone, Rejected: the incident is not there, or the service refused the comment.
    """
    body = {
        "type": "timeline_comment",
        "object": record_id,
        "body": said,
        "body_type": "text",
        "visibility": "internal",
        "external_ref": key,
    }
    await api.tell("timeline-entries.create", body, record_id, once=True)


def _is_comment(entry: Raw) -> bool:
    """Whether an entry is a comment with something in it: a deleted one has no body."""
    return entry.get("type") == "timeline_comment" and text(entry.get("body")) is not None


def _comment(entry: Raw) -> Comment:
    """Read a comment."""
    return Comment(
        id=str(entry.get("id", "")),
        text=str(entry["body"]),
        at=text(entry.get("created_date")) or "",
        author=(text(dig(entry, "created_by", "email")) or "").casefold(),
        internal=(text(entry.get("visibility")) or DEFAULT) in INTERNAL,
        key=text(entry.get("external_ref")) or "",
    )
