"""Random histories over three awkward systems: the laws, as one state machine.

People add, edit, delete and put back records anywhere, and edit between a look and a write;
systems go away and come back, refuse words and lose replies; the process is killed at any step,
the configuration changes, the ledger is lost. When the dust has settled all sides agree, nothing
is doubled, every edit that met no other survives, and every loser of a conflict is in the attic.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule
from sqlalchemy import or_, select

from instep.core.fields import Decide
from instep.core.model import Incident, Word, Words
from instep.core.unit import Limits, OnGone
from instep.engine import orders
from instep.engine.cycle import run_cycle
from instep.engine.report import Report
from instep.ledger import store
from instep.ledger.tables import conflicts, external_references, former_references, sides
from instep.systems.memory import Faults, Held
from tests.engine.mortal import WIDE, WORDS, MortalWorld, killed

SYSTEMS = tuple(WORDS)

#: An incident by the record in which it began: system and id.
Spot = tuple[str, str]


def calm(word: Word) -> Word:
    """Forget the exclamation that one system drops."""
    return word.rstrip("!") if isinstance(word, str) else word


@dataclass
class Edit:
    """The last edit of a field in one system that nobody has knowingly written over."""

    system: str
    own: Word


class Machine(RuleBasedStateMachine):
    """Everything that people, systems and accidents can do between two rests."""

    policy: ClassVar[Decide] = Decide.NEWEST
    gone: ClassVar[dict[str, OnGone]] = {}
    limits: ClassVar[Limits] = WIDE
    spots = Bundle("spots")

    def __init__(self) -> None:
        """Begin with an empty world."""
        super().__init__()
        self.world = MortalWorld(self.policy, limits=self.limits, gone=self.gone)
        self.edits: dict[tuple[Spot, str], dict[str, Edit]] = {}
        self.trash: dict[tuple[Spot, str], Held] = {}
        self.removed: set[tuple[Spot, str]] = set()
        self.whole: set[Spot] = set()
        self.known: list[Spot] = []

    # ---- people

    @initialize(target=spots, system=st.sampled_from(SYSTEMS), data=st.data())
    def first(self, system: str, data: st.DataObject) -> Spot:
        """Begin with one record somewhere."""
        return self._add(system, data)

    @rule(target=spots, system=st.sampled_from(SYSTEMS), data=st.data())
    def add(self, system: str, data: st.DataObject) -> Spot:
        """Let a person open an incident."""
        return self._add(system, data)

    def _add(self, system: str, data: st.DataObject) -> Spot:
        """Make a record, and remember what it says."""
        words = {
            path: data.draw(st.sampled_from(choices))
            for path, choices in WORDS[system].items()
            if path in ("title", "name", "start_date") or data.draw(st.booleans())
        }
        made = self.world.memories[system].add(**words)
        spot = (system, made)
        self.known.append(spot)
        for path in words:
            self._note(spot, system, path, None)
        return spot

    @rule(spot=spots, system=st.sampled_from(SYSTEMS), data=st.data())
    def edit(self, spot: Spot, system: str, data: st.DataObject) -> None:
        """Let a person edit the incident's record in some system, if there is one by now."""
        path = data.draw(st.sampled_from(sorted(WORDS[system])))
        self._edit(spot, system, path, data.draw(st.sampled_from(WORDS[system][path])))

    def _edit(self, spot: Spot, system: str, path: str, word: Word) -> None:
        """Edit a record if it is there, and remember that."""
        record_id, memory = self._record(spot, system), self.world.memories[system]
        if record_id is None:
            return
        before = dict(memory.records[record_id].words)
        memory.edit(record_id, **{path: word})
        after = memory.records[record_id].words
        for moved in sorted({*before, *after}):
            # A service may set, or take away, something else because of it.
            if after.get(moved) != before.get(moved) and self._name(system, moved):
                self._note(spot, system, moved, before.get(moved))

    @rule(spot=spots, system=st.sampled_from(SYSTEMS))
    def remove(self, spot: Spot, system: str) -> None:
        """Let a person delete the incident's record in some system, and what it said with it."""
        record_id, memory = self._record(spot, system), self.world.memories[system]
        if record_id is None:
            return
        held = memory.records[record_id]
        memory.remove(record_id)
        if self._known(system, record_id) or spot[0] == system:
            # One that instep never heard it had made is made once more.
            self.trash[spot, system] = held
            self.removed.add((spot, system))
        if self.gone.get(system) is OnGone.CLOSE:
            self._ended(spot, system, held)
        deletes = self.gone.get(system) is OnGone.DELETE
        for (where, _), edits in self.edits.items():
            if where == spot:
                edits.pop(system, None)
                if deletes:
                    # What was settled before goes with it; what is edited from now on does not.
                    edits.clear()

    def _ended(self, spot: Spot, system: str, held: Held) -> None:
        """Let the loss of a record knowingly end what it had been told of the status."""
        mine = self.world.unit.members[system].rules["status"]
        known = self.edits.get((spot, "status"), {})
        for other, edit in list(known.items()):
            theirs = self.world.unit.members[other].rules["status"]
            own = mine.own(held.words.get(mine.path))
            if any(mine.agrees(own, value) for value in theirs.reads(edit.own)):
                del known[other]

    @rule(spot=spots, system=st.sampled_from(SYSTEMS))
    def put_back(self, spot: Spot, system: str) -> None:
        """Let a person take a deleted record out of the bin, as it was."""
        if (spot, system) not in self.trash or self.gone.get(system) is OnGone.RECREATE:
            return
        held = self.trash.pop((spot, system))
        self.world.memories[system].records[held.id] = held
        self.removed.discard((spot, system))

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
            if record_id in self.world.memories[system].records:
                spot = self._spot(system, record_id)
                for path in [p for p in order if p in written][:1] or order[:3]:
                    self._edit(spot, system, path, wishes[path])

        setattr(self.world.memories[system].faults, moment, struck)

    @rule()
    def approve(self) -> None:
        """Let a person let through what is held at the moment."""
        self._approve()

    def _approve(self) -> None:
        """Let through all that a person's word lets through."""
        for group in orders.groups(self.world.app):
            if group.why in orders.APPROVABLE:
                orders.approve(self.world.app, group.name)

    # ---- services

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

    @rule(system=st.sampled_from(SYSTEMS))
    def refuse(self, system: str) -> None:
        """Let the next write there be refused."""
        self.world.memories[system].faults.refuse = True

    @rule(system=st.sampled_from(SYSTEMS))
    def hide(self, system: str) -> None:
        """Let the next listing leave out a record that is there."""
        self.world.memories[system].faults.hide = True

    # ---- the program

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
            if not killed(error):
                raise
        self.world.restart()

    @rule()
    def remap(self) -> None:
        """Change the configuration; what was typed where nobody looks any more is nobody's."""
        for (_, name), edits in self.edits.items():
            if name == "description":
                edits.pop("dog", None)
        self.world.remap()

    @rule(spot=consumes(spots))
    def lose_ledger(self, spot: Spot) -> None:
        """Lose the ledger at rest, with all that only it knew."""
        del spot
        self._settle()
        self.world.lose_ledger()
        report = asyncio.run(run_cycle(self.world.app))
        for name, tally in report.systems.items():
            did = {kind: tally.counts[kind] for kind in ("creates", "closes", "deletes")}
            # What a person had deleted is made once more: only that ledger knew of it.
            assert self.removed or not any(did.values()), f"a lost ledger cost {did} in {name}"
        self.removed = {(spot, name) for spot, name in self.removed if spot[0] == name}
        self.whole.clear()

    @rule(spot=consumes(spots))
    def rest(self, spot: Spot) -> None:
        """Let the dust settle in the middle of a history too."""
        del spot
        self._settle()

    def teardown(self) -> None:
        """Let the dust settle, and look at everything."""
        self._settle()

    # ---- what is remembered of edits

    def _name(self, system: str, path: str) -> str:
        """Name the field that a path of a system is of; empty for none."""
        rules = self.world.unit.members[system].rules
        return next((name for name, rule in rules.items() if rule.path == path), "")

    def _note(self, spot: Spot, system: str, path: str, before: Word) -> None:
        """Remember an edit; it knowingly writes over those that its side had been told of."""
        name, member = self._name(system, path), self.world.unit.members[system]
        if not name or not member.hears(name):
            return
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
        # Back to what it said when last settled is no edit: nobody could tell. Nor is what all
        # have agreed on and it is yet to be told.
        row = self._incident(spot)
        told = row is not None and name in row.base and mine.agrees(own, row.value(name))
        if own != self._shadow(system, record_id).get(name) and not told:
            known[system] = Edit(system, own)

    def _known(self, system: str, record_id: str) -> bool:
        """Whether the ledger knows a record."""
        refs = external_references.c
        with self.world.ledger.begin() as db:
            found = select(refs.id).where(refs.system == system, refs.record == record_id)
            return db.execute(found).first() is not None

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

    def _spot(self, system: str, record_id: str) -> Spot:
        """Name the incident of a record by the record in which it began."""
        mark = self.world.memories[system].records[record_id].mark
        return (mark.origin, mark.display) if mark else (system, record_id)

    def _record(self, spot: Spot, system: str) -> str | None:
        """Give the record of an incident in a system, by what the systems themselves hold."""
        found = [
            record_id
            for record_id in self.world.memories[system].records
            if self._spot(system, record_id) == spot
        ]
        assert len(found) <= 1, f"{spot} was doubled in {system}: {found}"
        return found[0] if found else None

    # ---- what must hold at rest

    def _settle(self) -> None:
        """Bring everything back, decide what waits for a person, run until quiet, and check."""
        for memory in self.world.memories.values():
            memory.faults = Faults()
        report = self._run()
        for _ in range(12):
            if report.exit_code == 0 and report.writes == 0:
                break
            self._decide()
            report = self._run()
        assert (report.exit_code, report.due) == (0, 0), f"never came to rest: {report.data()}"
        before = self.world.writes()
        asyncio.run(run_cycle(self.world.app))
        assert self.world.writes() == before, "a quiet cycle wrote something"
        self._check_records()
        self._check_fields()
        self._check_edits()
        self.edits.clear()

    def _run(self) -> Report:
        """Run a cycle after everything has had time to be shown and to be tried again."""
        self.world.clock.at += 400
        return asyncio.run(run_cycle(self.world.app))

    def _decide(self) -> None:
        """Let a person decide all that waits."""
        self._approve()
        orders.retry(self.world.app)
        for row in self._rows():
            for name in orders.waits(self.world.app, row):
                said = orders.candidates(self.world.app, row, name)
                orders.resolve(self.world.app, row.id, name, take=min(said))
                row = store_one(self.world, row.id)  # noqa: PLW2901 - each word moves its version

    def _rows(self) -> list[Incident]:
        """Load every due incident."""
        with self.world.ledger.begin() as db:
            return store.load(db, store.due(db, "default"))

    def _check_records(self) -> None:
        """Every incident has one record in each system, unless a person deleted it there."""
        for spot in self.known:
            there = {name for name in SYSTEMS if self._record(spot, name) is not None}
            lost = {name for where, name in self.removed if where == spot}
            again = {name for name in lost if self.gone.get(name) is OnGone.RECREATE}
            ends = any(self.gone.get(name) is OnGone.DELETE for name in lost)
            if not lost:
                assert there == set(SYSTEMS), f"{spot} is only in {sorted(there)}"
                self.whole.add(spot)
            elif spot in self.whole and not ends:
                expected = set(SYSTEMS) - lost | (again if there else set())
                assert there == expected, f"{spot} is in {sorted(there)}, not {sorted(expected)}"
            assert not (lost - again) & there, f"{spot} came back to {sorted(lost)}"

    def _check_fields(self) -> None:
        """All sides of an incident agree on every field that they can hold."""
        for spot in self.known:
            row = self._incident(spot)
            there = any(self._record(spot, name) is not None for name in SYSTEMS)
            assert (row is not None) == there, f"{spot} is not known"
            for name, base in row.base.items() if row else ():
                for system, member in self.world.unit.members.items():
                    if name not in member.rules or not member.writes(name):
                        continue
                    record_id = self._record(spot, system)
                    if record_id is not None:
                        self._check_field(spot, system, name, base.value, record_id)

    def _check_field(self, spot: Spot, system: str, name: str, value: Word, record: str) -> None:
        """One side agrees with one value, if it can hold it."""
        member = self.world.unit.members[system]
        words, mine = self.world.memories[system].records[record].words, member.rules[name]
        says = {n: r.own(words.get(r.path)) for n, r in member.rules.items()}
        kept = value is None and mine.path in member.abilities.keeps
        if not kept and member.holds(name, says):
            agree = mine.agrees(calm(says[name]), calm(value))
            assert agree, f"{spot} {name}: {system} says {says[name]}, not {value}"

    def _incident(self, spot: Spot) -> Incident | None:
        """Give the incident of a spot, if there is any record of it and one of them is known."""
        ids = [(name, found) for name in SYSTEMS if (found := self._record(spot, name))]
        if not ids:
            return None
        with self.world.ledger.begin() as db:
            numbers = {
                number
                for table in (external_references, former_references)
                for number in db.scalars(
                    select(table.c.incident).where(
                        or_(*((table.c.system == n) & (table.c.record == r) for n, r in ids))
                    )
                )
            }
        assert len(numbers) < 2, f"{spot} is known {len(numbers)} times"
        return store_one(self.world, numbers.pop()) if numbers else None

    def _check_edits(self) -> None:
        """Every edit stands everywhere, or lost a conflict and is in the attic."""
        for (spot, name), edits in self.edits.items():
            row = self._incident(spot)
            for edit in edits.values() if row else ():
                assert row is not None
                value, attic = row.value(name), self._attic(row.id, name)
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
            if edits and row is None:
                raise AssertionError(f"{spot}: edits of {name} went with its records")

    def _attic(self, incident: int, name: str) -> list[Word]:
        """Give the losing values kept of a field."""
        here = (conflicts.c.incident == incident) & (conflicts.c.field == name)
        with self.world.ledger.begin() as db:
            return [row.value for row in db.execute(select(conflicts.c.value).where(here))]


def store_one(world: MortalWorld, number: int) -> Incident:
    """Load one incident."""
    with world.ledger.begin() as db:
        return store.load(db, [number])[0]
