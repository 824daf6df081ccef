"""What stands in a ProdManager incident, and how it is spelled for its forms.

Observed on v0.22.0: dates are local digits to the minute, a history without ids or authors comes
with every incident, and what is written is not always what is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from types import MappingProxyType
from typing import Any

from instep.core.abilities import Abilities, While
from instep.core.model import Word
from instep.core.paths import Places, at
from instep.systems.base import Comment
from instep.systems.prodmanager.names import KINDS
from instep.systems.raw import Raw, dig, digest, objects, text

#: The statuses of which ``poll: {by: open}`` lists the incidents.
OPEN = ("active", "investigating", "stable")
PHASES = {
    "investigation_date": frozenset[Word]({"investigating", "stable", "resolved"}),
    "stable_date": frozenset[Word]({"stable", "resolved"}),
    "resolve_date": frozenset[Word]({"resolved"}),
}
DATES = frozenset({"start_impact_date", *PHASES})
TEXTS = frozenset({"name", "description", "external_link", "severity", "status"})
#: The words that a choice has, whoever runs the server (observed).
CHOICES = MappingProxyType(
    {
        "severity": ("critical", "high", "moderate", "low", "minor"),
        "status": (*OPEN, "resolved"),
    }
)
#: What the service sets when an incident is made. The history is no place: it holds what was said
#: inside the organisation, and moves with each comment.
MADE = frozenset({"id", "creation_date"})
PLACES = Places(write=TEXTS | DATES | {*KINDS}, read=MADE)
REQUIRED = frozenset({"name", "scope", "service", "severity", "start_impact_date"})
CREATED = REQUIRED | {"description", "external_link"}
#: What an update has to send back, or it is lost.
KEPT = (*sorted(TEXTS), *sorted(DATES), *KINDS, "external_reference")
#: Characters of a name, at least, counted before it is trimmed.
SHORTEST_NAME = 4
#: Characters of a date: to the minute.
DATE_LENGTH = 16
#: Links that are not refused: scheme and host, without user or IPv6 address.
LINK = re.compile(r"[a-z]+://[^/?:@\[\]\s]+(:\d+)?(/.*)?(\?.*)?", re.IGNORECASE)


def abilities(paths: Collection[str], *, deadline: float, hints: bool) -> Abilities:
    """Declare what ProdManager can do with the paths in use."""
    return Abilities(
        hints=hints,
        comments=True,
        deadline=deadline,
        born=MappingProxyType({"status": "active", **dict.fromkeys(PHASES)}),
        only_while=MappingProxyType(
            {path: While("status", words) for path, words in PHASES.items()}
        ),
        moves=MappingProxyType(dict.fromkeys(PHASES, frozenset({"status"}))),
        # Left out, a date of the status that it belongs to becomes the present.
        keeps=REQUIRED | {"status", *PHASES},
        read_only=PLACES.only_read(paths),
        stamps=at(paths, *MADE),
        # With its mail on, the server tells its subscribers (read in its source).
        notifies=frozenset({"status"}),
        required=REQUIRED,
    )


def spelled(path: str, value: str) -> str:
    """Spell a value for a form so that it is not refused and reads back as it is.

    Dates lose their seconds, and years below 1000 get back the zeros that reading took. A short
    name is filled with blanks, which count and are then trimmed away. NUL, which breaks the
    service on PostgreSQL, is left out.
    """
    if path in DATES:
        return value[:DATE_LENGTH].zfill(DATE_LENGTH)
    value = value.replace("\0", "")
    return value.ljust(SHORTEST_NAME) if path == "name" and value.strip() else value


def whole(raw: Raw) -> dict[str, str]:
    """Spell an incident as the form that leaves it as it is."""
    kept = {key: str(raw[key]) for key in KEPT if raw.get(key) is not None}
    return {key: spelled(key, value) for key, value in kept.items()}


def comments(raw: Raw) -> list[Comment]:
    """Read the comments out of an incident's history, oldest first.

    They have no ids: minute, text and audience name them, with a count, since two equal comments
    in one minute are two comments.
    """
    met: Counter[str] = Counter()
    found: list[Comment] = []
    for event in reversed(objects(raw.get("events"))):
        if event.get("type") != "comment":
            continue
        at, said = text(event.get("creation_date")) or "", text(event.get("content")) or ""
        internal = event.get("internal") is not False
        same = f"{at}#{digest([said, internal])[:8]}"
        met[same] += 1
        found.append(Comment(f"{same}.{met[same]}", said, at, internal=internal))
    return found


def birth(raw: Raw) -> str:
    """Tell apart incidents with one id: SQLite uses the highest id again (observed).

    The event of the creation is the last of the list, and is not there for all: it may have failed
    to be written.
    """
    events = objects(raw.get("events"))
    first = next((one for one in reversed(events) if one.get("type") == "create"), None)
    proof = digest(first.get("content"))[:8] if first else ""
    return f"{raw.get('creation_date')}#{proof}"


def reason(value: Any) -> str:
    """Read an error: a sentence, or a message with reasons by field."""
    if isinstance(value, str):
        return value
    reasons = dig(value, "reasons")
    said = [
        f"{name}: {' '.join(map(str, why)) if isinstance(why, list) else why}"
        for name, why in (reasons.items() if isinstance(reasons, dict) else ())
    ]
    return "; ".join([str(dig(value, "message") or ""), *said])
