"""Directed histories of the cycle: what random ones reach too seldom to rely on."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from instep.core.fields import Decide
from instep.core.model import Mark, Record, Words, Written
from instep.core.operation import Plan
from instep.core.rules import Direction
from instep.core.unit import Limits
from instep.engine import orders, settle
from instep.engine.context import new_uid
from instep.engine.cycle import make_plan, run_cycle
from instep.engine.report import Report
from instep.errors import (
    Denied,
    Forbidden,
    Gone,
    LedgerError,
    Rejected,
    SideError,
    Unreachable,
)
from instep.ledger import tables
from instep.systems.memory import Memory
from tests.engine.steps import configure
from tests.engine.world import World


def allow(world: World) -> int:
    """Let through everything that a person's word lets through."""
    names = [group.name for group in orders.groups(world.app) if group.why in orders.APPROVABLE]
    return sum(orders.approve(world.app, name) for name in names)


def cycle(world: World, *, sweep: bool = False) -> Report:
    """Run one cycle, a minute after whatever was before."""
    world.clock.at += 60
    return asyncio.run(run_cycle(world.app, sweep=sweep))


def plan(world: World) -> Plan:
    """Make a plan."""
    return asyncio.run(make_plan(world.app))[0]


def count(world: World, table: Any) -> int:
    """Count the rows of a table."""
    with world.ledger.begin() as db:
        return int(db.scalar(select(func.count()).select_from(table)) or 0)


def rows(world: World, table: Any) -> Sequence[Any]:
    """Give the rows of a table."""
    with world.ledger.begin() as db:
        return db.execute(select(table)).all()


def fall_silent(memory: Memory) -> None:
    """Let the next write there take effect, its reply be lost, and nothing be heard after it."""

    def silent(*_: object) -> None:
        memory.faults.down = True

    memory.faults.lose_reply, memory.faults.after_write = True, silent


@pytest.fixture
def world() -> World:
    """Make a world in which one incident is in step everywhere."""
    made = World()
    made.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    assert cycle(made).exit_code == 0
    return made


def only(memory: Memory) -> str:
    """Give the id of the only record."""
    (record_id,) = memory.records
    return record_id


def test_edits_of_different_fields_on_three_sides_all_stand(world: World) -> None:
    """A title, a severity and a text edited on three sides in one minute reach all three."""
    dev, dog, page = (world.memories[name] for name in ("dev", "dog", "page"))
    dev.edit(only(dev), title="Checkout down")
    dog.edit(only(dog), severity="SEV-1")
    page.edit(only(page), description="We are looking")
    cycle(world)
    for name, memory in world.memories.items():
        common = world.common(name, only(memory))
        told = (common["title"], common["severity"], common["description"])
        assert told == ("Checkout down", "critical", "We are looking"), name
    assert cycle(world).writes == 0


def test_an_edit_costs_one_write_per_other_side(world: World) -> None:
    """One edit causes exactly one write to each of the two other sides, and none to its own."""
    dog = world.memories["dog"]
    before = {name: memory.writes for name, memory in world.memories.items()}
    dog.edit(only(dog), title="Checkout down")
    cycle(world)
    after = {name: memory.writes - before[name] for name, memory in world.memories.items()}
    assert after == {"dev": 1, "dog": 0, "page": 1}


def test_a_conflict_keeps_the_loser_in_the_attic(world: World) -> None:
    """Two titles in one minute: the newest stands everywhere, the other is kept with its side."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    world.clock.at += 1
    dog.edit(only(dog), title="Payments down")
    report = cycle(world)
    assert report.attic == 1
    with world.ledger.begin() as db:
        (kept,) = db.execute(select(tables.conflicts)).all()
    assert (kept.field, kept.value, kept.origins) == ("title", "Checkout down", ("dev",))
    assert world.common("dev", only(dev))["title"] == "Payments down"


def test_an_edit_under_our_write_that_was_put_back_is_a_conflict(world: World) -> None:
    """A service that takes a write back for an edit it replaced: both are weighed, none is lost."""
    dev, page = world.memories["dev"], world.memories["page"]
    real = page.update

    async def undoing(seen: Record, words: Words) -> Written:
        page.edit(seen.id, name="By a person")
        page.update = real  # type: ignore[method-assign]
        return Written(await page.read(seen.id), undone=frozenset({"name"}))

    page.update = undoing  # type: ignore[method-assign]
    dev.edit(only(dev), title="Checkout down")
    world.clock.at += 60
    report = cycle(world)
    with world.ledger.begin() as db:
        (lost,) = db.execute(select(tables.conflicts)).all()
    assert (report.due, lost.value, lost.origins) == (0, "Checkout down", ("dev",))
    titles = {world.common(name, only(world.memories[name]))["title"] for name in world.memories}
    assert titles == {"By a person"}


def test_a_field_that_moved_before_the_look_is_not_written_over(world: World) -> None:
    """A person edits the very field just before we look: nothing is sent, and both are weighed."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    before = dog.writes
    dev.edit(only(dev), title="Checkout down")
    dog.faults.before_read = lambda record, _: dog.edit(record, title="By a person")
    world.clock.at += 60
    with capture_logs() as logs:
        report = cycle(world)
    assert [line["reason"] for line in logs if line["event"] == "write.stale"] == ["title moved"]
    assert (dog.writes, report.attic) == (before, 1)
    assert world.common("dev", only(dev))["title"] == "By a person"


