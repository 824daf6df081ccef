"""Joining by hand: two incidents become one, one becomes two, and nothing is made twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from instep.core.model import Incident, Mark
from instep.core.plan import Settled
from instep.core.unit import Limits
from instep.engine import orders
from instep.errors import Unreachable, UsageError, WorldMoved
from instep.ledger import byhand, journal, tables
from instep.ledger.journal import Stamp
from tests.engine.steps import (
    PLENTY,
    cycle,
    held,
    in_between,
    incident,
    limit,
    losers,
    only,
    rows,
    titles,
)
from tests.engine.world import World


@pytest.fixture
def two() -> World:
    """Make a world with one incident that was opened by hand both in ``dev`` and in ``dog``."""
    made = World(limits=replace(PLENTY, creates=0))
    made.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    made.clock.at += 1
    made.memories["dog"].add(title="Checkout is slow", severity="SEV-3", summary="p95 rose")
    assert cycle(made).incidents == 2
    limit(made, PLENTY)
    return made


def allow(world: World) -> None:
    """Let everything through that waits for a person's word."""
    for found in orders.groups(world.app):
        orders.approve(world.app, found.name)


# Unite.


def test_two_incidents_become_one(two: World) -> None:
    """Their records are merged by policy, the loser is kept, and nothing is made twice."""
    assert orders.unite(two.app, 2, 1) == 1
    cycle(two)
    allow(two)
    report = cycle(two)
    assert (report.exit_code, report.incidents) == (0, 1)
    assert titles(two) == {name: ["Checkout is slow"] for name in two.memories}
    assert losers(two) == [("Checkout slow", ("dev",))]
    common = [two.common(name, only(memory)) for name, memory in two.memories.items()]
    assert {said["description"] for said in common} == {"p95 rose"}
    assert cycle(two).writes == 0


def test_what_belongs_to_both_goes_along(two: World) -> None:
    """What lost in either incident is in the attic of the one that is left."""
    orders.resolve(two.app, 2, "title", value="Shop slow")
    orders.unite(two.app, 1, 2)
    assert [row.incident for row in rows(two, tables.conflicts)] == [1]
    assert {row.incident for row in rows(two, tables.external_references)} == {1}
    assert [row.id for row in rows(two, tables.incidents)] == [1]


def test_an_incident_is_one_with_itself(two: World) -> None:
    """Two records of one incident are not united once more."""
    orders.unite(two.app, 1, 2)
    with pytest.raises(UsageError, match="belong to incident 1 already"):
        orders.unite(two.app, 1, 1)


def test_two_records_in_one_system_stay_two_incidents(two: World) -> None:
    """An incident joins at most one record of a system: a person deletes one of them first."""
    two.memories["dev"].add(title="Search slow", severity="sev-2", stage="triage")
    limit(two, replace(PLENTY, creates=0))
    cycle(two)
    with pytest.raises(UsageError, match="incidents 1 and 3 both have a record in dev") as caught:
        orders.unite(two.app, 1, 3)
    assert "delete the record there" in caught.value.advice


def test_a_record_that_instep_made_keeps_its_incident(two: World) -> None:
    """A record that carries its incident's mark joins no other: its mark would say otherwise."""
    allow(two)
    cycle(two)
    with pytest.raises(UsageError, match="the record of incident 2 in dev carries"):
        orders.unite(two.app, 1, 2)


def test_an_incident_that_is_being_written_stays_as_it_is(two: World) -> None:
    """While it is not known what came of a write, its incident is neither joined nor parted."""
    two.memories["page"].faults.lose_reply = True
    allow(two)
    waiting = in_between(two, journal.take_in, lambda: _refuse(two))
    cycle(two)
    assert waiting == []
    assert len(rows(two, tables.incidents)) == 2


def _refuse(world: World) -> None:
    """See that two incidents with open intents cannot become one."""
    with pytest.raises(UsageError, match="a write of it is under way"):
        byhand.unite(world.ledger, incident(world, 1), incident(world, 2))


