"""A world in which every step of the program may be its last, and services do things of their own.

Beside what ``world`` has: people as owners, a note that is only ever written to the status page,
dates that services set by themselves when an incident is resolved, and every policy for what
becomes of records that are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from instep.core.fields import Decide, Field, Kind, Policy, spell
from instep.core.model import Mark, Word, Words
from instep.core.rules import Direction, Rule
from instep.core.unit import Limits, Member, OnGone
from instep.ledger.database import MEMORY, open_ledger
from instep.systems.memory import Held, Memory
from tests.engine.world import World

P = ParamSpec("P")
T = TypeVar("T")

#: What a service sets by itself once its record says that the incident is over: path, the state
#: that decides, its words, and how the instant is spelled.
STAMPED: dict[str, tuple[str, str, tuple[str, ...], Callable[[datetime], str]]] = {
    "dog": ("resolved", "state", ("resolved", "completed"), spell),
    "page": (
        "resolve_date",
        "status",
        ("resolved",),
        lambda at: at.astimezone(ZoneInfo("Europe/Paris")).strftime("%Y-%m-%dT%H:%M"),
    ),
}


class Killed(BaseException):
    """The process was killed."""


def killed(error: BaseException) -> bool:
    """Whether an exception is, or groups, a kill."""
    if isinstance(error, BaseExceptionGroup):
        return any(killed(e) for e in error.exceptions)
    return isinstance(error, Killed)


class Fuse:
    """Kills the process at a chosen step, and lets nothing happen after it."""

    def __init__(self) -> None:
        """Begin unlit."""
        self.left: int | None = None

    def step(self) -> None:
        """Take one step, or die of it."""
        if self.left is None:
            return
        if self.left <= 0:
            raise Killed
        self.left -= 1


class Mortal(Memory):
    """A memory whose every request, and the moment just after a write, is a step."""

    fuse: Fuse

    def _called(self) -> None:
        """Step, then count."""
        self.fuse.step()
        super()._called()

    def _replying(self, record_id: str, words: Words) -> None:
        """Let a kill strike when the write took effect and nobody knows yet."""
        super()._replying(record_id, words)
        self.fuse.step()

    def _make(self, words: Words, mark: Mark | None) -> Held:
        """Make a record; the service sets its dates."""
        held = super()._make(words, mark)
        return self._change(held.id, {})

    def _change(self, record_id: str, words: Words) -> Held:
        """Set, or take away, the date that follows from the state."""
        held = super()._change(record_id, words)
        if self.name not in STAMPED:
            return held
        path, state, over, spelled = STAMPED[self.name]
        ended = held.words.get(state) in over
        if ended is (path in held.words):
            return held
        now = spelled(datetime.fromtimestamp(int(self.now()), UTC))
        return super()._change(record_id, {path: now if ended else None})


@dataclass
class MortalWorld(World):
    """A world in which every step of the program may be its last."""

    gone: Mapping[str, OnGone] = field(default_factory=dict)
    """What becomes of incidents whose record in a system is gone, by system."""

    def __post_init__(self) -> None:
        """Make everything, then let each step pass the fuse."""
        self.fuse = Fuse()
        super().__post_init__()
        self._more_fields()
        self._can("dev", list_lag=3.0, find_lag=3.0, census="stage")
        dog = {"resolved": frozenset({"state"})}
        self._can("dog", links=True, hints=self.policy is Decide.PREFER, moves=dog)
        members = {
            name: replace(member, on_gone=self.gone.get(name, OnGone.KEEP))
            for name, member in self.unit.members.items()
        }
        self.unit = replace(self.unit, members=members)
        self.usual = self.unit
        self.make_memories()
        self.restart()

    def make_memories(self) -> None:
        """Make the systems anew."""
        for name, memory in list(self.memories.items()):
            member = self.unit.members[name]
            mortal = Mortal(
                memory.name,
                memory.now,
                sorted(member.paths | {"elsewhere"}),
                member.abilities,
                memory.rewrite,
                memory.page,
            )
            mortal.fuse = self.fuse
            self.memories[name] = mortal

    def _more_fields(self) -> None:
        """Add people, and a rule that goes one way."""
        plain = Policy(Decide.NEWEST if self.policy in ORDERED else self.policy, ("page", "dev"))
        note = Field("note", Kind.TEXT, plain)
        owners = Field("owners", Kind.PEOPLE, plain)
        page = Rule(note, "notice", direction=Direction.OUT)
        self._rules("dev", note=Rule(note, "note"), owners=Rule(owners, "owned_by"))
        self._rules("dog", owners=Rule(owners, "commander"))
        self._rules("page", note=page)
        self.unit = replace(self.unit, fields={**self.unit.fields, "note": note, "owners": owners})

    def _rules(self, system: str, **rules: Rule) -> None:
        """Give a system more rules."""
        member = self.unit.members[system]
        self._put(replace(member, rules={**member.rules, **rules}))

    def _can(self, system: str, **abilities: Any) -> None:
        """Let a system do more, or worse, than usual."""
        member = self.unit.members[system]
        self._put(replace(member, abilities=replace(member.abilities, **abilities)))

    def _put(self, member: Member) -> None:
        """Put a member in the place of the one of its name."""
        self.unit = replace(self.unit, members={**self.unit.members, member.name: member})

    def remap(self) -> None:
        """Change the configuration: a text moves to another path of one system, or back."""
        if self.unit is not self.usual:
            self.unit = self.usual
        else:
            dog = self.unit.members["dog"]
            moved = replace(dog.rules["description"], path="elsewhere")
            self._put(replace(dog, rules={**dog.rules, "description": moved}))
        self.restart()

    def restart(self) -> None:
        """Start the program anew on the same ledger."""
        self.fuse.left = None
        self.app = self.make_app()
        self.app.desk = self.desk

    def lose_ledger(self) -> None:
        """Start the program anew with an empty ledger."""
        self.ledger.close()
        self.ledger = open_ledger(MEMORY, self.clock)
        self.restart()

    async def desk(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Step before and after each commit."""
        self.fuse.step()
        result = work(*args, **kwargs)
        self.fuse.step()
        return result


