"""Gone: what the loss of a record brings about over whole cycles, and what is not a loss."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instep.core.model import Record
from instep.core.operation import Why
from instep.core.unit import OnGone
from instep.engine import orders
from instep.errors import Rejected, Unreachable
from instep.ledger import tables
from tests.engine.steps import (
    PLENTY,
    configure,
    cycle,
    group,
    held,
    incident,
    limit,
    only,
    rows,
    titles,
)
from tests.engine.world import World


def make(on_gone: OnGone) -> World:
    """Make a world in step, in which the loss of the record in ``dog`` means something."""
    world = World(limits=PLENTY)
    configure(world, "dog", on_gone=on_gone)
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    assert cycle(world).exit_code == 0
    return world


def left(world: World) -> list[int]:
    """Count the records of each system."""
    return [len(memory.records) for memory in world.memories.values()]


@pytest.fixture
def deleting() -> World:
    """Make a world in which the loss of the record in ``dog`` deletes the others."""
    return make(OnGone.DELETE)


# Any.


@pytest.mark.parametrize("on_gone", list(OnGone))
def test_a_record_that_a_listing_leaves_out_is_not_lost(on_gone: OnGone) -> None:
    """Missing from a listing that calls itself whole, it is read; there, nothing comes of it."""
    world = make(on_gone)
    before = world.writes()
    world.memories["dog"].faults.hide = True
    assert cycle(world).exit_code == 0
    assert (world.writes(), left(world)) == (before, [1, 1, 1])
    assert not incident(world).side("dog").gone


@pytest.mark.parametrize("on_gone", list(OnGone))
def test_a_record_that_cannot_be_read_is_not_lost(on_gone: OnGone) -> None:
    """As long as the service does not say that it is gone, nothing comes of its absence."""
    world = make(on_gone)
    dog = world.memories["dog"]
    before = world.writes()
    record = dog.records.pop("dog-1")
    kept = dog.read

    async def silent(record_id: str) -> Record:
        raise Unreachable("no answer", system="dog")

    dog.read = silent  # type: ignore[method-assign]
    assert cycle(world).due == 1
    assert world.writes() == before
    dog.records["dog-1"], dog.read = record, kept  # type: ignore[method-assign]
    assert cycle(world).exit_code == 0
    assert (world.writes(), left(world)) == (before, [1, 1, 1])


@pytest.mark.parametrize("on_gone", [OnGone.KEEP, OnGone.CLOSE])
def test_a_record_that_comes_back_is_known(on_gone: OnGone) -> None:
    """By its id and birth it has its place again: nothing is made, and edits flow again."""
    world = make(on_gone)
    dog, page = world.memories["dog"], world.memories["page"]
    record = dog.records.pop("dog-1")
    cycle(world)
    assert incident(world).side("dog").gone
    dog.records["dog-1"] = record
    cycle(world)
    assert not incident(world).side("dog").gone
    dog.edit("dog-1", title="Checkout down")
    assert cycle(world).exit_code == 0
    assert left(world) == [1, 1, 1]
    common = world.common("page", only(page))
    assert (common["title"], common["status"]) == ("Checkout down", "active")


@pytest.mark.parametrize("on_gone", list(OnGone))
def test_an_id_that_is_used_again_is_another_record(on_gone: OnGone) -> None:
    """The incident's own record is gone; what bears its id is an incident of its own."""
    world = make(on_gone)
    dog = world.memories["dog"]
    words = {"title": "Search slow", "state": "active"}
    other = replace(dog.records["dog-1"], birth=f"{world.clock():.6f}", mark=None, words=words)
    dog.records["dog-1"] = other
    for _ in range(3):
        cycle(world)
    assert dog.records["dog-1"] == other
    assert "Search slow" in titles(world)["dev"]
    assert incident(world, 2).side("dog").reference is not None
    assert cycle(world).writes == 0


# Close.


