"""Linking: which incident does a record belong to.

By its reference, else by the mark that it carries, else by being the record in which a marked
incident began, or one that was linked before, else by the address of another record that stands
in it; else it begins a new incident. Nothing is ever guessed from content: what only looks the
same is shown to a person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from instep.core.fields import moment
from instep.core.model import Record

#: Seconds between the beginnings of two incidents, at most, for them to be taken for one.
NEAR = 3600.0
#: A text that is nothing but an address.
_ADDRESS = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)


class Link(StrEnum):
    """How a record came to its incident."""

    KNOWN = "known"
    MARK = "mark"
    ORIGIN = "origin"
    ADDRESS = "address"
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
    record: Record,
    bound: Bound | None,
    marked: Place | None,
    begun: Place | None,
    addressed: Place | None = None,
) -> tuple[Link, int | None]:
    """Say which incident the record belongs to, and how that is known.

    ``bound`` is what its id is known as, ``marked`` the incident whose uid its mark carries,
    ``begun`` the incident whose mark names it as the one in which it began or that had it
    before, ``addressed`` the incident of a record that it points at, or that points at it.
    """
    if bound is not None and same_record(bound, record):
        return Link.KNOWN, bound.incident
    for how, place in ((Link.MARK, marked), (Link.ORIGIN, begun)):
        if place is not None:
            if place.taken is not None and place.taken != record.id:
                # The side has its record already: this one is a copy, for a person to look at.
                return Link.DUPLICATE, place.incident
            return how, place.incident
    if addressed is not None and addressed.taken is None and record.mark is None:
        return Link.ADDRESS, addressed.incident
    return Link.NEW, None


def address(value: object) -> str | None:
    """Give the address (URL) that a text is, as addresses are compared; ``None`` if it is none.

    A fragment and slashes at the end are dropped, and so are blanks around it. All else counts,
    and a text with more in it than one address is none.
    """
    said = value.strip() if isinstance(value, str) else ""
    is_address = _ADDRESS.fullmatch(said) and said.isprintable()
    return said.partition("#")[0].rstrip("/") if is_address else None


@dataclass(frozen=True, slots=True)
class Look:
    """What a person would know an incident by: its title, and when it began (ISO 8601)."""

    title: str
    began: str

    def like(self, other: Look) -> bool:
        """Whether two incidents look the same: one title, begun within an hour of each other."""
        same = bool(self.plain) and self.plain == other.plain
        return same and _near(self.began, other.began)

    @property
    def plain(self) -> str:
        """The title without case, spaces and punctuation."""
        return " ".join(re.findall(r"\w+", self.title.casefold()))


def _near(one: str, other: str) -> bool:
    """Whether two instants are close; one that is not known is close to none."""
    try:
        apart = moment(one) - moment(other)
    except ValueError:
        return False
    return abs(apart.total_seconds()) <= NEAR
