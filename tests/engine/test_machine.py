"""Random histories over three awkward systems: the laws, as one state machine.

People add and edit records anywhere, systems go away and come back, replies are lost, and the
process is killed at any step. When the dust has settled all sides agree, nothing is doubled,
every edit that met no other survives, and every loser of a conflict is in the attic.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule
from sqlalchemy import select

from instep.core.fields import Decide
from instep.core.model import Word, Words
from instep.engine.cycle import run_cycle
from instep.ledger.tables import conflicts, external_references, sides
from instep.systems.memory import Faults, Memory
from tests.engine.world import World

P = ParamSpec("P")
T = TypeVar("T")

#: Random histories run by default; HISTORIES asks for more of them.
HISTORIES = int(os.environ.get("HISTORIES", "60"))

WORDS: dict[str, dict[str, list[Word]]] = {
    "dev": {
        "title": ["Checkout slow", "Search down", "Mail late"],
        "body": ["p95 rose", "a  \n\n\nb ", "fixed"],
        "severity": ["sev-0", "sev-1", "sev-2", "sev-3"],
        "stage": ["triage", "acknowledged", "fixing", "mitigated", "resolved", "canceled"],
        "identified": ["2026-01-01T10:00:00.123Z", "2026-01-01T10:00:59Z", "2026-01-02T00:00:00Z"],
        "parts": [("Checkout",), ("Checkout", "Search"), ("Search",)],
    },
    "dog": {
        "title": ["Checkout down!", "Search slow", "Mail late"],
        "summary": ["p95 rose", "c\n\n\n\nd", None],
        "severity": ["SEV-0", "SEV-1", "SEV-2", "SEV-4", "SEV-5", "UNKNOWN"],
        "state": ["active", "stable", "resolved", "completed"],
        "impact_start": ["2026-01-01T10:00:00.123456Z", "2026-01-03T00:00:01Z"],
        "services": [("Checkout",), ("Search",), ("Checkout", "Mail"), None],
    },
    "page": {
        "name": ["Checkout slow", "Everything down", "Mail  late"],
        "description": ["p95 rose", "we are looking", None],
        "severity": ["critical", "high", "low", "minor"],
        "status": ["active", "investigating", "stable", "resolved"],
        "start_date": ["2026-01-01T11:00", "2026-01-04T09:30"],
    },
}
SYSTEMS = tuple(WORDS)


def calm(word: Word) -> Word:
    """Forget the exclamation that one system drops."""
    return word.rstrip("!") if isinstance(word, str) else word


class Killed(BaseException):
    """The process was killed."""


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


class MortalWorld(World):
    """A world in which every step of the program may be its last."""

    def __post_init__(self) -> None:
        """Make everything, then let each step pass the fuse."""
        self.fuse = Fuse()
        super().__post_init__()
        self._can("dev", list_lag=3.0, find_lag=3.0, census="stage")
        self._can("dog", links=True, hints=self.policy is Decide.PREFER)
        for name, memory in list(self.memories.items()):
            mortal = Mortal(
                memory.name,
                memory.now,
                memory.paths,
                self.unit.members[name].abilities,
                memory.rewrite,
                memory.page,
            )
            mortal.fuse = self.fuse
            self.memories[name] = mortal
        self.restart()

    def _can(self, system: str, **abilities: Any) -> None:
        """Let a system do more, or worse, than usual."""
        member = self.unit.members[system]
        able = replace(member, abilities=replace(member.abilities, **abilities))
        self.unit = replace(self.unit, members={**self.unit.members, system: able})

    def restart(self) -> None:
        """Start the program anew on the same ledger."""
        self.fuse.left = None
        self.app = self.make_app()
        self.app.desk = self.desk

    async def desk(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Step before and after each commit."""
        self.fuse.step()
        result = work(*args, **kwargs)
        self.fuse.step()
        return result


@dataclass
class Edit:
    """The last edit of a field in one system that nobody has knowingly written over."""

    system: str
    own: Word