def test_a_system_that_fails_time_after_time_is_asked_no_more_in_that_cycle() -> None:
    """Three failures in a row are the system's, not the records': it is left for the next cycle."""
    world = World()
    world.app.workers = 1
    dog = world.memories["dog"]
    for number in range(6):
        world.memories["dev"].add(title=f"Incident {number}", severity="sev-2", stage="triage")
    fall_silent(dog)
    report = cycle(world)
    tally = report.systems["dog"]
    assert (dog.writes, tally.counts["failed"], tally.why) == (1, 3, "dog is away")
    assert (report.exit_code, report.due) == (3, 6)
    dog.faults.down = False
    assert cycle(world).exit_code == 0
    assert (dog.writes, len(dog.records)) == (6, 6)


def _failing(world: World, *answers: SideError | None) -> list[int]:
    """Let creates in ``dog`` end like this, one after the other; answers which were tried."""
    dog, tried = world.memories["dog"], list[int]()
    world.app.workers = 1
    for number in range(len(answers)):
        world.memories["dev"].add(title=f"Incident {number}", severity="sev-2", stage="triage")
    kept = dog.create

    async def create(words: Words, mark: Mark) -> Written:
        tried.append(len(tried))
        if error := answers[tried[-1]]:
            raise error
        return await kept(words, mark)

    dog.create = create  # type: ignore[method-assign]
    return tried


def test_a_system_that_lets_nobody_in_is_asked_once(world: World) -> None:
    """Credentials that are refused are refused for all records: one request shows it."""
    tried = _failing(world, *[Denied("no such key", system="dog")] * 5)
    report = cycle(world)
    assert (len(tried), report.systems["dog"].why, report.exit_code) == (1, "no such key", 3)
    assert len(world.memories["page"].records) == 6


@pytest.mark.parametrize("kind", [Forbidden, Unreachable])
def test_a_system_that_fails_three_times_in_a_row_is_away(
    world: World, kind: type[SideError]
) -> None:
    """What may be about one record is tried with others; after three in a row it is the system."""
    tried = _failing(world, *[kind("not this", system="dog")] * 6)
    report = cycle(world)
    assert (len(tried), report.systems["dog"].why, report.exit_code) == (3, "not this", 3)


def test_a_success_in_between_starts_the_count_anew(world: World) -> None:
    """Two failures, a success, two failures: it is the records, so all others are written."""
    no = Forbidden("not this", system="dog")
    tried = _failing(world, no, no, None, no, no, None)
    report = cycle(world)
    tally = report.systems["dog"]
    assert (len(tried), tally.why, tally.counts["failed"]) == (6, "", 4)
    assert tally.counts["creates"] == 2
    assert report.due == 4


def test_a_cycle_that_takes_too_long_goes_on_in_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left when the time is over is due, and settled by the cycles after it."""
    monkeypatch.setattr(settle, "BATCH", 1)
    dog = world.memories["dog"]
    for number in range(3):
        world.memories["dev"].add(title=f"Incident {number}", severity="sev-2", stage="triage")

    def dawdle(*_: object) -> None:
        world.clock.at += 1000
        dog.faults.after_write = dawdle

    dog.faults.after_write = dawdle
    with capture_logs() as logs:
        report = cycle(world)
    cuts = [line["left"] for line in logs if line["event"] == "cycle.cut"]
    assert cuts[0] == 2
    assert (len(dog.records), report.due >= 2, report.exit_code) == (2, True, 1)
    cycle(world)
    assert len(dog.records) == 3
    cycle(world)
    assert len(dog.records) == 4
    cycle(world)
    assert cycle(world).exit_code == 0


def test_one_write_that_is_never_answered_costs_only_itself(world: World) -> None:
    """It waits longer each time, is never given up, and holds nobody up; other words go at once."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    kept, tried = dog.update, list[str]()

    async def deaf(seen: Record, words: Words) -> Written:
        if seen.id == only(dog):
            tried.append(str(words["title"]))
            raise Unreachable("gave no answer", system="dog", unclear=True)
        return await kept(seen, words)

    dog.update = deaf  # type: ignore[method-assign]
    dev.edit(only(dev), title="Checkout down")
    reports = [cycle(world) for _ in range(40)]
    assert {(r.exit_code, r.systems["dog"].why) for r in reports} == {(1, "")}
    assert 5 < len(tried) < 12
    assert (reports[-1].held, reports[-1].dead, reports[-1].due) == (0, 0, 1)
    assert "gave no answer" in str(rows(world, tables.held)[0].reason)
    dev.edit(only(dev), title="Checkout is down")
    cycle(world)
    assert tried[-1] == "Checkout is down"
    dog.update = kept  # type: ignore[method-assign]
    world.clock.at += 1000
    assert cycle(world).exit_code == 0
    assert rows(world, tables.held) == []


def test_nothing_is_concluded_where_nothing_is_known() -> None:
    """Without an answer from anybody every intent stays open, and is looked up."""
    world = World()
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    for name in ("dog", "page"):
        fall_silent(world.memories[name])
    assert cycle(world).writes == 0
    assert count(world, tables.intents) == 2
    for name in ("dog", "page"):
        world.memories[name].faults.down = False
    cycle(world)
    assert [len(memory.records) for memory in world.memories.values()] == [1, 1, 1]