# Part.


def test_a_record_gets_an_incident_of_its_own(two: World) -> None:
    """What was joined by mistake is two incidents again; each gets its own records."""
    orders.unite(two.app, 1, 2)
    cycle(two)
    allow(two)
    cycle(two)
    number = asyncio.run(orders.part(two.app, 1, "dog"))
    assert number != 1
    two.memories["dog"].edit("dog-1", title="Search slow")
    assert cycle(two).exit_code == 0
    assert titles(two)["dog"] == ["Checkout is slow", "Search slow"]
    assert titles(two) == {name: ["Checkout is slow", "Search slow"] for name in two.memories}
    assert cycle(two).writes == 0


def test_a_record_that_was_parted_comes_back_to_its_own(two: World) -> None:
    """Deleted and put back, it belongs to its own incident, not to the one before."""
    dog = two.memories["dog"]
    orders.unite(two.app, 1, 2)
    number = asyncio.run(orders.part(two.app, 1, "dog"))
    for _ in range(2):
        cycle(two)
        allow(two)
    assert cycle(two).exit_code == 0
    record = dog.records.pop("dog-1")
    cycle(two)
    assert incident(two, number).side("dog").gone
    dog.records["dog-1"] = record
    assert cycle(two).exit_code == 0
    assert incident(two, number).side("dog").live
    assert [len(memory.records) for memory in two.memories.values()] == [2, 2, 2]


def test_the_first_record_is_not_parted(two: World) -> None:
    """An incident keeps the record in which it began."""
    with pytest.raises(UsageError, match="incident 1 began in dev"):
        asyncio.run(orders.part(two.app, 1, "dev"))


def test_a_record_with_our_mark_is_not_parted(two: World) -> None:
    """A record that instep made says itself where it belongs."""
    allow(two)
    cycle(two)
    with pytest.raises(UsageError, match="carries instep's mark"):
        asyncio.run(orders.part(two.app, 1, "page"))


def test_a_record_that_cannot_be_read_is_not_parted(two: World) -> None:
    """Without a look at the record nobody knows whether it carries a mark."""
    orders.unite(two.app, 1, 2)
    two.memories["dog"].faults.down = True
    with pytest.raises(Unreachable):
        asyncio.run(orders.part(two.app, 1, "dog"))
    assert sorted(incident(two, 1).sides) == ["dev", "dog"]


# Beside a daemon.


def _change(world: World, row: Incident) -> None:
    """Commit the incident as it is."""
    byhand.change(world.ledger, world.unit, [(row, row)], [])


def _want(world: World, row: Incident) -> None:
    """Want its record in ``dog`` again."""
    byhand.want(world.ledger, row, ["dog"])


def _settle(world: World, row: Incident) -> None:
    """Commit a value for it."""
    byhand.settle(world.ledger, row, Settled(row), Stamp(0, world.app.stamp()))


def _unite(world: World, row: Incident) -> None:
    """Let the second incident join it."""
    byhand.unite(world.ledger, row, incident(world, 2))


def _unite_other(world: World, row: Incident) -> None:
    """Let it join the second incident."""
    byhand.unite(world.ledger, incident(world, 2), row)


def _part(world: World, row: Incident) -> None:
    """Give its record in ``dog`` an incident of its own."""
    byhand.part(world.ledger, row, "dog", world.app.new_uid, world.app.stamp())


@pytest.mark.parametrize("order", [_change, _want, _settle, _unite, _unite_other])
def test_what_changed_since_a_person_looked_is_not_touched(
    two: World, order: Callable[[World, Incident], None]
) -> None:
    """An incident that moved after it was looked at stays as the daemon left it."""
    before = incident(two, 1)
    two.memories["dev"].edit("dev-1", title="Checkout down")
    limit(two, replace(PLENTY, creates=0))
    cycle(two)
    now = [incident(two, 1), incident(two, 2)]
    with pytest.raises(WorldMoved, match="incident 1 changed in this very moment"):
        order(two, before)
    assert [incident(two, 1), incident(two, 2)] == now


