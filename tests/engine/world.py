"""Three systems in memory, as awkward as the real ones, and an app that keeps them in step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from instep.core.abilities import Abilities, While
from instep.core.fields import Decide, Field, Kind, Policy
from instep.core.model import Word
from instep.core.rules import Direction, Rule
from instep.core.spelling import Precision, Spelling, tidy
from instep.core.unit import Creation, Limits, Member, Unit
from instep.engine.context import App
from instep.ledger.database import MEMORY, Ledger, open_ledger
from instep.systems.memory import Memory

P = ParamSpec("P")
T = TypeVar("T")

SEVERITY = ("critical", "high", "moderate", "low", "minor")
STATUS = ("active", "investigating", "stable", "resolved")


async def at_once(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a ledger function without a thread."""
    return work(*args, **kwargs)


@dataclass
class Clock:
    """A clock that moves only when told, and a hair each time it is read."""

    at: float = 1_767_225_600.0

    def __call__(self) -> float:
        """Read it."""
        self.at += 0.000_002
        return self.at


#: DevRev-like: four severities for five, lists what changed, refuses nothing.
DEV_WORDS = {
    "sev-0": ("critical",),
    "sev-1": ("high",),
    "sev-2": ("moderate",),
    "sev-3": ("low", "minor"),
}
#: Datadog-like: a word that means nothing said, two words for one, no "investigating".
DOG_WORDS = {
    "SEV-1": ("critical",),
    "SEV-0": ("critical",),
    "SEV-2": ("high",),
    "SEV-3": ("moderate",),
    "SEV-4": ("low",),
    "SEV-5": ("minor",),
    "UNKNOWN": (),
}
DOG_STATUS = {
    "active": ("active", "investigating"),
    "stable": ("stable",),
    "resolved": ("resolved",),
    "completed": ("resolved",),
}
DEV_STATUS = {
    "triage": ("active",),
    "acknowledged": ("investigating",),
    "fixing": ("investigating",),
    "mitigated": ("stable",),
    "resolved": ("resolved",),
    "canceled": ("resolved",),
}
PAGE_BORN = {"status": "active", "resolve_date": None}


def fields(policy: Decide = Decide.NEWEST) -> dict[str, Field]:
    """Make the fields that the tests keep in step."""
    chosen = Policy(policy, ("page", "dev", "dog") if policy is Decide.PREFER else ())
    decided = Policy() if policy in (Decide.HIGHEST, Decide.LOWEST) else chosen
    return {
        "title": Field("title", Kind.LINE, decided),
        "description": Field("description", Kind.TEXT, decided),
        "severity": Field("severity", Kind.CHOICE, chosen, SEVERITY),
        "status": Field("status", Kind.CHOICE, chosen, STATUS),
        "started_at": Field("started_at", Kind.INSTANT, decided),
        "resolved_at": Field("resolved_at", Kind.INSTANT, decided),
        "components": Field("components", Kind.SET, Policy(Decide.UNION)),
    }


