"""Listings that are not whole: hints between sweeps, the census, and links for people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from instep.engine.cycle import run_cycle
from instep.engine.report import Report
from instep.errors import Rejected, Unreachable
from instep.ledger import tables, watch
from instep.systems.base import Page
from tests.engine.world import DEV_STATUS, World


def able(world: World, system: str, **abilities: Any) -> None:
    """Let a system do more than usual, and start the program anew."""
    member = world.unit.members[system]
    changed = replace(member, abilities=replace(member.abilities, **abilities))
    world.unit = replace(world.unit, members={**world.unit.members, system: changed})
    world.memories[system].abilities = changed.abilities
    world.app = world.make_app()


def cycle(world: World, seconds: float = 60) -> Report:
    """Run one cycle, some seconds after whatever was before."""
    world.clock.at += seconds
    return asyncio.run(run_cycle(world.app))


def only(world: World, system: str) -> str:
    """Give the id of the only record of a system."""
    (record_id,) = world.memories[system].records
    return record_id


@pytest.fixture
def world() -> World:
    """Make a world in which one incident is in step everywhere, and ``dog`` only hints."""
    made = World()
    able(made, "dog", hints=True)
    made.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    assert cycle(made).exit_code == 0
    cycle(made, seconds=400)
    return made


# Hints


def test_an_open_incident_is_looked_at_in_every_cycle(world: World) -> None:
    """Between sweeps, an edit of an open incident arrives in the very next cycle."""
    world.memories["dog"].edit(only(world, "dog"), title="Checkout down")
    report = cycle(world)
    assert report.systems["dog"].counts["records"] == 1
    assert world.common("dev", only(world, "dev"))["title"] == "Checkout down"


def test_an_edit_of_a_closed_incident_waits_for_the_sweep(world: World) -> None:
    """Between sweeps a closed incident is not looked at; the sweep finds its edit."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(world, "dev"), stage="resolved")
    cycle(world)
    dog.edit(only(world, "dog"), title="Postmortem: checkout")
    assert cycle(world).systems["dog"].counts["records"] == 0
    cycle(world, seconds=300)
    assert world.common("dev", only(world, "dev"))["title"] == "Postmortem: checkout"


def test_a_new_incident_is_hinted_at(world: World) -> None:
    """Between sweeps, what was opened since the last one is shown."""
    world.memories["dog"].add(title="Search down", severity="SEV-2", state="active")
    report = cycle(world)
    assert report.systems["dev"].counts["creates"] == 1


def test_what_is_made_during_a_sweep_is_hinted_at(world: World) -> None:
    """An incident that is opened behind the back of a whole listing is shown by the next hints."""
    dog = world.memories["dog"]
    real = dog.changes

    async def passed_by(since: str | None, watch: Collection[str] = ()) -> AsyncIterator[Page]:
        async for page in real(since, watch):
            yield page
        if since is None:
            dog.add(title="Search down", severity="SEV-2", state="active")

    dog.changes = passed_by  # type: ignore[method-assign]
    assert cycle(world, seconds=400).writes == 0
    assert cycle(world).systems["dev"].counts["creates"] == 1


def test_what_a_listing_was_too_late_to_show_is_hinted_at(world: World) -> None:
    """A whole listing is behind by its lag: what was made within it is new to the next hints."""
    able(world, "dog", hints=True, list_lag=30.0)
    world.memories["dog"].add(title="Search down", severity="SEV-2", state="active")
    world.app.full_sweep_every = 0.0
    assert cycle(world, seconds=5).writes == 0
    world.app.full_sweep_every = 300.0
    assert cycle(world).systems["dev"].counts["creates"] == 1


def test_what_hints_do_not_show_is_not_missing(world: World) -> None:
    """A listing of hints is never whole: nothing is put in doubt for not being in it."""
    world.memories["dev"].edit(only(world, "dev"), stage="resolved")
    cycle(world)
    assert cycle(world).systems["dog"].counts["records"] == 0
    with world.ledger.begin() as db:
        assert db.scalars(select(tables.sides.c.doubt)).all() == [False] * 3