def test_what_changed_since_a_person_looked_is_not_parted(two: World) -> None:
    """A record that said something new in that moment stays with its incident."""
    orders.unite(two.app, 1, 2)
    before = incident(two, 1)
    limit(two, Limits(creates=0))
    cycle(two)
    now = incident(two, 1)
    with pytest.raises(WorldMoved):
        _part(two, before)
    assert incident(two, 1) == now


def in_step(world: World) -> bool:
    """Whether all is at rest: nothing waits, and a further cycle writes nothing."""
    allow(world)
    first, second = cycle(world), cycle(world)
    return (first.exit_code, second.exit_code, second.writes) == (0, 0, 0)


def test_a_value_given_while_a_cycle_decides_stands() -> None:
    """The cycle's own decision is refused, for the row moved, and made anew: nothing is lost."""
    world = World()
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(world)
    dev.edit("dev-1", title="Checkout down")
    world.clock.at += 1
    dog.edit("dog-1", title="Payments down")
    in_between(
        world, journal.decide, lambda: orders.resolve(world.app, 1, "title", value="Shop down")
    )
    assert cycle(world).exit_code == 0
    assert titles(world) == {name: ["Shop down"] for name in world.memories}
    assert sorted(losers(world)) == [("Checkout down", ("dev",)), ("Payments down", ("dog",))]
    assert in_step(world)


def test_a_create_dropped_while_a_cycle_decides_is_not_made() -> None:
    """A person who lets a record go in the very moment in which it would be made has his way."""
    world = World(limits=replace(PLENTY, creates=0))
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(world)
    allow(world)

    def drop() -> None:
        for found in orders.groups(world.app):
            orders.drop(world.app, found.name)

    in_between(world, journal.decide, drop)
    assert cycle(world).writes == 0
    assert in_step(world)
    assert [len(memory.records) for memory in world.memories.values()] == [1, 0, 0]


def test_a_word_given_while_a_cycle_decides_counts_in_the_next() -> None:
    """An approval in the very moment of a decision is not written over by it."""
    world = World(limits=replace(PLENTY, creates=0))
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(world)
    world.memories["dev"].edit("dev-1", severity="sev-2")
    in_between(world, journal.decide, lambda: allow(world))
    cycle(world)
    cycle(world)
    assert [len(memory.records) for memory in world.memories.values()] == [1, 1, 1]


def test_incidents_united_while_a_cycle_decides_get_one_record_more(two: World) -> None:
    """The creates that were decided for both are not sent: the one incident is planned anew."""
    allow(two)
    in_between(two, journal.decide, lambda: orders.unite(two.app, 1, 2))
    assert cycle(two).writes == 0
    cycle(two)
    assert in_step(two)
    assert [len(memory.records) for memory in two.memories.values()] == [1, 1, 1]


def test_a_record_parted_while_a_cycle_decides_has_its_own(two: World) -> None:
    """What was decided for the incident as it was is not sent; both are planned anew."""
    orders.unite(two.app, 1, 2)
    row = incident(two, 1)
    in_between(two, journal.decide, lambda: _part(two, row))
    cycle(two)
    assert in_step(two)
    assert titles(two) == {name: ["Checkout is slow", "Checkout slow"] for name in two.memories}


def test_a_value_given_while_records_are_written_follows() -> None:
    """A person who settles a field while another value is on its way has his value everywhere."""
    world = World()
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(world)
    world.memories["dev"].edit("dev-1", title="Checkout down")
    in_between(
        world, journal.take_in, lambda: orders.resolve(world.app, 1, "title", value="Shop down")
    )
    cycle(world)
    assert in_step(world)
    assert titles(world) == {name: ["Shop down"] for name in world.memories}
    assert losers(world) == [("Checkout down", ("dev",))]