#: Policies that only a choice can have.
ORDERED = (Decide.HIGHEST, Decide.LOWEST)
#: What people type, by system and path.
WORDS: dict[str, dict[str, list[Word]]] = {
    "dev": {
        "title": ["Checkout slow", "Search down", "Mail late"],
        "body": ["p95 rose", "a  \n\n\nb ", "fixed"],
        "severity": ["sev-0", "sev-1", "sev-2", "sev-3"],
        "stage": ["triage", "acknowledged", "fixing", "mitigated", "resolved", "canceled"],
        "identified": ["2026-01-01T10:00:00.123Z", "2026-01-01T10:00:59Z", "2026-01-02T00:00:00Z"],
        "parts": [("Checkout",), ("Checkout", "Search"), ("Search",)],
        "note": ["look at the pool", "do not restart", None],
        "owned_by": [("ana@example.com",), ("ana@example.com", "ben@example.com"), None],
    },
    "dog": {
        "title": ["Checkout down!", "Search slow", "Mail late"],
        "summary": ["p95 rose", "c\n\n\n\nd", None],
        "severity": ["SEV-0", "SEV-1", "SEV-2", "SEV-4", "SEV-5", "UNKNOWN"],
        "state": ["active", "stable", "resolved", "completed"],
        "impact_start": ["2026-01-01T10:00:00.123456Z", "2026-01-03T00:00:01Z"],
        "services": [("Checkout",), ("Search",), ("Checkout", "Mail"), None],
        "commander": [("ben@example.com",), ("chloe@example.com",), None],
    },
    "page": {
        "name": ["Checkout slow", "Everything down", "Mail  late"],
        "description": ["p95 rose", "we are looking", None],
        "severity": ["critical", "high", "low", "minor"],
        "status": ["active", "investigating", "stable", "resolved"],
        "start_date": ["2026-01-01T11:00", "2026-01-04T09:30"],
        "notice": ["typed by hand", None],
    },
}
#: Limits over which a few incidents are held already.
TIGHT = Limits(creates=1, updates=2, closes=1, deletes=1, share=10.0)
WIDE = Limits(creates=10**6, updates=10**6, closes=10**6, deletes=10**6, share=10.0)
