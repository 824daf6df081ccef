"""Spellings that DevRev's requests want: instants, and the mark as an external reference."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from instep.core.fields import moment
from instep.core.model import Mark

#: An external reference is a URL; ours ends in the incident's own uid.
ANCHOR = "#instep-"
#: Ours, with one uid. Its address is empty where the record of origin was not known.
_OURS = re.compile(rf"((?:(?!{ANCHOR})\S)*){ANCHOR}([0-9a-f]{{12}})")
_NAME = re.compile(r"[\w.-]*")


def stamp(word: str) -> str:
    """Spell an instant as DevRev does: UTC with ``Z``, milliseconds unless there is more.

    Raises:
        ValueError: not an instant.
    """
    when = moment(word)
    part = "microseconds" if when.microsecond % 1000 else "milliseconds"
    return when.replace(tzinfo=None).isoformat(timespec=part) + "Z"


def when(spelled: str | None) -> datetime:
    """Read an instant to compare by; what is none comes before all others."""
    try:
        return moment(spelled or "")
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def reference(mark: Mark) -> str:
    """Spell a mark as an external reference."""
    return f"{mark.url}{ANCHOR}{mark.uid}"


def read_reference(text: str, origin: str) -> Mark | None:
    """Read a mark from an external reference; a user's own, or half of one, is none.

    ``origin`` names a system; it may be empty, since the uid alone tells the incident.
    """
    found = _OURS.fullmatch(text)
    return Mark(origin, "", found[2], found[1]) if found and _NAME.fullmatch(origin) else None
