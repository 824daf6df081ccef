"""The report of a run: what was heard, what was written, and what waits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

#: What is counted per system, in the order in which it is shown.
COUNTED = (
    "records",
    "requests",
    "creates",
    "updates",
    "closes",
    "deletes",
    "comments",
    "failed",
)
#: What of it are writes.
WRITES = ("creates", "updates", "closes", "deletes")


@dataclass(slots=True)
class Tally:
    """What happened to one system in a run; ``stirred`` are the incidents that it said news of."""

    heard: bool = True
    denied: bool = False
    why: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    stirred: set[int] = field(default_factory=set)

    def data(self) -> dict[str, Any]:
        """Give the tally as JSON shows it."""
        shown = {"heard": self.heard, **{name: self.counts[name] for name in COUNTED}}
        return {**shown, "why": self.why} if self.why else shown


@dataclass(slots=True)
class Report:
    """What one run did.

    ``conflicts`` counts fields that wait for a person, ``attic`` losing values kept in this run,
    ``held`` and ``dead`` operations that wait, ``due`` incidents that some side has not settled.
    Where the rules are others than in the run before, ``owed`` are the incidents that were due in
    any case.
    """

    run: int
    mode: str
    systems: dict[str, Tally]
    state: str = "running"
    seconds: float = 0.0
    incidents: int = 0
    conflicts: int = 0
    attic: int = 0
    held: int = 0
    dead: int = 0
    due: int = 0
    owed: frozenset[int] | None = None

    def is_from_rules(self, incident: int) -> bool:
        """Whether only the change of the rules can be why something is to be done for it."""
        if self.owed is None or incident in self.owed:
            return False
        return not any(incident in tally.stirred for tally in self.systems.values())

    @property
    def refused(self) -> bool:
        """Whether a first run was denied by a system: a mistake in the set-up, so nothing is sent.

        Later runs go on with the systems that let them in.
        """
        return self.mode == "initial" and any(tally.denied for tally in self.systems.values())

    @property
    def writes(self) -> int:
        """Count what was written anywhere."""
        return sum(t.counts[kind] for t in self.systems.values() for kind in WRITES)

    @property
    def exit_code(self) -> int:
        """Say how the run ended: 0 in step, 1 something waits, 3 a system could not be used."""
        if any(tally.why for tally in self.systems.values()):
            return 3
        return int(bool(self.held or self.dead or self.conflicts or self.due))

    def data(self) -> dict[str, Any]:
        """Give the report as JSON shows it."""
        return {
            "run": self.run,
            "mode": self.mode,
            "state": self.state,
            "seconds": round(self.seconds, 3),
            "incidents": self.incidents,
            "quiet": self.writes == 0,
            "systems": {name: tally.data() for name, tally in self.systems.items()},
            "conflicts": self.conflicts,
            "attic": self.attic,
            "held": self.held,
            "dead": self.dead,
            "due": self.due,
        }