def test_what_is_refused_says_what_to_do(world: World) -> None:
    """The service's reason and the advice that goes with it stand beside what is held."""
    dog = world.memories["dog"]

    async def refuse(seen: Record, words: Words) -> Written:
        raise Rejected("no such stage", system="dog", advice="its names are: triage, fixing")

    dog.update = refuse  # type: ignore[method-assign]
    world.memories["dev"].edit(only(world.memories["dev"]), title="Checkout down")
    cycle(world)
    (held,) = rows(world, tables.held)
    assert "no such stage; its names are: triage, fixing" in held.reason


def test_a_manual_field_waits_and_the_others_flow() -> None:
    """With ``manual``, the field that conflicts changes nowhere; another field goes through."""
    world = World(Decide.MANUAL)
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(world)
    dev.edit(only(dev), title="Checkout down")
    dog.edit(only(dog), title="Payments down", severity="SEV-1")
    report = cycle(world)
    assert (report.conflicts, report.exit_code) == (1, 1)
    assert world.common("dev", only(dev))["title"] == "Checkout down"
    assert world.common("dog", only(dog))["title"] == "Payments down"
    assert world.common("dev", only(dev))["severity"] == "critical"
    assert cycle(world).writes == 0


def test_a_system_that_is_away_costs_only_itself(world: World) -> None:
    """The two others go on; when it answers again it catches up, once."""
    dog, page = world.memories["dog"], world.memories["page"]
    page.faults.down = True
    dog.edit(only(dog), title="Checkout down")
    report = cycle(world)
    assert (report.exit_code, report.systems["page"].heard, report.due) == (3, False, 1)
    assert world.common("dev", only(world.memories["dev"]))["title"] == "Checkout down"
    page.faults.down = False
    before = page.writes
    assert cycle(world).exit_code == 0
    assert page.writes == before + 1
    assert world.common("page", only(page))["title"] == "Checkout down"


def test_a_lost_reply_makes_no_second_record() -> None:
    """A create whose reply is lost is found by its mark, and adopted."""
    world = World()
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    world.memories["dog"].faults.lose_reply = True
    assert cycle(world).systems["dog"].counts["failed"] == 1
    report = cycle(world)
    assert (report.exit_code, len(world.memories["dog"].records)) == (0, 1)
    assert cycle(world).writes == 0


def test_a_lost_reply_to_an_update_is_read_not_repeated(world: World) -> None:
    """An update whose reply is lost is read back in the next cycle; nothing is sent twice."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    dog.faults.lose_reply = True
    before = dog.writes
    cycle(world)
    assert cycle(world).exit_code == 0
    assert dog.writes == before + 1


def test_a_create_that_never_arrived_is_made_again_only_after_its_time() -> None:
    """What cannot be found is not repeated before the request could no longer turn up."""
    world = World()
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    dog = world.memories["dog"]

    async def vanish(words: Words, mark: Mark) -> Written:
        raise Unreachable("no answer", system="dog", unclear=True)

    kept, dog.create = dog.create, vanish  # type: ignore[method-assign]
    cycle(world)
    dog.create = kept  # type: ignore[method-assign]
    asyncio.run(run_cycle(world.app))
    assert not dog.records
    assert count(world, tables.intents) == 1
    cycle(world)
    assert len(dog.records) == 1


def test_an_intent_that_expired_is_not_sent(world: World) -> None:
    """A worker that slept over its intent's time sends nothing."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    read = dog.read

    async def late(record_id: str) -> Record:
        world.clock.at += 3600
        return await read(record_id)

    world.memories["page"].read = late  # type: ignore[method-assign]
    dog.read = late  # type: ignore[method-assign]
    world.app.workers = 1
    cycle(world)
    assert cycle(world).exit_code == 0
    assert world.common("dog", only(dog))["title"] == "Checkout down"