def test_a_loss_closes_the_others_once() -> None:
    """Each other system is written to once, and whoever reopens it has it open."""
    world = make(OnGone.CLOSE)
    dev, dog, page = (world.memories[name] for name in ("dev", "dog", "page"))
    before = (dev.writes, page.writes)
    dog.remove("dog-1")
    report = cycle(world)
    assert [report.systems[name].counts["closes"] for name in ("dev", "page")] == [1, 1]
    assert (dev.writes, page.writes) == (before[0] + 1, before[1] + 1)
    assert world.common("dev", only(dev))["status"] == "resolved"
    dev.edit(only(dev), stage="triage")
    assert cycle(world).exit_code == 0
    assert cycle(world).writes == 0
    assert world.common("page", only(page))["status"] == "active"


def test_a_record_that_is_back_before_a_close_was_let_through_stays_open() -> None:
    """A close that waits for a person is wanted no more once the record is there again."""
    world = make(OnGone.CLOSE)
    limit(world, replace(PLENTY, closes=0))
    dog = world.memories["dog"]
    record = dog.records.pop("dog-1")
    assert cycle(world).held == 2
    dog.records["dog-1"] = record
    assert cycle(world).exit_code == 0
    assert held(world) == []
    assert world.common("dev", "dev-1")["status"] == "active"


# Recreate.


def test_a_lost_record_is_made_anew_and_the_old_one_is_a_copy() -> None:
    """It is made once, with what all say; the old one, come back, waits for a person."""
    world = make(OnGone.RECREATE)
    dev, dog = world.memories["dev"], world.memories["dog"]
    old = dog.records.pop("dog-1")
    dev.edit(only(dev), title="Checkout down")
    assert cycle(world).systems["dog"].counts["creates"] == 1
    assert titles(world)["dog"] == ["Checkout down"]
    dog.records["dog-1"] = old
    before = world.writes()
    assert [cycle(world).held for _ in range(2)] == [1, 1]
    assert held(world) == [("duplicate", "dog", "duplicate dog-1")]
    assert (world.writes(), dog.records["dog-1"]) == (before, old)
    dog.remove("dog-1")
    assert cycle(world).exit_code == 0


def test_a_record_that_was_made_anew_without_an_answer_is_found() -> None:
    """The record made anew is found by its mark; the one that is gone is not taken for it."""
    world = make(OnGone.RECREATE)
    dog = world.memories["dog"]
    dog.remove("dog-1")
    dog.faults.lose_reply = True
    cycle(world)
    assert cycle(world).exit_code == 0
    assert list(dog.records) == ["dog-2"]
    assert cycle(world).writes == 0


def test_a_record_that_a_person_lets_go_is_not_made_anew() -> None:
    """A dropped create stays undone, though there is room, until a person wants it again."""
    world = make(OnGone.RECREATE)
    limit(world, replace(PLENTY, creates=0))
    world.memories["dog"].remove("dog-1")
    assert cycle(world).held == 1
    orders.drop(world.app, group(world, "dog"))
    limit(world, PLENTY)
    report = cycle(world)
    assert (report.exit_code, report.writes) == (0, 0)
    assert orders.retry(world.app, 1) == 1
    assert cycle(world).exit_code == 0
    assert left(world) == [1, 1, 1]


# Delete.


def test_a_loss_deletes_the_others(deleting: World) -> None:
    """The others go with it, each by one request; then the incident is at rest for good."""
    deleting.memories["dog"].remove("dog-1")
    report = cycle(deleting)
    counts = {name: tally.counts["deletes"] for name, tally in report.systems.items()}
    assert counts == {"dev": 1, "dog": 0, "page": 1}
    assert (report.exit_code, left(deleting)) == (0, [0, 0, 0])
    assert (report.data()["quiet"], report.writes) == (False, 2)
    assert cycle(deleting, seconds=400).writes == 0
    sides = incident(deleting).sides
    assert [name for name in sorted(sides) if sides[name].let_go] == ["dev", "page"]
    told = [(r.system, r.kind, r.outcome) for r in rows(deleting, tables.journal)][-2:]
    assert sorted(told) == [("dev", "delete", "deleted"), ("page", "delete", "deleted")]