def members(known: dict[str, Field]) -> dict[str, Member]:
    """Make the members: ``dev`` patches and filters by time, ``dog`` sweeps, ``page`` rewrites."""
    minute = Spelling(precision=Precision.MINUTE, zone="Europe/Paris")
    trimmed = Spelling(tidy=True)
    dev = {
        "title": Rule(known["title"], "title"),
        "description": Rule(known["description"], "body"),
        "severity": Rule(known["severity"], "severity", words=DEV_WORDS),
        "status": Rule(known["status"], "stage", words=DEV_STATUS),
        "started_at": Rule(
            known["started_at"], "identified", spelling=Spelling(Precision.MILLISECOND)
        ),
        "components": Rule(known["components"], "parts"),
    }
    dog = {
        "title": Rule(known["title"], "title"),
        "description": Rule(known["description"], "summary"),
        "severity": Rule(known["severity"], "severity", words=DOG_WORDS),
        "status": Rule(known["status"], "state", words=DOG_STATUS),
        "started_at": Rule(known["started_at"], "impact_start"),
        "resolved_at": Rule(known["resolved_at"], "resolved", direction=Direction.IN),
        "components": Rule(known["components"], "services"),
    }
    page = {
        "title": Rule(known["title"], "name", spelling=Spelling(tidy=True, min_length=4)),
        "description": Rule(known["description"], "description", spelling=trimmed),
        "severity": Rule(known["severity"], "severity", words={s: (s,) for s in SEVERITY}),
        "status": Rule(known["status"], "status", words={s: (s,) for s in STATUS}),
        "started_at": Rule(known["started_at"], "start_date", spelling=minute, default="opened"),
        "resolved_at": Rule(known["resolved_at"], "resolve_date", spelling=minute),
    }
    return {
        "dev": Member("dev", dev, _dev(), Creation(frozenset({"dog", "page"}))),
        "dog": Member("dog", dog, _dog(), Creation(frozenset({"dev", "page"}))),
        "page": Member("page", page, _page(), Creation(frozenset({"dev", "dog"}))),
    }


def _dev() -> Abilities:
    """Declare what the DevRev-like system can do."""
    return Abilities(
        filters_by_time=True,
        deadline=5.0,
        keeps=frozenset({"body", "severity", "stage", "identified"}),
    )


def _dog() -> Abilities:
    """Declare what the Datadog-like system can do."""
    return Abilities(deadline=5.0, born={"impact_start": None}, read_only=frozenset({"resolved"}))


def _page() -> Abilities:
    """Declare what the status-page-like system can do."""
    return Abilities(
        deadline=5.0,
        born=PAGE_BORN,
        only_while={"resolve_date": While("status", frozenset({"resolved"}))},
        moves={"resolve_date": frozenset({"status"})},
        required=frozenset({"name", "start_date"}),
    )


def _rewritten(path: str, word: Word) -> Word:
    """Spell text as the status page keeps it."""
    if path in ("name", "description") and isinstance(word, str):
        return tidy(word) or None
    return word


def _calmed(path: str, word: Word) -> Word:
    """Spell titles without exclamation, as the DevRev-like system does though no rule knows."""
    return word.rstrip("!") if path == "title" and isinstance(word, str) else word


REWRITES = {"dev": _calmed, "dog": lambda _, word: word, "page": _rewritten}


@dataclass
class World:
    """Three systems, one ledger, one app."""

    policy: Decide = Decide.NEWEST
    clock: Clock = field(default_factory=Clock)
    limits: Limits = field(
        default_factory=lambda: Limits(creates=10**6, updates=10**6, closes=10**6, share=10.0)
    )
    url: str = MEMORY

    def __post_init__(self) -> None:
        """Make the systems and the app."""
        known = fields(self.policy)
        self.unit = Unit(
            "default",
            known,
            members(known),
            self.limits,
            closes={"status": frozenset({"resolved"})},
        )
        self.memories = {
            name: Memory(
                name,
                self.clock,
                sorted(member.paths),
                member.abilities,
                REWRITES[name],
                page=3,
            )
            for name, member in self.unit.members.items()
        }
        self.ledger: Ledger = open_ledger(self.url, self.clock)
        self._uids = iter(f"uid{n:06d}" for n in range(10**6))
        self.app = self.make_app()

    def make_app(self) -> App:
        """Make the app anew, as after a restart."""
        return App(
            unit=self.unit,
            systems=self.memories,
            ledger=self.ledger,
            desk=at_once,
            now=self.clock,
            new_uid=lambda: next(self._uids),
            full_sweep_every=300.0,
        )

    def writes(self) -> int:
        """Count the writes that took effect anywhere."""
        return sum(memory.writes for memory in self.memories.values())

    def common(self, system: str, record_id: str) -> dict[str, Word]:
        """Read what a record says, in common words."""
        words, member = self.memories[system].records[record_id].words, self.unit.members[system]
        return {
            name: rule.get(rule.own(words.get(rule.path)), None)
            for name, rule in member.rules.items()
        }