def test_a_refused_write_is_tried_later_and_later_and_then_no_more(world: World) -> None:
    """A refusal holds that record with the service's words until it is given up; others flow."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.add(title="Search slow", severity="sev-1", stage="triage")
    tried = list[float]()

    async def refuse(words: Words, mark: Mark) -> Written:
        tried.append(world.clock.at)
        raise Rejected("name too short", system="dog")

    kept, dog.create = dog.create, refuse  # type: ignore[method-assign]
    report = cycle(world)
    assert (report.dead, report.due, report.exit_code) == (0, 1, 1)
    assert len(world.memories["page"].records) == 2
    reports = [cycle(world) for _ in range(60)]
    assert (len(tried), reports[-1].dead) == (5, 1)
    waits = [after - before for before, after in pairwise(tried)]
    assert waits == sorted(waits)
    held = rows(world, tables.held)[0]
    assert (held.why, held.reason, held.tries) == ("dead", "name too short", 5)
    assert orders.retry(world.app) == 1
    cycle(world)
    assert len(tried) == 6
    dog.create = kept  # type: ignore[method-assign]
    dev.edit("dev-2", title="Search down")
    assert cycle(world).exit_code == 0
    assert (len(dog.records), rows(world, tables.held)) == (2, [])


def test_a_record_that_is_gone_closes_and_recreates_nothing(world: World) -> None:
    """A deleted record is believed gone only after a direct read, and then left alone."""
    dev, dog, page = (world.memories[name] for name in ("dev", "dog", "page"))
    dog.remove(only(dog))
    before = world.writes()
    assert cycle(world).exit_code == 0
    assert (world.writes(), len(dev.records), len(dog.records), len(page.records)) == (
        before,
        1,
        0,
        1,
    )
    dev.edit(only(dev), title="Checkout down")
    assert cycle(world).exit_code == 0
    assert world.common("page", only(page))["title"] == "Checkout down"


def test_a_record_missing_from_a_listing_is_read_before_anything_is_concluded(
    world: World,
) -> None:
    """An empty listing of a system that still has its records changes nothing."""
    dog = world.memories["dog"]
    kept = dict(dog.records)
    dog.records.clear()
    read = dog.read

    async def restored(record_id: str) -> Record:
        dog.records.update(kept)
        return await read(record_id)

    dog.read = restored  # type: ignore[method-assign]
    before = world.writes()
    assert cycle(world).exit_code == 0
    assert cycle(world).exit_code == 0
    assert world.writes() == before
    with world.ledger.begin() as db:
        assert not db.scalar(select(tables.sides.c.gone).where(tables.sides.c.system == "dog"))


def test_a_record_deleted_between_the_look_and_the_write_is_gone(world: World) -> None:
    """A record that goes away under our hands ends the intent, not the cycle."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), title="Checkout down")

    async def gone(seen: Record, words: Words) -> Written:
        dog.records.clear()
        raise Gone("no such record", system="dog")

    dog.update = gone  # type: ignore[method-assign]
    assert cycle(world).exit_code == 0
    assert count(world, tables.intents) == 0


def test_an_update_of_a_record_deleted_before_the_look_is_gone(world: World) -> None:
    """A record that was deleted after it was heard is not written to."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    read = dog.read

    async def gone(record_id: str) -> Record:
        dog.records.pop(record_id, None)
        return await read(record_id)

    dog.read = gone  # type: ignore[method-assign]
    before = dog.writes
    assert cycle(world).exit_code == 0
    assert dog.writes == before


def test_an_id_that_means_another_record_is_not_written_to(world: World) -> None:
    """A record deleted and another made under its id: the old one is gone, the new one is new."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    record_id = only(dog)
    old = dog.records[record_id]
    dog.records[record_id] = replace(
        old, birth=f"{world.clock():.6f}", mark=None, words={"title": "Other", "state": "active"}
    )
    cycle(world)
    assert cycle(world).exit_code == 0
    assert len(dev.records) == 2
    titles = {world.common("dev", i)["title"] for i in dev.records}
    assert titles == {"Checkout slow", "Other"}


def test_a_copy_that_carries_the_same_mark_is_left_alone(world: World) -> None:
    """Two records with one mark: the first is the incident's, the copy is left for a person."""
    dog = world.memories["dog"]
    first = dog.records[only(dog)]
    dog.records["dog-99"] = replace(first, id="dog-99", words={"title": "Copy"})
    report = cycle(world)
    assert (report.held, report.exit_code, cycle(world).held) == (1, 1, 1)
    assert world.common("dev", only(world.memories["dev"]))["title"] == "Checkout slow"
    assert dog.records["dog-99"].words == {"title": "Copy"}


def test_a_copy_is_held_until_it_is_gone_or_its_own(world: World) -> None:
    """A copy that is deleted is held no more; one that loses its mark is an incident of its own."""
    dog = world.memories["dog"]
    first = dog.records[only(dog)]
    for number in (98, 99):
        words = {"title": f"Copy {number}", "state": "active"}
        dog.records[f"dog-{number}"] = replace(first, id=f"dog-{number}", words=words)
    assert cycle(world).held == 2
    dog.remove("dog-98")
    assert cycle(world).held == 1
    dog.records["dog-99"] = replace(dog.records["dog-99"], mark=None)
    assert cycle(world).exit_code == 0
    assert len(world.memories["dev"].records) == 2


def test_a_lost_ledger_is_rebuilt_from_the_marks(world: World) -> None:
    """With a new ledger, marked records find the incident that they began from: no creates."""
    world.memories["page"].add(name="Mail late", severity="low", start_date="2026-01-01T10:00")
    cycle(world)
    again = World(clock=world.clock)
    for name, memory in world.memories.items():
        again.memories[name].records = memory.records
    again.app.new_uid = new_uid
    report = cycle(again)
    assert sum(t.counts["creates"] for t in report.systems.values()) == 0
    assert report.incidents == 2
    records = (record for memory in world.memories.values() for record in memory.records.values())
    uids = {record.mark.uid for record in records if record.mark is not None}
    assert {row.uid for row in rows(again, tables.incidents)} == uids


def test_the_guard_holds_the_excess_until_it_is_approved() -> None:
    """Over a limit the newest wait, whatever room later cycles have, until a person says yes."""
    world = World(limits=Limits(creates=2))
    for number in range(4):
        world.memories["dev"].add(title=f"Incident {number}", severity="sev-2", stage="triage")
    report = cycle(world)
    assert (report.held, report.exit_code) == (4, 1)
    titles = {world.common("dog", i)["title"] for i in world.memories["dog"].records}
    assert titles == {"Incident 0", "Incident 1"}
    assert cycle(world).writes == 0
    assert allow(world) == 4
    assert cycle(world).exit_code == 0
    assert len(world.memories["dog"].records) == 4
    assert count(world, tables.held) == 0