def test_only_records_of_open_incidents_are_watched(world: World) -> None:
    """Live records are watched until a value closes their incident; gone ones are not."""
    closes = world.unit.closes
    watched = watch.open_records(world.ledger, "default", "dog", closes)
    assert watched == [only(world, "dog")]
    assert watch.open_records(world.ledger, "default", "dog", {"status": ["active"]}) == []
    assert watch.open_records(world.ledger, "default", "dog", {"unsaid": ["x"]}) == watched
    assert watch.open_records(world.ledger, "other", "dog", closes) == []
    world.memories["dog"].remove(only(world, "dog"))
    cycle(world, seconds=400)
    assert watch.open_records(world.ledger, "default", "dog", closes) == []


# Census


def counting() -> World:
    """Make a world in step whose ``dev`` can count, and has been counted once."""
    made = World()
    able(made, "dev", census="stage")
    made.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    made.memories["dev"].add(title="Search slow", severity="sev-2", stage="fixing")
    for _ in range(3):
        cycle(made)
    return made


def hidden_change(world: World) -> str:
    """Let a record of ``dev`` change without its time: as after a clock was set back."""
    dev = world.memories["dev"]
    record_id = next(iter(dev.records))
    held = dev.records[record_id]
    dev.records[record_id] = replace(held, words={**held.words, "stage": "resolved"})
    return record_id


def test_a_census_that_differs_asks_for_a_sweep() -> None:
    """A change that the listing by time hides is counted, swept for, and arrives in one cycle."""
    world = counting()
    hidden_change(world)
    with capture_logs() as logs:
        report = cycle(world)
    assert [line["system"] for line in logs if line["event"] == "census.differs"] == ["dev"]
    assert report.systems["dog"].counts["closes"] == 1


def test_a_record_that_is_listed_twice_is_counted_once() -> None:
    """The report of a cycle that sweeps after a census counts each record once."""
    world = counting()
    hidden_change(world)
    dev = world.memories["dev"]
    dev.edit(list(dev.records)[1], title="Search down")
    assert cycle(world).systems["dev"].counts["records"] == len(dev.records)


def test_a_count_is_read_as_a_record_is() -> None:
    """A word that means nothing said is nothing said on both sides: no sweep comes of it."""
    world = counting()
    member = world.unit.members["dev"]
    mute = replace(member.rules["status"], words={**DEV_STATUS, "triage": ()})
    changed = replace(member, rules={**member.rules, "status": mute})
    world.unit = replace(world.unit, members={**world.unit.members, "dev": changed})
    world.app = world.make_app()
    cycle(world, seconds=400)
    cycle(world)
    world.memories["dev"].add(title="Mail slow", severity="sev-2", stage="triage")
    with capture_logs() as logs:
        for _ in range(3):
            cycle(world)
    assert not [line for line in logs if line["event"] == "census.differs"]


def test_a_record_that_breaks_a_listing_costs_its_system_only() -> None:
    """A refusal of one record in the middle of a listing leaves that system out, not the cycle."""
    world = counting()

    async def refused() -> None:
        raise Rejected("not that one", system="dev")

    world.memories["dev"].census = refused  # type: ignore[method-assign]
    report = cycle(world)
    assert (report.systems["dev"].why, report.systems["dog"].heard) == ("not that one", True)


def test_without_a_census_it_waits_for_the_sweep() -> None:
    """The same change goes unseen where nothing counts, until everything is listed."""
    world = counting()
    able(world, "dev", census="")
    hidden_change(world)
    assert cycle(world).writes == 0
    assert cycle(world, seconds=400).systems["dog"].counts["closes"] == 1


def test_a_census_at_rest_asks_for_nothing() -> None:
    """While the counts stay apart by the same number, a cycle costs one request more, no sweep."""
    world = counting()
    first, second = cycle(world), cycle(world)
    assert first.systems["dev"].counts["requests"] == second.systems["dev"].counts["requests"] == 2


def test_what_is_no_record_of_ours_is_counted_once() -> None:
    """Incidents that are never listed make the counts differ by as many, which asks for nothing."""
    world = counting()
    dev = world.memories["dev"]
    real = dev.census

    async def more() -> dict[str, int]:
        return {**(await real() or {}), "foreign": 7}

    dev.census = more  # type: ignore[method-assign]
    with capture_logs() as logs:
        cycle(world, seconds=400)  # a sweep: what was remembered is counted anew
        for _ in range(3):
            assert cycle(world).systems["dev"].counts["requests"] == 2
    assert not [line for line in logs if line["event"] == "census.differs"]


