"""The contract between the engine and a system.

A connector speaks in *paths* and *words*. A path names a place in the service's record
(``title``, ``fields.severity``, ``custom_fields.tnt__region``); a word is what stands there, in
the service's own words, made plain:

==============================  =====================================================
place in the service            word
==============================  =====================================================
text, link                      ``str``; missing, ``null`` and ``""`` are ``None``
enumerated (severity, stage)    the name people see (``"sev-1"``, ``"triage"``), never an id
date                            the digits as the service spells them
list of names or of people      ``tuple[str, ...]`` of names or e-mails; empty is ``None``
number, flag                    ``int``, ``float``, ``bool``
any other object                its JSON text
==============================  =====================================================

Words given to ``create`` and ``update`` are canonical: instants as ``2026-02-03T09:12:00Z`` with
at most six fraction digits (or the service's own local digits where its rule has a zone), lists
sorted. The connector encodes them for the wire, and leaves out what the service has no name for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from instep.core.abilities import Abilities, While
from instep.core.model import Mark, Record, Words, Written

__all__ = ["Abilities", "Comment", "Offer", "Page", "System", "While"]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing.

    ``cursor`` is what ``changes`` may start from once this page and all before it are noted;
    ``None`` if the service cannot filter by time. ``complete`` is true on the last page of a
    listing that is known to have shown every record.
    """

    records: tuple[Record, ...]
    cursor: str | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment on a record; ``key`` is its writer's own name for it, where one is kept.

    ``at`` is spelled as the service does, ``author`` is an e-mail or empty, and ``internal`` says
    that nobody outside the organisation reads it.
    """

    id: str
    text: str
    at: str = ""
    author: str = ""
    internal: bool = True
    key: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a service has at a path: whether there is such a place, and which words.

    ``missing`` are the wanted words that it does not have, or takes no more. ``words`` are all
    that can stand there, ``None`` where they cannot be listed whole.
    """

    there: bool = True
    missing: tuple[str, ...] = ()
    words: tuple[str, ...] | None = None

    @classmethod
    def listing(cls, words: Iterable[str], wanted: Collection[str]) -> Offer:
        """Offer a place of which all ``words`` are known."""
        known = tuple(dict.fromkeys(words))
        return cls(missing=tuple(sorted({*wanted} - {*known})), words=known)


class System(Protocol):
    """One configured service.

    Every method may raise ``Denied`` or ``Unreachable`` (this side stops for the cycle), and
    those that name a record ``Gone`` or ``Rejected`` (only that record is concerned). An
    ``Unreachable`` from ``create`` or ``update`` is ``unclear`` unless the request certainly
    had no effect.
    """

    name: str
    abilities: Abilities

    @property
    def requests(self) -> int:
        """How many requests were sent since it was opened, repeated reads included."""
        ...

    async def check(self) -> tuple[str, ...]:
        """Prove credentials, permissions and needed fields; answer warnings for a person."""
        ...

    async def offers(self, wanted: Mapping[str, Collection[str]]) -> Mapping[str, Offer]:
        """Look up what the service has at each path, of which these own words are in use.

        Nothing is remembered from before, and nothing written. Where a list takes a permission
        that is lacking, its path is taken to be there and no word to be missing; credentials that
        are refused altogether raise what ``check`` raises.
        """
        ...

    async def prepare(self) -> tuple[str, ...]:
        """Make what instep needs in the service; answer a sentence for each thing made.

        The one method that changes a service's settings; called at a person's request only.
        """
        ...

    def changes(self, since: str | None, watch: Collection[str] = ()) -> AsyncIterator[Page]:
        """List what changed since the cursor, inclusive, or everything for ``None``.

        A page is asked for only when the iterator is advanced. A record may be listed twice.
        ``watch`` are the ids of records to show in any case, for a system that only ``hints``.
        """
        ...

    async def census(self) -> Mapping[str, int] | None:
        """Count the records, by what stands at the path ``abilities.census``; ``None`` if it can't.

        Cheap beside a listing, and as far behind as one.
        """
        ...

    def words(self, record: Record) -> Words:
        """Say, for each path in use, what the record says there, in the service's own words."""
        ...

    async def read(self, record_id: str) -> Record:
        """Read one record as it is now; ``Gone`` only when the service says so in its own words."""
        ...

    async def find(self, mark: Mark) -> list[Record]:
        """Find every record that carries the mark, at most ``find_lag`` behind."""
        ...

    async def create(self, words: Words, mark: Mark) -> Written:
        """Make one record carrying the mark, with exactly one request that writes; read it back."""
        ...

    async def update(self, seen: Record, words: Words) -> Written:
        """Change paths of the record just read, with exactly one writing request; read it back."""
        ...

    async def delete(self, record_id: str) -> None:
        """Delete one record for good; ``Rejected`` if the service does not let it be deleted."""
        ...

    async def link(self, record_id: str, links: Mapping[str, str]) -> None:
        """Show people where the incident's other records are (title to URL); repeats are harmless.

        For systems with the ability ``links``.
        """
        ...

    async def comments(self, record_id: str) -> list[Comment]:
        """List a record's comments, oldest first. For systems with the ability ``comments``."""
        ...

    async def say(self, record_id: str, text: str, key: str) -> None:
        """Add an internal comment; one with a key that is there already is not added again."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