def test_a_create_dropped_while_it_is_made_is_linked_all_the_same() -> None:
    """A record that was made before the word came is no stranger: it has its incident."""
    world = World(limits=replace(PLENTY, creates=0))
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(world)
    allow(world)

    def drop() -> None:
        for found in orders.groups(world.app):
            orders.drop(world.app, found.name)

    waiting = in_between(world, journal.take_in, drop)
    cycle(world)
    assert waiting == []
    assert in_step(world)
    made = {name: len(memory.records) for name, memory in world.memories.items()}
    assert made == {name: int(side.live) for name, side in incident(world).sides.items()}
    assert len(rows(world, tables.incidents)) == 1


def test_records_wanted_again_while_a_cycle_decides_are_made_once() -> None:
    """A person who takes a drop back in the moment of a decision gets one record a system."""
    world = World(limits=replace(PLENTY, creates=0))
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(world)
    for found in orders.groups(world.app):
        orders.drop(world.app, found.name)
    limit(world, PLENTY)
    world.memories["dev"].edit("dev-1", title="Checkout down")
    in_between(world, journal.decide, lambda: orders.retry(world.app, 1))
    cycle(world)
    assert in_step(world)
    assert titles(world) == {name: ["Checkout down"] for name in world.memories}


def test_incidents_united_while_a_record_is_looked_at_go_on(two: World) -> None:
    """What a direct read of a side found is dropped where its incident is another by then."""
    limit(two, replace(PLENTY, creates=0))
    two.memories["dog"].faults.hide = True
    in_between(two, journal.take_in, lambda: orders.unite(two.app, 1, 2))
    cycle(two)
    allow(two)
    cycle(two)
    assert cycle(two).exit_code == 0
    assert in_step(two)


def test_a_record_parted_while_it_is_looked_at_has_its_own(two: World) -> None:
    """What a direct read of it found is not taken for what its former incident says."""
    orders.unite(two.app, 1, 2)
    limit(two, replace(PLENTY, creates=0))
    cycle(two)
    allow(two)
    cycle(two)
    two.memories["dog"].faults.hide = True

    def act() -> None:
        byhand.part(two.ledger, incident(two, 1), "dog", two.app.new_uid, two.app.stamp())

    in_between(two, journal.take_in, act)
    cycle(two)
    assert in_step(two)


def test_a_copy_stays_held_though_its_incident_joins_another() -> None:
    """A copy that claims the joined incident is told of under the one that is left."""
    world = World(limits=replace(PLENTY, creates=0))
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    dog = world.memories["dog"]
    dog.add(title="Search down", severity="SEV-3", state="active")
    cycle(world)
    mark = Mark("dog", "dog-1", incident(world, 2).uid)
    dog.records["dog-9"] = replace(dog.records["dog-1"], id="dog-9", mark=mark)
    cycle(world)
    orders.unite(world.app, 1, 2)
    cycle(world)
    assert ("duplicate", "dog", "duplicate dog-9") in held(world)


def test_only_a_record_that_is_there_can_be_parted(two: World) -> None:
    """A system in which the incident has no record, or that there is not, is named."""
    for system in ("page", "nowhere"):
        with pytest.raises(UsageError, match=f"incident 1 has no record in {system}"):
            asyncio.run(orders.part(two.app, 1, system))


def test_an_incident_whose_record_is_gone_takes_another(two: World) -> None:
    """A record that is gone stands in nobody's way; it is remembered as a former one."""
    world = World(limits=PLENTY)
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(world)
    world.memories["dog"].remove("dog-1")
    cycle(world, seconds=400)
    limit(world, replace(PLENTY, creates=0))
    world.memories["dog"].add(title="Checkout slow", severity="SEV-3", state="active")
    cycle(world)
    assert orders.unite(world.app, 1, 2) == 1
    limit(world, PLENTY)
    cycle(world)
    assert cycle(world).exit_code == 0
    assert [len(memory.records) for memory in world.memories.values()] == [1, 1, 1]
    assert [row.record for row in rows(world, tables.former_references)] == ["dog-1"]