def test_a_record_that_comes_back_after_all_were_deleted_is_alone(deleting: World) -> None:
    """What was deleted with it is neither made again nor missed: that was done for good."""
    dog = deleting.memories["dog"]
    record = dog.records.pop("dog-1")
    cycle(deleting)
    dog.records["dog-1"] = record
    before = deleting.writes()
    assert [cycle(deleting).exit_code for _ in range(2)] == [0, 0]
    assert (deleting.writes(), left(deleting)) == (before, [0, 1, 0])
    assert incident(deleting).side("dog").live


def test_deletes_over_a_limit_wait_for_a_person(deleting: World) -> None:
    """Each delete is let through by name; until then the record stays."""
    limit(deleting, replace(PLENTY, deletes=0))
    deleting.memories["dog"].remove("dog-1")
    assert cycle(deleting).held == 2
    assert left(deleting) == [1, 0, 1]
    for system in ("dev", "page"):
        orders.approve(deleting.app, group(deleting, system))
    assert cycle(deleting).exit_code == 0
    assert left(deleting) == [0, 0, 0]


def test_nothing_is_deleted_while_a_system_is_away(deleting: World) -> None:
    """All others go or none does: somebody may go on with the incident where nobody can look."""
    deleting.memories["dog"].remove("dog-1")
    deleting.memories["page"].faults.down = True
    assert cycle(deleting).due == 1
    assert left(deleting) == [1, 0, 1]
    deleting.memories["page"].faults.down = False
    assert cycle(deleting).exit_code == 0
    assert left(deleting) == [0, 0, 0]


def test_nothing_is_deleted_while_a_record_is_in_doubt(deleting: World) -> None:
    """A record that could not be read may have been edited: nothing goes before that is known."""
    page = deleting.memories["page"]
    deleting.memories["dog"].remove("dog-1")
    page.faults.hide = True
    kept = page.read

    async def moved(record_id: str) -> Record:
        raise Rejected("moved", system="page")

    page.read = moved  # type: ignore[method-assign]
    assert cycle(deleting).due == 1
    assert left(deleting) == [1, 0, 1]
    page.read = kept  # type: ignore[method-assign]
    assert cycle(deleting).exit_code == 0
    assert left(deleting) == [0, 0, 0]


def test_an_incident_that_somebody_goes_on_with_is_kept(deleting: World) -> None:
    """An edit heard together with the loss keeps all that is left, and flows."""
    deleting.memories["dog"].remove("dog-1")
    deleting.memories["dev"].edit("dev-1", title="Checkout down")
    assert cycle(deleting).exit_code == 0
    assert left(deleting) == [1, 0, 1]
    assert titles(deleting)["page"] == ["Checkout down"]
    assert cycle(deleting).writes == 0


def test_a_record_edited_just_before_it_would_go_is_kept(deleting: World) -> None:
    """Before a record is deleted it is looked at: one that moved stays, with its edit."""
    dev = deleting.memories["dev"]
    deleting.memories["dog"].remove("dog-1")
    dev.faults.before_read = lambda record, _: dev.edit(record, title="Checkout down")
    cycle(deleting)
    cycle(deleting)
    assert titles(deleting)["dev"] == ["Checkout down"]
    assert cycle(deleting).writes == 0


def test_a_delete_whose_reply_is_lost_is_found_done(deleting: World) -> None:
    """A delete that took effect unheard is not repeated: the record is looked for and is gone."""
    deleting.memories["dog"].remove("dog-1")
    page = deleting.memories["page"]
    page.faults.lose_reply = True
    before = page.writes
    cycle(deleting)
    assert cycle(deleting).exit_code == 0
    assert (page.writes, left(deleting)) == (before + 1, [0, 0, 0])


