"""The people of the demo: they open incidents and edit them at the services' web interfaces."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from instep.cli.demo_view import SYSTEMS, Seen, seen

if TYPE_CHECKING:
    from instep.simulator.world import Simulator

EDITS = ("rename", "grade", "advance", "describe")
#: How often people do what, once everything was done once.
OFTEN = (*EDITS, "rename", "advance", "open")
PEOPLE = ("Ana", "Ben", "Chloe", "Dmitri")
PARTS = ("Checkout", "Search", "Notifications", "Payments", "Storefront")
#: What is new is told in the words of those who notice it there.
SYMPTOMS = {
    "devrev": ("fails after the deployment", "leaks memory", "returns stale prices"),
    "datadog": ("p99 latency above 2 s", "error budget burnt", "queue is stuck"),
    "prodmanager": ("is slow for some customers", "is degraded in eu-west", "is down"),
}
TURNS = ("in eu-west", "for everybody", "on mobile only", "again", "since 14:00", "under load")
NOTES = (
    "A rollback is on its way.",
    "The primary was failed over.\n\nWe watch the replicas.",
    "Only customers with more than one address are concerned.",
    "The vendor confirmed the fault on their side.",
)
SEVERITIES = {
    "devrev": ("sev-0", "sev-1", "sev-2", "sev-3"),
    "datadog": ("SEV-1", "SEV-2", "SEV-3", "SEV-4", "SEV-5"),
    "prodmanager": ("critical", "high", "moderate", "low", "minor"),
}
#: The way of an incident, in the words of each; the last step leads back to work.
STATUSES = {
    "devrev": ("triage", "acknowledged", "fixing", "mitigated", "resolved"),
    "datadog": ("active", "stable", "resolved"),
    "prodmanager": ("active", "investigating", "stable", "resolved"),
}
#: The dates that people note along with a status.
DATES = {
    "acknowledged": "acknowledged_date",
    "mitigated": "mitigated_date",
    "stable": "customer_impact_end",
}
KEYS = {
    "devrev": {"title": "title", "severity": "severity", "status": "stage", "text": "body"},
    "datadog": {"title": "title", "severity": "severity", "status": "state", "text": "summary"},
    "prodmanager": {
        "title": "name",
        "severity": "severity",
        "status": "status",
        "text": "description",
    },
}


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody did: who, where, and the sentence that tells it."""

    system: str
    who: str
    said: str


class People:
    """Everybody who works on incidents, with a chance of their own."""

    def __init__(self, doubles: Mapping[str, Simulator], seed: int) -> None:
        """Let them at the services."""
        self._doubles = doubles
        self._random = random.Random(f"people/{seed}")

    def acts(self, count: int) -> list[tuple[str, str]]:
        """Choose what happens where, in order: all of it at least once, and one conflict.

        Everybody opens an incident, and each system sees an edit of another field.
        """
        fields = self._random.sample(EDITS, len(SYSTEMS))
        acts = [(system, "open") for system in SYSTEMS] + list(zip(SYSTEMS, fields, strict=True))
        self._random.shuffle(acts)
        while len(acts) + 1 < count:
            acts.append((self._random.choice(SYSTEMS), self._random.choice(OFTEN)))
        # In the middle: by then all systems hold everything.
        acts.insert(len(acts) // 2, ("", "disagree"))
        return acts

    def act(self, system: str, verb: str) -> Iterator[Edit]:
        """Do something, and tell it."""
        if verb == "disagree":
            yield from self._disagree()
        elif verb == "open" or not self._doubles[system].ids():
            yield self._open(system)
        else:
            one = self._random.choice(seen(self._doubles[system]))
            changes, said = getattr(self, f"_{verb}")(system, one)
            yield self._edit(system, one, changes, said)

    def _edit(self, system: str, one: Seen, changes: dict[str, Any], said: str) -> Edit:
        self._doubles[system].edit(one.id, **changes)
        return Edit(system, self._random.choice(PEOPLE), f"{one.name}: {said}")

    def _open(self, system: str) -> Edit:
        keys = KEYS[system]
        part, symptom = self._random.choice(PARTS), self._random.choice(SYMPTOMS[system])
        values = {
            keys["title"]: f"{part} {symptom}",
            keys["severity"]: self._random.choice(SEVERITIES[system]),
            keys["text"]: self._random.choice(NOTES),
        }
        self._doubles[system].add(**values)
        who = self._random.choice(PEOPLE)
        return Edit(system, who, f"opens {part} {symptom}")

    def _rename(self, system: str, one: Seen) -> tuple[dict[str, Any], str]:
        plain = next((one.title.removesuffix(f" {t}") for t in TURNS if one.title.endswith(t)), "")
        kept = plain or one.title
        turn = self._random.choice([t for t in TURNS if f"{kept} {t}" != one.title])
        return {KEYS[system]["title"]: f"{kept} {turn}"}, f"title is {kept} {turn}"

    def _grade(self, system: str, one: Seen) -> tuple[dict[str, Any], str]:
        word = self._random.choice([s for s in SEVERITIES[system] if s != one.severity])
        return {KEYS[system]["severity"]: word}, f"severity is {word}"

    def _advance(self, system: str, one: Seen) -> tuple[dict[str, Any], str]:
        way = STATUSES[system]
        at = way.index(one.status) if one.status in way else 0
        word = way[at + 1] if at + 1 < len(way) else way[1]
        changes: dict[str, Any] = {KEYS[system]["status"]: word}
        date = DATES.get(word)
        if date and system != "prodmanager":
            changes[date] = datetime.now(UTC).replace(microsecond=0)
        return changes, f"{KEYS[system]['status']} is {word}"

    def _describe(self, system: str, one: Seen) -> tuple[dict[str, Any], str]:
        note = self._random.choice(NOTES)
        text = f"{note}\n({one.name}, {self._random.randrange(100, 1000)})"
        return {KEYS[system]["text"]: text}, f"description is {note.split('.')[0]} ..."

    def _disagree(self) -> Iterator[Edit]:
        """Rename one incident in two systems at once, each in another way."""
        held = {system: {one.key: one for one in seen(self._doubles[system])} for system in SYSTEMS}
        first, second = self._random.sample(SYSTEMS, 2)
        common = sorted(held[first].keys() & held[second].keys())
        if not common:
            return
        key = self._random.choice(common)
        for system, turn in zip((first, second), self._random.sample(TURNS, 2), strict=True):
            one = held[system][key]
            title = f"{one.title.split(' ')[0]} trouble {turn}"
            yield self._edit(system, one, {KEYS[system]["title"]: title}, f"title is {title}")
