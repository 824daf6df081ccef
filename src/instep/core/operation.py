"""Operations: what a plan is made of, and what an operation waits for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from instep.core.model import Incident, Mark, Sent, Words


@dataclass(frozen=True, slots=True)
class Operation:
    """One write: a create, an update, a close (an update that ends the incident), or a delete.

    ``record`` is the display id of the record written to, ``None`` where it is yet to be made.
    ``follows`` marks an update that completes a create of the same run, for what a create cannot
    carry: it is part of that create, and planned anew once the record is there.
    """

    kind: str
    system: str
    incident: int
    sent: Mapping[str, Sent]
    reason: str
    record: str | None = None
    mark: Mark | None = None
    extra: Words = field(default_factory=dict)
    follows: bool = False

    @property
    def announced(self) -> bool:
        """Whether it is only announced: the record that it completes is yet to be made."""
        return self.follows and self.record is None

    @property
    def key(self) -> tuple[int, str, str]:
        """Name the operation across cycles: incident, system, kind."""
        return (self.incident, self.system, self.kind)

    @property
    def checksum(self) -> str:
        """Name what would be sent: the same words to the same place."""
        return self._digest(self.key)

    def identity(self, incident: Incident) -> str:
        """Name what would be sent across ledgers, by the record in which its incident began."""
        first = incident.side(incident.origin).reference
        began = [incident.origin, first.id, first.birth] if first else [incident.uid]
        return self._digest((*began, self.system, self.kind))

    def _digest(self, about: tuple[object, ...]) -> str:
        """Put what it is about and the words that it sends into one short name."""
        words = {name: [s.path, s.word] for name, s in self.sent.items()}
        text = json.dumps([about, words, dict(self.extra)], sort_keys=True, default=list)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class Why(StrEnum):
    """What an operation is held for.

    ``refused`` is tried again later, ``dead`` no more; ``flap`` is a field that two systems write
    to and fro, ``alike`` a create where a record that nobody made for this incident looks the
    same. ``duplicate`` and ``foreign`` are records whose key is not to be trusted.
    """

    LIMIT = "limit"
    REFUSED = "refused"
    DEAD = "dead"
    LACKING = "lacking"
    FLAP = "flap"
    ALIKE = "alike"
    DUPLICATE = "duplicate"
    FOREIGN = "foreign"


#: What keeps the keys of records out: it waits as long as they carry those.
QUARANTINE = (Why.DUPLICATE, Why.FOREIGN)


@dataclass(frozen=True, slots=True)
class Held:
    """An operation that waits, and why; ``tries`` and ``again`` (epoch) of one refused before."""

    operation: Operation
    why: Why
    reason: str
    tries: int = 0
    again: float = 0.0

    @property
    def key(self) -> tuple[int, str, str]:
        """Name what is held across cycles; fields that flap are held beside their operation."""
        incident, system, kind = self.operation.key
        return (incident, system, str(Why.FLAP) if self.why is Why.FLAP else kind)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a cycle would write, what it would hold, and which fields wait for a decision."""

    operations: tuple[Operation, ...] = ()
    held: tuple[Held, ...] = ()
    waiting: tuple[tuple[int, str], ...] = ()


def carried(sent: Mapping[str, Sent], extra: Words) -> Words:
    """Give the own words, by path, that a create or an update puts on the wire."""
    words = {s.path: s.word for s in sent.values() if s.carried}
    return {**words, **extra}
