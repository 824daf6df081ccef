"""Alike: what only looks the same is shown to a person, and what holds an address is linked."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from instep.core.conditions import Is
from instep.core.operation import Why
from instep.core.unit import Limits
from instep.engine import orders, settle
from instep.engine.suggest import How, suggest
from instep.ledger import tables
from tests.engine.steps import (
    PLENTY,
    configure,
    cycle,
    group,
    held,
    incident,
    limit,
    losers,
    rows,
    titles,
)
from tests.engine.world import World


def holding(world: World, *, holds: bool = True) -> World:
    """Let every system's creates wait where something looks the same, or none."""
    for name, member in world.unit.members.items():
        assert member.creation is not None
        configure(world, name, creation=replace(member.creation, holds_alike=holds))
    return world


def both(world: World, apart: float = 600.0) -> None:
    """Open one incident by hand in ``dev`` and in ``dog``, some seconds apart."""
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    world.clock.at += apart
    world.memories["dog"].add(title="checkout: SLOW", severity="SEV-3", state="active")


@pytest.fixture
def world() -> World:
    """Make a world that holds what looks the same, with an incident opened by hand in two."""
    made = holding(World())
    both(made)
    assert cycle(made).held == 4
    return made


# Held.


def test_creates_wait_in_every_system_where_something_looks_the_same(world: World) -> None:
    """Nothing is made for either of the two, and each says which record it looks like."""
    assert held(world) == [("alike", name, "create") for name in ("dev", "dog", "page", "page")]
    reasons = {(row.system, row.incident): row.reason for row in rows(world, tables.held)}
    assert reasons["page", 1] == "dog:dog-1 looks the same: link it, or approve"
    assert reasons["dev", 2] == "dev:dev-1 looks the same: link it, or approve"
    assert cycle(world).writes == 0


def test_an_older_pair_is_found_after_a_newer_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order incidents are judged, each is compared with those of its time."""
    monkeypatch.setattr(settle, "BATCH", 1)
    world = World()
    page = world.memories["page"]
    page.faults.down = True
    configure(world, "dev", creation=None)
    made = world.unit.members["dog"].creation
    configure(world, "dog", creation=None)
    both(world)
    cycle(world, seconds=3 * 86_400)
    world.memories["dev"].add(title="Mail late", severity="sev-2", stage="triage")
    only_late = replace(made, when=Is("title", frozenset({"Mail late"}))) if made else None
    configure(world, "dog", creation=only_late)
    cycle(world)
    assert titles(world)["dog"] == ["Mail late", "checkout: SLOW"]
    # That one has two records by now, so it is settled before those that have one.
    world.clock.at += 3 * 86_400
    world.memories["dev"].add(title="Search down", severity="sev-2", stage="triage")
    page.faults.down = False
    page_made = world.unit.members["page"].creation
    assert page_made is not None
    configure(world, "page", creation=replace(page_made, holds_alike=True))
    report = cycle(world)
    assert titles(world)["page"] == ["Mail late", "Search down"]
    assert (report.held, held(world)) == (2, [("alike", "page", "create")] * 2)


def test_linking_releases_what_is_held(world: World) -> None:
    """As one incident it needs one record more, and its two titles are weighed."""
    orders.unite(world.app, 1, 2)
    report = cycle(world)
    assert (report.exit_code, report.incidents) == (0, 1)
    assert [len(memory.records) for memory in world.memories.values()] == [1, 1, 1]
    assert losers(world) == [("Checkout slow", ("dev",))]


def test_approving_releases_what_is_held(world: World) -> None:
    """Where a person says that they are two, each gets its records, and both are left in peace."""
    for system in ("dev", "dog"):
        orders.approve(world.app, group(world, system, Why.ALIKE))
    for found in orders.groups(world.app):
        orders.approve(world.app, found.name)
    assert cycle(world).exit_code == 0
    assert [len(memory.records) for memory in world.memories.values()] == [2, 2, 2]
    assert cycle(world).writes == 0


def test_what_looks_different_by_now_is_made(world: World) -> None:
    """A title edited by hand shows that they are two: nothing waits any more."""
    world.memories["dog"].edit("dog-1", title="Search slow")
    assert cycle(world).exit_code == 0
    assert titles(world) == {name: ["Checkout slow", "Search slow"] for name in world.memories}


def test_a_lookalike_that_is_gone_holds_nothing(world: World) -> None:
    """Once the other record is deleted, the first gets its records."""
    world.memories["dog"].remove("dog-1")
    cycle(world)
    assert cycle(world).held == 0
    assert [len(memory.records) for memory in world.memories.values()] == [1, 1, 1]


@pytest.mark.parametrize(("holds", "apart"), [(False, 600.0), (True, 7200.0)])
def test_elsewhere_nothing_is_held(holds: bool, apart: float) -> None:
    """Without ``holds_alike``, or hours apart, each is an incident of its own at once."""
    world = holding(World(), holds=holds)
    both(world, apart)
    assert cycle(world).exit_code == 0
    assert [len(memory.records) for memory in world.memories.values()] == [2, 2, 2]


def test_a_create_for_what_began_where_nobody_looks_any_more_goes_on() -> None:
    """What began in a system that is configured no more is known by what was agreed on it."""
    world = World(limits=replace(PLENTY, creates=0))
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(world)
    members = {name: m for name, m in world.unit.members.items() if name != "dev"}
    world.unit = replace(world.unit, members=members)
    holding(world)
    world.app.systems = {name: world.memories[name] for name in members}
    world.memories["dog"].add(title="Checkout slow", severity="SEV-3", state="active")
    cycle(world)
    reasons = {(row.system, row.incident): row.reason for row in rows(world, tables.held)}
    assert reasons["page", 2].startswith("dev:dev-1 looks the same")


# Addresses.


def point(world: World, system: str, record: str, *others: str) -> None:
    """Put the addresses of records into a record, by hand."""
    world.memories[system].point(record, *(f"memory://{o.split('-')[0]}/{o}" for o in others))


@pytest.mark.parametrize("late", ["dev", "dog"])
@pytest.mark.parametrize("pointing", ["dev", "dog"])
def test_a_record_joins_the_one_whose_address_stands_in_either(late: str, pointing: str) -> None:
    """Whichever is heard first, and whichever holds the other's address, they are one incident."""
    world = World()
    both(world)
    point(world, pointing, f"{pointing}-1", *({"dev-1", "dog-1"} - {f"{pointing}-1"}))
    world.memories[late].faults.down = True
    cycle(world)
    world.memories[late].faults.down = False
    report = cycle(world)
    assert (report.exit_code, report.incidents) == (0, 1)
    assert [len(memory.records) for memory in world.memories.values()] == [1, 1, 1]
    (title,) = {one for (one,) in titles(world).values()}
    ((lost, origins),) = losers(world)
    assert {title, lost} == {"Checkout slow", "checkout: SLOW"}
    assert origins in (("dev",), ("dog",))
    assert cycle(world).writes == 0


