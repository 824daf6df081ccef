"""Linking: which incident does a record belong to.

By its reference, else by the mark that it carries, else by being the record in which a marked
incident began; else it begins a new incident. Nothing is ever guessed from content.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from instep.core.model import Record


class Link(StrEnum):
    """How a record came to its incident."""

    KNOWN = "known"
    MARK = "mark"
    ORIGIN = "origin"
    NEW = "new"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Bound:
    """A record that the ledger knows under an id: its incident, birth and the incident's uid."""

    incident: int
    birth: str
    uid: str


@dataclass(frozen=True, slots=True)
class Place:
    """An incident that a record could join: its id, and the record already bound to that side."""

    incident: int
    taken: str | None = None


def same_record(bound: Bound, record: Record) -> bool:
    """Whether a known id still means the record that was known under it.

    An id can be used again: then the birth differs, or the record carries another's mark.
    """
    return bound.birth == record.birth and (record.mark is None or record.mark.uid == bound.uid)


def link(
    record: Record, bound: Bound | None, marked: Place | None, begun: Place | None
) -> tuple[Link, int | None]:
    """Say which incident the record belongs to, and how that is known.

    ``bound`` is what its id is known as, ``marked`` the incident whose uid its mark carries,
    ``begun`` the incident whose mark names it as the one in which it began.
    """
    if bound is not None and same_record(bound, record):
        return Link.KNOWN, bound.incident
    for how, place in ((Link.MARK, marked), (Link.ORIGIN, begun)):
        if place is not None:
            if place.taken is not None and place.taken != record.id:
                # The side has its record already: this one is a copy, for a person to look at.
                return Link.DUPLICATE, place.incident
            return how, place.incident
    return Link.NEW, None