class Machine(RuleBasedStateMachine):
    """Everything that people, systems and accidents can do between two rests."""

    policy = Decide.NEWEST
    spots = Bundle("spots")

    def __init__(self) -> None:
        """Begin with an empty world."""
        super().__init__()
        self.world = MortalWorld(self.policy)
        self.edits: dict[tuple[tuple[str, str], str], dict[str, Edit]] = {}

    @initialize(target=spots, system=st.sampled_from(SYSTEMS), data=st.data())
    def first(self, system: str, data: st.DataObject) -> tuple[str, str]:
        """Begin with one record somewhere."""
        return self._add(system, data)

    @rule(target=spots, system=st.sampled_from(SYSTEMS), data=st.data())
    def add(self, system: str, data: st.DataObject) -> tuple[str, str]:
        """Let a person open an incident."""
        return self._add(system, data)

    def _add(self, system: str, data: st.DataObject) -> tuple[str, str]:
        """Make a record, and remember what it says."""
        words = {
            path: data.draw(st.sampled_from(choices))
            for path, choices in WORDS[system].items()
            if path in ("title", "name", "start_date") or data.draw(st.booleans())
        }
        made = self.world.memories[system].add(**words)
        for path in words:
            self._note((system, made), system, path, None)
        return (system, made)

    @rule(spot=spots, system=st.sampled_from(SYSTEMS), data=st.data())
    def edit(self, spot: tuple[str, str], system: str, data: st.DataObject) -> None:
        """Let a person edit the incident's record in some system, if there is one by now."""
        path = data.draw(st.sampled_from(sorted(WORDS[system])))
        self._edit(spot, system, path, data.draw(st.sampled_from(WORDS[system][path])))

    def _edit(self, spot: tuple[str, str], system: str, path: str, word: Word) -> None:
        """Edit a record if it is there, and remember that."""
        record_id, memory = self._record(spot, system), self.world.memories[system]
        if record_id is None:
            return
        before = memory.records[record_id].words.get(path)
        memory.edit(record_id, **{path: word})
        if memory.records[record_id].words.get(path) != before:
            self._note(spot, system, path, before)

    @rule(system=st.sampled_from(SYSTEMS))
    def go_away(self, system: str) -> None:
        """Let a system stop answering."""
        self.world.memories[system].faults.down = True

    @rule(system=st.sampled_from(SYSTEMS))
    def come_back(self, system: str) -> None:
        """Let a system answer again."""
        self.world.memories[system].faults.down = False

    @rule(system=st.sampled_from(SYSTEMS))
    def lose_reply(self, system: str) -> None:
        """Let the next write there take effect, and its reply be lost."""
        self.world.memories[system].faults.lose_reply = True

    @rule(
        system=st.sampled_from(SYSTEMS),
        moment=st.sampled_from(["before_read", "after_write"]),
        data=st.data(),
    )
    def strike(self, system: str, moment: str, data: st.DataObject) -> None:
        """Let a person edit a record just when it is looked at, or just behind a write."""
        wishes = {
            path: data.draw(st.sampled_from(choices)) for path, choices in WORDS[system].items()
        }
        order = data.draw(st.permutations(sorted(wishes)))

        def struck(record_id: str, written: Words) -> None:
            spot = self._spot(system, record_id)
            for path in [p for p in order if p in written][:1] or order[:3]:
                self._edit(spot, system, path, wishes[path])

        setattr(self.world.memories[system].faults, moment, struck)

    @rule(system=st.sampled_from(SYSTEMS))
    def hide(self, system: str) -> None:
        """Let the next listing leave out a record that is there."""
        self.world.memories[system].faults.hide = True

    @rule(seconds=st.sampled_from([1, 7, 60, 400]))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.world.clock.at += seconds

    @rule(again=st.booleans())
    def cycle(self, again: bool) -> None:
        """Let the program do one cycle, or another right behind it, before listings caught up."""
        asyncio.run(run_cycle(self.world.app))
        if again:
            asyncio.run(run_cycle(self.world.app, sweep=True))

    @rule(step=st.integers(0, 60))
    def kill(self, step: int) -> None:
        """Kill the program at some step of a cycle, and start it again."""
        self.world.fuse.left = step
        try:
            asyncio.run(run_cycle(self.world.app))
        except BaseException as error:
            if not _killed(error):
                raise
        self.world.restart()

    @rule(spot=consumes(spots))
    def rest(self, spot: tuple[str, str]) -> None:
        """Let the dust settle in the middle of a history too."""
        del spot
        self._settle()

    def teardown(self) -> None:
        """Let the dust settle, and look at everything."""
        self._settle()

    # ---- what is remembered of edits

    def _note(self, spot: tuple[str, str], system: str, path: str, before: Word) -> None:
        """Remember an edit; it knowingly writes over those that its side had been told of."""
        name = next(n for n, r in self.world.unit.members[system].rules.items() if r.path == path)
        member = self.world.unit.members[system]
        rules = {s: m.rules.get(name) for s, m in self.world.unit.members.items()}
        mine = member.rules[name]
        known = self.edits.setdefault((spot, name), {})
        for other, edit in list(known.items()):
            theirs = rules[other]
            assert theirs is not None
            told = any(mine.agrees(calm(mine.own(before)), calm(v)) for v in theirs.reads(edit.own))
            if other == system or told:
                del known[other]
        record_id = self._record(spot, system)
        assert record_id is not None
        own = mine.own(self.world.memories[system].records[record_id].words.get(path))
        if own is None and not (mine.field.clears and path not in member.abilities.keeps):
            return
        # Back to what it said when last settled is no edit: nobody could tell.
        if own != self._shadow(system, record_id).get(name):
            known[system] = Edit(system, own)

    def _shadow(self, system: str, record_id: str) -> Words:
        """Give what a record said when it was last settled."""
        with self.world.ledger.begin() as db:
            found = db.scalar(
                select(sides.c.shadow)
                .join(
                    external_references,
                    (external_references.c.incident == sides.c.incident)
                    & (external_references.c.system == sides.c.system),
                )
                .where(sides.c.system == system, external_references.c.record == record_id)
            )
        return found or {}

    def _spot(self, system: str, record_id: str) -> tuple[str, str]:
        """Name the incident of a record by the record in which it began."""
        mark = self.world.memories[system].records[record_id].mark
        return (mark.origin, mark.display) if mark else (system, record_id)

    def _record(self, spot: tuple[str, str], system: str) -> str | None:
        """Give the record of an incident in a system, by what the systems themselves hold."""
        if spot[0] == system:
            return spot[1]
        marked = [
            held.id
            for held in self.world.memories[system].records.values()
            if held.mark is not None and (held.mark.origin, held.mark.display) == spot
        ]
        assert len(marked) <= 1, f"{spot} was doubled in {system}: {marked}"
        return marked[0] if marked else None

    # ---- what must hold at rest

    def _settle(self) -> None:
        """Bring everything back, run until quiet, and check."""
        for memory in self.world.memories.values():
            memory.faults = Faults()
        for _ in range(8):
            self.world.clock.at += 400
            report = asyncio.run(run_cycle(self.world.app))
            if report.writes == 0 and report.due == 0:
                break
        assert report.due == 0, f"never came to rest: {report.data()}"
        before = self.world.writes()
        asyncio.run(run_cycle(self.world.app))
        assert self.world.writes() == before, "a quiet cycle wrote something"
        self._check_records()
        self._check_fields()
        self._check_edits()
        self.edits.clear()

    def _spots(self) -> list[tuple[str, str]]:
        """List every incident by the record in which it began."""
        return [
            (name, held.id)
            for name, memory in self.world.memories.items()
            for held in memory.records.values()
            if held.mark is None
        ]

    def _check_records(self) -> None:
        """Every incident has one record in each system, and no record is without an incident."""
        spots = self._spots()
        for name, memory in self.world.memories.items():
            assert len(memory.records) == len(spots), f"{name} holds {len(memory.records)}"
            for spot in spots:
                assert self._record(spot, name) is not None, f"{spot} never reached {name}"

    def _check_fields(self) -> None:
        """All sides of an incident agree on every field that they can hold."""
        for spot in self._spots():
            base = self._base(spot)
            for name, value in base.items():
                for system, member in self.world.unit.members.items():
                    if name not in member.rules or not member.writes(name):
                        continue
                    mine, own, says = member.rules[name], *self._says(spot, system, name)
                    kept = value is None and mine.path in member.abilities.keeps
                    if kept or not member.holds(name, says):
                        continue
                    agree = mine.agrees(calm(own), calm(value))
                    assert agree, f"{spot} {name}: {system} says {own}, not {value}"

    def _base(self, spot: tuple[str, str]) -> dict[str, Word]:
        """Give the agreed values of an incident."""
        from instep.ledger.store import load  # noqa: PLC0415

        with self.world.ledger.begin() as db:
            ids = db.scalars(
                select(external_references.c.incident).where(
                    external_references.c.system == spot[0], external_references.c.record == spot[1]
                )
            ).all()
            assert len(ids) == 1, f"{spot} is known {len(ids)} times"
            (incident,) = load(db, ids)
        return {name: base.value for name, base in incident.base.items()}

    def _says(self, spot: tuple[str, str], system: str, name: str) -> tuple[Word, Words]:
        """Give what a record says of a field, and of all fields, in own words."""
        record_id, member = self._record(spot, system), self.world.unit.members[system]
        assert record_id is not None
        words = self.world.memories[system].records[record_id].words
        says = {n: r.own(words.get(r.path)) for n, r in member.rules.items()}
        return says[name], says

    def _check_edits(self) -> None:
        """Every edit stands everywhere, or lost a conflict and is in the attic."""
        for (spot, name), edits in self.edits.items():
            value = self._base(spot).get(name)
            attic = self._attic(spot, name)
            for edit in edits.values():
                mine = self.world.unit.members[edit.system].rules[name]
                stands = mine.agrees(calm(edit.own), calm(value))
                if name == "components":
                    # Merged name by name: what was taken away elsewhere need not stand.
                    stands = stands or len(edits) > 1 or value is not None
                kept = any(mine.agrees(calm(edit.own), calm(lost)) for lost in attic)
                assert stands or kept, (
                    f"lost: {edit.system} set {name} of {spot} to {edit.own!r}; "
                    f"all say {value!r}, the attic has {attic}"
                )

    def _attic(self, spot: tuple[str, str], name: str) -> list[Word]:
        """Give the losing values kept of a field."""
        with self.world.ledger.begin() as db:
            rows = db.execute(
                select(conflicts.c.value)
                .join(
                    external_references,
                    external_references.c.incident == conflicts.c.incident,
                )
                .where(
                    external_references.c.system == spot[0],
                    external_references.c.record == spot[1],
                    conflicts.c.field == name,
                )
            )
            return [row.value for row in rows]


def _killed(error: BaseException) -> bool:
    """Whether an exception is, or groups, a kill."""
    if isinstance(error, BaseExceptionGroup):
        return any(_killed(e) for e in error.exceptions)
    return isinstance(error, Killed)


class PreferMachine(Machine):
    """The same, where one system is preferred."""

    policy = Decide.PREFER


SETTINGS = settings(
    max_examples=HISTORIES,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A found history is shown as it was found: shrinking one takes longer than reading it.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
TestNewest = Machine.TestCase
TestNewest.settings = SETTINGS
TestPrefer = PreferMachine.TestCase
TestPrefer.settings = SETTINGS


@pytest.fixture(autouse=True)
def _silent() -> Any:
    """Log nothing: thousands of histories would."""
    structlog.configure(processors=[_drop])
    yield
    structlog.reset_defaults()


def _drop(*_: object) -> Any:
    """Drop a log line."""
    raise structlog.DropEvent