@pytest.mark.parametrize("pointing", ["dev", "dog"])
def test_an_incident_begins_in_its_older_record(pointing: str) -> None:
    """Heard together, the older of two linked records is where the incident began."""
    world = World()
    world.memories["dog"].add(title="Checkout slow", severity="SEV-3", state="active")
    world.clock.at += 600
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    point(world, pointing, f"{pointing}-1", *({"dev-1", "dog-1"} - {f"{pointing}-1"}))
    cycle(world)
    assert incident(world).origin == "dog"
    assert world.memories["page"].records["page-1"].mark is not None
    (begun,) = rows(world, tables.incidents)
    assert (begun.origin_display, begun.opened_at[:10]) == ("dog-1", "2026-01-01")


def test_a_record_of_no_known_age_begins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a service does not say when its record was made, the other one is the first."""
    world = World()
    dog = world.memories["dog"]
    real = dog._record
    monkeypatch.setattr(dog, "_record", lambda held: replace(real(held), opened=""))
    both(world)
    point(world, "dog", "dog-1", "dev-1")
    assert cycle(world).incidents == 1
    assert incident(world).origin == "dev"


@pytest.mark.parametrize(
    "points", [{"dog-1": ["dev-1"], "dog-2": ["dev-1"]}, {"dog-1": ["dev-1", "dev-2"]}]
)
def test_an_address_that_could_mean_two_links_nothing(points: dict[str, list[str]]) -> None:
    """Two records that point at one, or one at two, stay apart: a person may say."""
    world = World(limits=replace(PLENTY, creates=0))
    dev, dog = world.memories["dev"], world.memories["dog"]
    for number in (1, 2):
        dev.add(title=f"Checkout {number}", severity="sev-2", stage="triage")
        dog.add(title=f"Slow {number}", severity="SEV-3", state="active")
    for record, others in points.items():
        point(world, "dog", record, *others)
    assert cycle(world).incidents == 4
    found = asyncio.run(suggest(world.app))
    assert {s.how for s in found} == {How.AMBIGUOUS}
    assert len(found) == 2


def test_an_address_put_there_later_is_suggested(world: World) -> None:
    """Two incidents are not made one behind a person's back; that they are is said first."""
    point(world, "dog", "dog-1", "dev-1")
    cycle(world)
    (found,) = asyncio.run(suggest(world.app))
    assert (found.how, found.one.name, found.other.name) == (How.EXACT, "dev:dev-1", "dog:dog-1")


# Suggest.


def test_what_looks_the_same_is_suggested(world: World) -> None:
    """One title, begun within an hour, in two systems: likely, with both records by name."""
    (found,) = asyncio.run(suggest(world.app))
    assert (found.how, found.one.name, found.other.name) == (How.LIKELY, "dev:dev-1", "dog:dog-1")


def test_of_several_that_look_the_same_none_is_sure(world: World) -> None:
    """Where one record has two others in one system that it could mean, that is said."""
    world.memories["dog"].add(title="Checkout slow", severity="SEV-3", state="active")
    cycle(world)
    found = asyncio.run(suggest(world.app))
    assert [(s.how, s.one.incident, s.other.incident) for s in found] == [
        (How.AMBIGUOUS, 1, 2),
        (How.AMBIGUOUS, 1, 3),
    ]


def test_a_record_that_is_gone_is_not_suggested(world: World) -> None:
    """A record that is there no more belongs to nobody."""
    limit(world, Limits(creates=0))
    world.memories["dog"].remove("dog-1")
    cycle(world)
    assert asyncio.run(suggest(world.app)) == []