def test_a_plan_lists_what_the_cycle_then_does() -> None:
    """The operations of a plan are those of the cycle after it, and making it writes nothing."""
    world = World()
    world.memories["dev"].add(
        title="Checkout slow", severity="sev-2", stage="resolved", identified="2026-01-01T10:00:00Z"
    )
    world.memories["page"].add(name="Mail late", severity="low", start_date="2026-01-01T10:00")
    planned = plan(_copied(world))
    assert world.writes() == 0
    ops = sorted((op.system, op.kind) for op in planned.operations)
    report = cycle(world)
    done = sorted(
        (name, kind)
        for name, tally in report.systems.items()
        for kind, key in {"create": "creates", **settle.COUNT_OF}.items()
        for _ in range(tally.counts[key])
    )
    assert ops == done
    assert cycle(world).writes == 0


def _copied(world: World) -> World:
    """Give a world with a fresh ledger over the same systems."""
    copy = World(clock=world.clock)
    copy.memories.update(world.memories)
    copy.app = copy.make_app()
    return copy


def test_a_plan_names_what_is_held_and_what_waits() -> None:
    """A plan shows the excess and the fields that wait, and decides neither."""
    world = World(Decide.MANUAL, limits=Limits(creates=0))
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.add(title="Checkout slow", severity="sev-2", stage="triage")
    assert len(plan(world).held) == 2
    cycle(world)
    allow(world)
    cycle(world)
    dev.edit(only(dev), title="Checkout down")
    dog.edit(only(dog), title="Payments down")
    assert plan(world).waiting == ((1, "title"),)


def test_a_system_that_never_stops_listing_is_given_up(world: World) -> None:
    """Hearing one system has an end; what it holds up is only itself."""
    world.app.hear_within = 0.05
    dog = world.memories["dog"]

    async def endless(since: str | None, watch: Collection[str] = ()) -> Any:
        await asyncio.Event().wait()
        yield

    dog.changes = endless  # type: ignore[method-assign]
    report = cycle(world)
    assert not report.systems["dog"].heard
    assert report.systems["dev"].heard


def test_a_record_that_nobody_can_look_at_stays_in_doubt(world: World) -> None:
    """A read that gets no answer concludes nothing, and takes nothing else with it."""
    dog = world.memories["dog"]
    dog.remove(only(dog))

    async def refuse(record_id: str) -> Record:
        raise Unreachable("closed", system="dog")

    dog.read = refuse  # type: ignore[method-assign]
    report = cycle(world)
    assert (report.exit_code, report.systems["dog"].why, report.due) == (1, "", 1)
    assert [row.system for row in rows(world, tables.sides) if row.doubt] == ["dog"]


def test_recovery_waits_for_a_system_that_is_away() -> None:
    """An open create stays open while its system is away, before and after hearing it."""
    world = World()
    dog = world.memories["dog"]
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    fall_silent(dog)
    cycle(world)
    cycle(world)

    async def closed(mark: Mark) -> list[Record]:
        raise Unreachable("closed", system="dog")

    dog.faults.down, kept, dog.find = False, dog.find, closed  # type: ignore[method-assign]
    held, dog.records = dog.records, {}
    cycle(world)
    dog.records, dog.find = held, kept  # type: ignore[method-assign]
    assert count(world, tables.intents) == 1
    assert cycle(world).exit_code == 0
    assert len(dog.records) == 1


def test_a_doubtful_side_of_a_system_that_is_away_waits(world: World) -> None:
    """A side in doubt is not judged while its system cannot be asked."""
    dog = world.memories["dog"]
    with world.ledger.begin() as db:
        db.execute(update(tables.sides).where(tables.sides.c.system == "dog").values(doubt=True))
        db.execute(update(tables.incidents).values(due=True))
    dog.faults.down = True
    assert cycle(world).due == 1
    dog.faults.down = False
    assert cycle(world).exit_code == 0


def test_a_decision_about_an_incident_that_moved_is_refused(world: World) -> None:
    """An incident that changed since it was loaded is left as it is, and stays due."""
    dev = world.memories["dev"]
    dev.edit(only(dev), title="Checkout down")
    desk, moved = world.app.desk, list[bool]()

    async def meddling(work: Any, /, *args: Any, **kwargs: Any) -> Any:
        if work.__name__ == "decide" and not moved:
            moved.append(True)
            with world.ledger.begin() as db:
                db.execute(update(tables.incidents).values(version=tables.incidents.c.version + 1))
        return await desk(work, *args, **kwargs)

    world.app.desk = meddling
    cycle(world)
    assert moved
    assert cycle(world).exit_code == 0
    assert world.common("dog", only(world.memories["dog"]))["title"] == "Checkout down"


def test_a_bug_in_a_push_ends_the_cycle_without_losing_the_others(world: World) -> None:
    """An unexpected error is not swallowed; the intents that it leaves are recovered later."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    kept = dog.update

    async def broken(seen: Record, words: Words) -> Written:
        raise RuntimeError("a bug")

    dog.update = broken  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        cycle(world)
    dog.update = kept  # type: ignore[method-assign]
    assert cycle(world).exit_code == 0
    assert world.common("dog", only(dog))["title"] == "Checkout down"


def test_a_rule_that_went_away_leaves_its_open_intents_harmless(world: World) -> None:
    """An intent of a field that is mapped no more is concluded without it."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), title="Checkout down", severity="sev-0")
    dog.faults.lose_reply = True
    cycle(world)
    member = world.unit.members["dog"]
    rules = {name: rule for name, rule in member.rules.items() if name != "severity"}
    world.unit = replace(
        world.unit, members={**world.unit.members, "dog": replace(member, rules=rules)}
    )
    world.app = world.make_app()
    assert cycle(world).exit_code == 0