def test_nothing_is_counted_while_something_moves() -> None:
    """Right behind a change the counts are not compared: a service counts as late as it lists."""
    world = counting()
    able(world, "dev", census="stage", list_lag=30.0)
    world.app.full_sweep_every = 10_000.0
    world.memories["dog"].edit(list(world.memories["dog"].records)[1], title="Search down")
    assert cycle(world).systems["dev"].counts["updates"] == 1
    hidden_change(world)
    with capture_logs() as logs:
        cycle(world, seconds=20)
        assert not [line for line in logs if line["event"] == "census.differs"]
        cycle(world, seconds=60)
    assert [line for line in logs if line["event"] == "census.differs"]


def test_a_service_that_cannot_count_is_not_counted() -> None:
    """No answer to a census, or no field of that path, asks for nothing."""
    world = counting()

    async def nothing() -> None:
        return None

    world.memories["dev"].census = nothing  # type: ignore[method-assign]
    hidden_change(world)
    assert cycle(world).writes == 0
    able(world, "dev", census="nowhere")
    assert cycle(world).writes == 0


# Links


def test_records_show_where_the_others_are() -> None:
    """What joins an incident is linked from every record that can show it, and links to all."""
    world = World()
    able(world, "dog", links=True)
    dev = world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    dog = world.memories["dog"].add(title="Search slow", severity="SEV-2", state="active")
    cycle(world)
    links = world.memories["dog"].links
    assert links[dog].keys() == {"dev dev-2", "page page-2"} or links[dog].keys() == {
        "dev dev-2",
        "page page-1",
    }
    copied = next(one for one in world.memories["dog"].records if one != dog)
    assert links[copied][f"dev {dev}"] == f"memory://dev/{dev}"


def test_a_create_found_by_its_mark_is_linked_too() -> None:
    """A record whose create was unclear is linked once it was found."""
    world = World()
    able(world, "dog", links=True)
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    world.memories["dog"].faults.lose_reply = True
    report = cycle(world)
    assert (report.systems["dog"].counts["failed"], report.due) == (1, 0)
    assert world.memories["dog"].links[only(world, "dog")].keys() == {"dev dev-1", "page page-1"}


def test_a_link_that_cannot_be_made_costs_a_line() -> None:
    """A refused link is logged; the incident is in step all the same."""
    world = World()
    able(world, "dog", links=True)
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")

    async def refuse(record_id: str, links: object) -> None:
        raise Rejected("no links here", system="dog", record=record_id)

    world.memories["dog"].link = refuse  # type: ignore[method-assign]
    with capture_logs() as logs:
        assert cycle(world).exit_code == 0
    assert [line["why"] for line in logs if line["event"] == "link.failed"] == ["no links here"]


def test_where_links_cannot_be_reached_the_rest_is_left() -> None:
    """A system that dies while it is linked is asked for some links, not for those of all."""
    world = World()
    able(world, "dog", links=True)
    for number in range(30):
        world.memories["dev"].add(title=f"Incident {number}", severity="sev-2", stage="triage")
    asked = []

    async def down(record_id: str, links: object) -> None:
        asked.append(record_id)
        raise Unreachable("no answer", system="dog")

    world.memories["dog"].link = down  # type: ignore[method-assign]
    assert cycle(world).exit_code == 0
    assert len(asked) == world.app.workers


def test_a_system_that_is_away_is_not_linked() -> None:
    """Links wait for nobody: a system that went away in the cycle is left alone."""
    world = World()
    able(world, "dog", links=True)
    dog = world.memories["dog"].add(title="Search slow", severity="SEV-2", state="active")
    world.memories["dev"].faults.lose_reply = True
    cycle(world)
    world.memories["dog"].links.clear()
    world.memories["dog"].faults.down = True
    cycle(world)
    assert world.memories["dog"].links == {}
    assert only(world, "dog") == dog