def test_a_delete_that_never_arrived_is_sent_again_after_its_time(deleting: World) -> None:
    """A record that is still there may yet go, until the request can no longer turn up."""
    deleting.memories["dog"].remove("dog-1")
    page = deleting.memories["page"]

    async def vanish(record_id: str) -> None:
        raise Unreachable("no answer", system="page", unclear=True)

    kept, page.delete = page.delete, vanish  # type: ignore[method-assign]
    cycle(deleting)
    page.delete = kept  # type: ignore[method-assign]
    cycle(deleting, seconds=1)
    assert (len(page.records), len(rows(deleting, tables.intents))) == (1, 1)
    cycle(deleting, seconds=1000)
    assert cycle(deleting).exit_code == 0
    assert left(deleting) == [0, 0, 0]
    (end,) = [r.cause for r in rows(deleting, tables.journal) if r.outcome == "dropped"]
    assert "never arrived" in end


def test_a_delete_that_is_refused_is_held(deleting: World) -> None:
    """The record stays with the service's words beside it, and is tried again later."""
    deleting.memories["dog"].remove("dog-1")
    deleting.memories["page"].faults.refuse = True
    report = cycle(deleting)
    assert (report.systems["page"].counts["failed"], left(deleting)) == (1, [0, 0, 1])
    assert held(deleting) == [("refused", "page", "delete")]
    (found,) = orders.groups(deleting.app)
    assert (found.why, found.reason) == (Why.REFUSED, "page does not like it")
    assert cycle(deleting, seconds=1000).exit_code == 0
    assert left(deleting) == [0, 0, 0]


@pytest.mark.parametrize("moment", ["before the look", "after the look"])
def test_a_record_that_goes_by_itself_needs_no_delete(deleting: World, moment: str) -> None:
    """Gone before the look, or between that and the delete, it is as if it had been deleted."""
    page = deleting.memories["page"]
    deleting.memories["dog"].remove("dog-1")
    if moment == "before the look":
        page.faults.before_read = lambda record, _: page.remove(record)
    else:
        kept = page.delete

        async def gone(record_id: str) -> None:
            page.remove(record_id)
            await kept(record_id)

        page.delete = gone  # type: ignore[method-assign]
    before = page.writes
    assert cycle(deleting).exit_code == 0
    assert (page.writes, left(deleting)) == (before, [0, 0, 0])
    assert cycle(deleting, seconds=400).exit_code == 0


def test_a_record_that_took_the_id_is_not_deleted(deleting: World) -> None:
    """What bears the id by then is another record: it stays, and is an incident of its own."""
    page = deleting.memories["page"]
    deleting.memories["dog"].remove("dog-1")

    def replaced(record: str, _: object) -> None:
        words = {"name": "Search slow", "status": "active", "start_date": "2026-01-01T10:00"}
        other = replace(page.records[record], birth="9", mark=None, words=words)
        page.records[record] = replace(other, birth=f"{deleting.clock():.6f}")

    page.faults.before_read = replaced
    cycle(deleting)
    cycle(deleting)
    assert titles(deleting) == {name: ["Search slow"] for name in deleting.memories}


def test_deletes_that_a_stop_cut_off_are_found_done(deleting: World) -> None:
    """A program that ends between a delete and its note knows after its start what became of it."""
    deleting.memories["dog"].remove("dog-1")
    page = deleting.memories["page"]

    async def killed(record_id: str) -> None:
        page.remove(record_id)
        raise KeyboardInterrupt

    kept, page.delete = page.delete, killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        cycle(deleting)
    page.delete = kept  # type: ignore[method-assign]
    deleting.app = deleting.make_app()
    assert cycle(deleting).exit_code == 0
    assert left(deleting) == [0, 0, 0]
    *_, end = (r.cause for r in rows(deleting, tables.journal) if r.system == "page")
    assert "found after a stop" in end