def test_a_system_that_may_not_be_written_is_only_heard() -> None:
    """``writable: false`` hears a system and never writes to it."""
    world = World()
    member = replace(world.unit.members["dog"], writable=False)
    world.unit = replace(world.unit, members={**world.unit.members, "dog": member})
    world.app = world.make_app()
    dog = world.memories["dog"]
    dog.add(title="Checkout slow", severity="SEV-3", state="active")
    world.memories["dev"].add(title="Search slow", severity="sev-2", stage="triage")
    assert cycle(world).exit_code == 0
    assert (dog.writes, len(world.memories["dev"].records)) == (0, 2)


def test_uids_are_never_the_same() -> None:
    """An incident's uid is its own."""
    assert len({new_uid() for _ in range(1000)}) == 1000


def test_a_ledger_that_cannot_be_written_stops_the_cycle(world: World) -> None:
    """Nothing is sent when it cannot be written down first."""
    dev = world.memories["dev"]
    dev.edit(only(dev), title="Checkout down")
    before = world.writes()
    with world.ledger.engine.connect() as db:
        db.exec_driver_sql("PRAGMA query_only=ON")
        db.commit()
    with pytest.raises(LedgerError):
        cycle(world)
    assert world.writes() == before


def test_a_record_deleted_after_an_unclear_update_is_gone(world: World) -> None:
    """An open update whose record is deleted ends with the record."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    fall_silent(dog)
    cycle(world)
    assert count(world, tables.intents) == 1
    dog.faults.down = False
    dog.remove(only(dog))
    assert cycle(world).exit_code == 0
    assert count(world, tables.intents) == 0


def test_a_create_that_no_listing_shows_yet_is_found_by_its_mark() -> None:
    """Where listings lag, an unclear create is looked up by its mark, and adopted."""
    world = World()
    dev = world.memories["dev"]
    dev.abilities = replace(dev.abilities, list_lag=1000.0)
    world.memories["dog"].add(title="Checkout slow", severity="SEV-3", state="active")
    dev.faults.lose_reply = True
    cycle(world)
    assert cycle(world).exit_code == 0
    assert (len(dev.records), count(world, tables.intents)) == (1, 0)


def test_a_system_that_refuses_our_credentials_is_left_out(world: World) -> None:
    """What certainly was not carried out is not looked for; it is simply still due."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.add(title="Search slow", severity="sev-1", stage="triage")
    cycle(world)
    for record_id in dev.records:
        dev.edit(record_id, title=f"{record_id} is down")
    kept = dog.update

    async def denied(seen: Record, words: Words) -> Written:
        await asyncio.sleep(0)
        raise Denied("no", system="dog")

    dog.update = denied  # type: ignore[method-assign]
    report = cycle(world)
    assert (report.exit_code, report.due, count(world, tables.intents)) == (3, 2, 0)
    dog.update = kept  # type: ignore[method-assign]
    assert cycle(world).exit_code == 0


def test_passes_have_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cycle ends after a fixed number of passes; what is left is still due in the next."""
    monkeypatch.setattr(settle, "PASSES", 1)
    page = world.memories["page"]
    world.memories["dev"].add(title="Mail late", severity="sev-1", stage="resolved")
    assert cycle(world).due == 1
    assert cycle(world).due == 0
    assert world.common("page", max(page.records))["status"] == "resolved"


def test_a_bug_ends_the_pushes_that_are_under_way(world: World) -> None:
    """When a cycle ends with an error, no request goes on behind its back."""
    dev, dog, page = (world.memories[name] for name in ("dev", "dog", "page"))
    dev.edit(only(dev), title="Checkout down")
    ended: list[bool] = []

    async def broken(seen: Record, words: Words) -> Written:
        raise RuntimeError("a bug")

    async def endless(seen: Record, words: Words) -> Written:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        raise AssertionError

    dog.update, page.update = broken, endless  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        cycle(world)
    assert ended == [True]


def test_a_listing_behind_our_write_reverts_nothing() -> None:
    """A listing that still shows what stood before our write is not taken for an edit back."""
    world = World()
    dev, dog = world.memories["dev"], world.memories["dog"]
    lagging = replace(dev.abilities, list_lag=30.0)
    world.unit = replace(
        world.unit,
        members={
            **world.unit.members,
            "dev": replace(world.unit.members["dev"], abilities=lagging),
        },
    )
    dev.abilities = lagging
    world.app = world.make_app()
    dev.add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(world)
    dog.edit(only(dog), title="Checkout down")
    cycle(world)
    before = world.writes()
    for _ in range(3):
        assert asyncio.run(run_cycle(world.app, sweep=True)).exit_code == 0
    assert world.writes() == before
    assert world.common("dog", only(dog))["title"] == "Checkout down"


def test_a_first_run_that_is_denied_writes_nothing_anywhere() -> None:
    """A wrong token at the start is a mistake in the set-up: nothing is sent to anybody."""
    world = World()
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    dog = world.memories["dog"]
    kept = dog.changes

    def denied(since: str | None, watch: Collection[str] = ()) -> Any:
        raise Denied("wrong token", system="dog")

    dog.changes = denied  # type: ignore[method-assign]
    assert plan(_copied(world)).operations == ()
    report = cycle(world)
    assert (report.exit_code, report.state, world.writes()) == (3, "refused", 0)
    dog.changes = kept  # type: ignore[method-assign]
    assert cycle(world).exit_code == 0
    world.memories["dev"].add(title="Search slow", severity="sev-2", stage="triage")
    dog.changes = denied  # type: ignore[method-assign]
    report = cycle(world)
    assert (report.exit_code, report.state, len(world.memories["page"].records)) == (
        3,
        "partial",
        2,
    )


def test_a_mark_moved_by_hand_is_held(world: World) -> None:
    """A linked record into which somebody puts another incident's mark is held, and no error."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.add(title="Search slow", severity="sev-1", stage="triage")
    cycle(world)
    first, second = dog.records["dog-1"], dog.records["dog-2"]
    dog.records["dog-1"] = replace(first, mark=second.mark)
    marked = replace(dev.records["dev-1"], mark=second.mark, modified=world.clock())
    dev.records["dev-1"] = marked
    report = cycle(world)
    assert (report.held, report.exit_code, report.writes) == (2, 1, 0)
    dog.records["dog-1"] = first
    dev.records["dev-1"] = replace(marked, mark=None, modified=world.clock())
    assert cycle(world).exit_code == 0


