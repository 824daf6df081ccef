"""The nouns of instep: what a system holds, and what the ledger knows of an incident.

All values are plain data that JSON can hold, so that the ledger, plans and logs show them as
they are. A ``Word`` is a value, either in a system's own words or in common words; which one it
is follows from where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Word = str | int | float | bool | tuple[str, ...] | None
Words = Mapping[str, Word]

NOTHING: Words = MappingProxyType({})
#: Stands in ``agreed`` where a side is not known to have agreed to anything, not even to nothing.
NEVER = "\0"


@dataclass(frozen=True, slots=True)
class Mark:
    """The external reference that instep writes into a record which it creates.

    ``origin``, ``display`` and ``url`` name the record in which the incident began, and
    ``opened`` is when that was made, if it is known; ``uid`` is the incident's own, never used
    twice, since ids of services can be.
    """

    origin: str
    display: str
    uid: str
    url: str = ""
    opened: str = ""

    def __str__(self) -> str:
        """Spell the mark for services whose reference is free text."""
        return f"{self.origin}:{self.display}/{self.uid}"


@dataclass(frozen=True, slots=True)
class Record:
    """What a system holds for one incident.

    ``id`` is what the service's calls take, ``display`` what people see. ``birth`` changes when
    an id is used again for another record; ``opened`` is when it was made (ISO 8601, UTC).
    ``modified`` is a hint only. ``mark`` is the mark that it carries, if it is one of instep's;
    ``points`` are the addresses of other records that stand in the places for references, put
    there by somebody else. An ``ambiguous`` one carries the marks of several incidents.
    ``digest`` is of the raw bytes; ``raw`` is the service's own object, for its connector only.
    """

    id: str
    birth: str
    digest: str
    raw: Any = field(compare=False, repr=False)
    display: str = ""
    url: str = ""
    opened: str = ""
    modified: str | None = None
    mark: Mark | None = None
    points: tuple[str, ...] = ()
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a write: the record as read back, and what the write's own answer showed.

    ``echo`` holds, by path, only what that answer shows faithfully; empty if it shows nothing.
    ``undone`` are paths of which the write was taken back, because somebody had edited them
    between the look and the write.
    """

    record: Record
    echo: Words = field(default_factory=dict)
    undone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reference:
    """Which record of a system belongs to an incident: its external reference."""

    id: str
    birth: str
    display: str = ""
    url: str = ""
    opened: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """One system's part of an incident, as the ledger knows it.

    ``says``, ``shadow`` (own words) and ``agreed`` (common words) are by field. ``seen`` is the
    ticket of the last time that ``says`` changed or we wrote. A ``doubt`` side is read directly
    before anything is concluded from it. A ``gone`` one (since ``gone_at``) is left alone;
    without a reference it is let go: there is to be no record.
    """

    system: str
    reference: Reference | None = None
    says: Words = field(default_factory=dict)
    says_at: Mapping[str, str] = field(default_factory=dict)
    shadow: Words = field(default_factory=dict)
    agreed: Words = field(default_factory=dict)
    seen: int = 0
    doubt: bool = False
    gone: bool = False
    gone_at: str = ""

    @property
    def live(self) -> bool:
        """Whether there is a record to merge with and to write to."""
        return self.reference is not None and not self.gone

    @property
    def let_go(self) -> bool:
        """Whether there is to be no record: a person said so, or it was deleted with others."""
        return self.reference is None and self.gone

    def stands_for(self, name: str) -> Word:
        """Give the common value that the shadow of a field stands for; ``None`` if for none."""
        agreed = self.agreed.get(name)
        return None if agreed == NEVER else agreed

    def edited(self, name: str) -> bool:
        """Whether the field was edited: content is the only proof."""
        return self.says.get(name) != self.shadow.get(name)


@dataclass(frozen=True, slots=True)
class Base:
    """The common value of a field last agreed by all, who said it, and when (ISO 8601, UTC)."""

    value: Word
    origins: tuple[str, ...] = ()
    at: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """One field of an intent.

    ``value`` is the common value meant, ``word`` the own word sent for it, ``assumed`` what the
    record said when that was decided. ``carried`` is false for a field that a create cannot
    carry: ``word`` is then what a fresh record says.
    """

    path: str
    value: Word
    word: Word
    assumed: Word = None
    carried: bool = True


@dataclass(frozen=True, slots=True)
class Intent:
    """An operation written down before it is sent: a create, update, close or delete."""

    id: int
    incident: int
    system: str
    kind: str
    sent: Mapping[str, Sent]
    mark: Mark
    expires: float
    extra: Words = field(default_factory=dict)
    """Own words by path that a create sends beside its fields."""
    cause: str = ""
    """Why it was decided."""


@dataclass(frozen=True, slots=True)
class Incident:
    """The ledger's row that joins at most one record per system."""

    id: int
    uid: str
    origin: str
    version: int = 0
    base: Mapping[str, Base] = field(default_factory=dict)
    sides: Mapping[str, Side] = field(default_factory=dict)
    intents: tuple[Intent, ...] = ()

    def value(self, name: str) -> Word:
        """Give the common value last agreed by all."""
        return self.base[name].value if name in self.base else None

    @property
    def values(self) -> Words:
        """Give every common value last agreed by all, by field."""
        return {name: base.value for name, base in self.base.items()}

    def side(self, system: str) -> Side:
        """Give the side of a system, blank if nothing is known of it."""
        return self.sides.get(system) or Side(system)

    def pending(self, system: str) -> Intent | None:
        """Give the open intent for a system; there is at most one."""
        return next((i for i in self.intents if i.system == system), None)

    def creating(self, system: str) -> bool:
        """Whether a create is open there: such a side is neither merged nor planned."""
        intent = self.pending(system)
        return intent is not None and intent.kind == "create"