def test_recovery_leaves_records_that_are_linked_elsewhere(world: World) -> None:
    """An unclear create does not take a record that belongs to another incident by now."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.add(title="Search slow", severity="sev-1", stage="triage")

    async def vanish(words: Words, mark: Mark) -> Written:
        dog.records["dog-1"] = replace(dog.records["dog-1"], mark=mark)
        raise Unreachable("no answer", system="dog", unclear=True)

    kept, dog.create = dog.create, vanish  # type: ignore[method-assign]
    cycle(world)
    dog.create = kept  # type: ignore[method-assign]
    cycle(world)
    cycle(world)
    assert len(dog.records) == 2


def test_a_system_taken_out_of_the_configuration_stops_nothing(world: World) -> None:
    """Its open intents and doubts stay as they are, and the others go on."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    fall_silent(dog)
    cycle(world)
    dog.faults.down = False
    unit = world.unit
    world.unit = replace(unit, members={n: m for n, m in unit.members.items() if n != "dog"})
    world.app = world.make_app()
    world.app.systems = {name: m for name, m in world.memories.items() if name != "dog"}
    dev.edit(only(dev), title="Checkout is down")
    assert cycle(world).due == 1
    assert world.common("page", only(world.memories["page"]))["title"] == "Checkout is down"
    world.unit = unit
    world.app = world.make_app()
    assert cycle(world).exit_code == 0
    assert world.common("dog", only(dog))["title"] == "Checkout is down"


@pytest.mark.parametrize("lost", ["reply", "record"])
def test_a_record_that_cannot_be_read_costs_only_itself(world: World, lost: str) -> None:
    """A service that refuses to show one record leaves that one waiting, and the rest flowing."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    if lost == "reply":
        dev.edit(only(dev), title="Checkout down")
        fall_silent(dog)
        cycle(world)
        dog.faults.down = False
    else:
        dog.faults.hide = True
    kept = dog.read

    async def moved(record_id: str) -> Record:
        raise Rejected("moved", system="dog")

    dog.read = moved  # type: ignore[method-assign]
    report = cycle(world)
    assert (report.due, report.systems["dog"].why) == (1, "")
    dog.read = kept  # type: ignore[method-assign]
    assert cycle(world).exit_code == 0


def test_a_create_answered_by_gone_is_looked_up() -> None:
    """A create whose record is gone before it is read back is not simply made again."""
    world = World()
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    dog = world.memories["dog"]
    made: list[Mark] = []

    async def gone(words: Words, mark: Mark) -> Written:
        made.append(mark)
        raise Gone("no such record", system="dog")

    dog.create = gone  # type: ignore[method-assign]
    assert cycle(world).due == 1
    assert len(made) == 1


def test_a_renamed_system_begins_nothing(world: World) -> None:
    """Records that are linked under another name are not taken for new ones."""
    dev = world.memories["dev"]
    member = replace(world.unit.members["dev"], name="devrev")
    members = {"devrev": member, **{n: m for n, m in world.unit.members.items() if n != "dev"}}
    world.unit = replace(world.unit, members=members)
    world.app = world.make_app()
    world.app.systems = {"devrev": dev, **{n: m for n, m in world.memories.items() if n != "dev"}}
    before = world.writes()
    report = cycle(world)
    assert (report.exit_code, world.writes()) == (3, before)
    assert "linked as dev's" in report.systems["devrev"].why


def test_a_rule_that_looks_elsewhere_empties_nothing(world: World) -> None:
    """A field mapped to another path is written there; nothing there is no edit to nothing."""
    dog, page = world.memories["dog"], world.memories["page"]
    dog.edit(only(dog), summary="p95 rose")
    cycle(world)
    member = world.unit.members["dog"]
    rule = replace(member.rules["description"], path="notes")
    member = replace(member, rules={**member.rules, "description": rule})
    world.unit = replace(world.unit, members={**world.unit.members, "dog": member})
    world.app = world.make_app()
    dog.paths = sorted(member.paths)
    assert cycle(world).exit_code == 0
    assert world.common("page", only(page))["description"] == "p95 rose"
    assert dog.records[only(dog)].words["notes"] == "p95 rose"


def test_a_rule_that_moves_while_a_create_is_unclear_empties_nothing() -> None:
    """A text that went to where no rule looks any more is written where one does, not lost."""
    world = World()
    dev, dog, page = world.memories.values()
    dev.add(title="Checkout slow", body="fixed")
    fall_silent(dog)
    assert cycle(world).due == 1
    rules = world.unit.members["dog"].rules
    moved = replace(rules["description"], path="notes")
    configure(world, "dog", rules={**rules, "description": moved})
    dog.paths = sorted(world.unit.members["dog"].paths)
    dog.faults.down = False
    assert cycle(world).exit_code == 0
    assert dog.records[only(dog)].words["notes"] == "fixed"
    assert page.records[only(page)].words["description"] == "fixed"


@pytest.mark.parametrize("typed", ["typed by hand", None])
@pytest.mark.parametrize("lost", [False, True])
def test_a_text_that_is_only_written_is_written_over_an_edit_behind_it(
    typed: str | None, lost: bool
) -> None:
    """What somebody types or empties just behind a write, where nothing is read, does not stand."""
    world = World()
    dev, _, page = world.memories.values()
    rules = world.unit.members["page"].rules
    out = replace(rules["description"], direction=Direction.OUT)
    configure(world, "page", rules={**rules, "description": out})
    dev.add(title="Checkout slow", body="p95 rose")
    page.faults.lose_reply = lost
    page.faults.after_write = lambda made, _: page.edit(made, description=typed)
    cycle(world)
    assert cycle(world).exit_code == 0
    assert page.records[only(page)].words["description"] == "p95 rose"
    before = world.writes()
    cycle(world)
    assert world.writes() == before


def test_a_changed_configuration_wakes_what_it_concerns(world: World) -> None:
    """A system that becomes writable is told what it missed while it was not."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    unit = world.unit
    silent = replace(unit.members["dog"], writable=False)
    world.unit = replace(unit, members={**unit.members, "dog": silent})
    world.app = world.make_app()
    dev.edit(only(dev), title="Checkout down")
    assert cycle(world).exit_code == 0
    assert world.common("dog", only(dog))["title"] == "Checkout slow"
    world.unit = unit
    world.app = world.make_app()
    assert cycle(world).exit_code == 0
    assert world.common("dog", only(dog))["title"] == "Checkout down"


def test_what_is_held_stays_held_while_its_system_is_away() -> None:
    """A system that is away for a cycle releases nothing that waits for a person."""
    world = World(limits=Limits(creates=0))
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    dog = world.memories["dog"]
    assert cycle(world).held == 2
    dog.faults.down = True
    assert cycle(world).held == 2
    dog.faults.down = False
    world.unit = replace(world.unit, limits=Limits(creates=10))
    world.app = world.make_app()
    assert cycle(world).held == 2
    assert not dog.records


def test_two_refusals_of_one_incident_are_both_kept() -> None:
    """Each system's refusal is remembered, though they come in one moment."""
    world = World()
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    world.memories["dog"].faults.refuse = world.memories["page"].faults.refuse = True
    cycle(world)
    assert sorted(row.system for row in rows(world, tables.held)) == ["dog", "page"]
    assert not world.memories["dog"].records


def test_a_clock_set_back_sweeps_and_a_future_date_blinds_nobody(world: World) -> None:
    """Neither our clock set back nor a record from the future hides later edits."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.records[only(dev)] = replace(dev.records[only(dev)], modified=world.clock.at + 10**7)
    cycle(world)
    dev.edit(only(dev), title="Checkout down")
    assert cycle(world).exit_code == 0
    assert world.common("dog", only(dog))["title"] == "Checkout down"
    world.clock.at -= 5000
    dev.edit(only(dev), title="Checkout is down")
    assert cycle(world).exit_code == 0
    assert world.common("dog", only(dog))["title"] == "Checkout is down"


@pytest.mark.parametrize("display", ["", "dog-77"])
def test_a_mark_that_names_no_record_begins_an_incident(world: World, display: str) -> None:
    """A mark of a lost ledger whose record nobody knows keeps its uid; nothing is guessed."""
    dev, mark = world.memories["dev"], Mark("dog", display, "lostlostlost")
    made = dev.add(title="Search slow", severity="sev-1", stage="triage")
    dev.records[made] = replace(dev.records[made], mark=mark)
    report = cycle(world)
    assert (report.incidents, report.exit_code) == (2, 0)
    assert [row.uid for row in rows(world, tables.incidents)][1] == "lostlostlost"


def test_two_systems_may_number_alike(world: World) -> None:
    """A record with the id of another system's is not taken for that one: it was born apart."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    other = dog.add(title="Search slow", severity="SEV-2", state="active")
    dog.records["dev-1"] = replace(dog.records.pop(other), id="dev-1")
    assert cycle(world).exit_code == 0
    titles = {world.common("dev", record)["title"] for record in dev.records}
    assert titles == {"Checkout slow", "Search slow"}
