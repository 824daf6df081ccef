"""Trap 9: what a full replacement wrote over is found in the history, and put back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from instep.errors import Gone, Rejected, Unreachable
from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.world import World
from instep.systems.prodmanager import ProdManager
from instep.systems.prodmanager.race import overwritten

PATHS = ["name", "description", "status", "severity", "resolve_date", "service"]


@pytest.fixture
def world() -> World:
    """Make a world with its clock."""
    world = World(seed=3)
    world.lost = httpx.ReadError
    return world


@pytest.fixture
def double(world: World) -> ProdManagerSimulator:
    """Make a ProdManager with one incident."""
    return ProdManagerSimulator(world, incidents=1)


@pytest.fixture
async def system(double: ProdManagerSimulator) -> AsyncIterator[ProdManager]:
    """Connect to it."""
    transport = httpx.ASGITransport(double.app)
    made = ProdManager.connect("page", PATHS, token="t", url="http://page", transport=transport)
    yield made
    await made.close()


async def test_another_field_is_put_back(
    system: ProdManager, double: ProdManagerSimulator, world: World
) -> None:
    """A person's text, written after we looked, stands beside our title: one write more."""
    seen = await system.read("1")
    double.edit(1, description="We are looking")
    before = world.writes
    with capture_logs() as logs:
        written = await system.update(seen, {"name": "Checkout down"})
    words = system.words(written.record)
    assert (words["name"], words["description"]) == ("Checkout down", "We are looking")
    assert world.writes == before + 2
    told = [line for line in logs if line["event"] == "edit.restored"]
    assert [line["paths"] for line in told] == [["description"]]
    assert written.undone == {"description"}


async def test_the_field_that_we_wrote_is_put_back_too(
    system: ProdManager, double: ProdManagerSimulator
) -> None:
    """A person's title under ours comes back: the engine then sees an edit behind our write."""
    seen = await system.read("1")
    double.edit(1, name="By a person")
    written = await system.update(seen, {"name": "Checkout down"})
    assert system.words(written.record)["name"] == "By a person"


async def test_a_status_comes_back_with_its_date(
    system: ProdManager, double: ProdManagerSimulator
) -> None:
    """A status that a person set in between is put back, with the date it had brought."""
    double.edit(1, status="active")
    seen = await system.read("1")
    double.edit(1, status="resolved")
    date = double.records()[0]["resolve_date"]
    written = await system.update(seen, {"name": "Checkout down"})
    words = system.words(written.record)
    assert (words["name"], words["status"], words["resolve_date"]) == (
        "Checkout down",
        "resolved",
        date,
    )


async def test_without_a_race_one_write_is_enough(system: ProdManager, world: World) -> None:
    """What our own update changes, and what it moves along, is nobody's edit."""
    seen = await system.read("1")
    await system.update(seen, {"name": "Checkout down", "status": "resolved", "service": "Search"})
    assert world.writes == 1


async def test_a_later_edit_is_left_alone(
    system: ProdManager, double: ProdManagerSimulator, world: World
) -> None:
    """What somebody wrote over our write is not replaced by what stood there before it."""
    seen = await system.read("1")
    double.edit(1, description="Before")
    world.after("/update", lambda: double.edit(1, description="After"))
    written = await system.update(seen, {"name": "Checkout down"})
    assert system.words(written.record)["description"] == "After"


async def test_an_edit_behind_our_write_of_that_field_is_left_alone(
    system: ProdManager, double: ProdManagerSimulator, world: World
) -> None:
    """A person who writes over our very text came after us: nothing is put back over that."""
    seen = await system.read("1")
    world.after("/update", lambda: double.edit(1, name="By a person"))
    written = await system.update(seen, {"name": "Checkout down"})
    assert system.words(written.record)["name"] == "By a person"
    assert world.writes == 1


@pytest.mark.parametrize("is_before", [True, False])
async def test_what_a_person_took_back_stays_away(
    system: ProdManager, double: ProdManagerSimulator, world: World, is_before: bool
) -> None:
    """A text that was saved and reverted, before our write or behind it, is nobody's wish."""
    seen = await system.read("1")
    old = system.words(seen)["description"]

    def waver() -> None:
        double.edit(1, description="Oops")
        double.edit(1, description=old)

    if is_before:
        waver()
    else:
        world.after("/update", waver)
    written = await system.update(seen, {"name": "Checkout down"})
    assert system.words(written.record)["description"] == old
    assert (world.writes, written.undone) == (1, frozenset())


async def test_a_status_that_was_taken_back_stays_away(
    system: ProdManager, double: ProdManagerSimulator, world: World
) -> None:
    """An incident that was resolved by mistake is not resolved again."""
    double.edit(1, status="active")
    seen = await system.read("1")
    double.edit(1, status="resolved")
    double.edit(1, status="active")
    written = await system.update(seen, {"name": "Checkout down"})
    assert system.words(written.record)["status"] == "active"
    assert world.writes == 1


async def test_a_date_that_the_service_filled_in_gives_way(
    system: ProdManager, double: ProdManagerSimulator
) -> None:
    """Both resolved it, the person with dates of their own: not the present, theirs stand."""
    double.edit(1, status="active")
    seen = await system.read("1")
    double.edit(
        1, status="resolved", stable_date="2026-01-01T08:00", resolve_date="2026-01-01T09:00"
    )
    await system.update(seen, {"status": "resolved"})
    (held,) = double.records()
    assert (held["stable_date"], held["resolve_date"]) == ("2026-01-01T08:00", "2026-01-01T09:00")


async def test_an_old_year_hides_no_race(system: ProdManager, double: ProdManagerSimulator) -> None:
    """The history does not pad years below 1000, and forms have to."""
    old = "0999-01-01T00:00"
    double.edit(1, start_impact_date=old)
    seen = await system.read("1")
    double.edit(1, start_impact_date=old, description="We are looking")
    written = await system.update(seen, {"name": "Checkout down"})
    assert written.undone == {"description"}


async def test_what_is_not_taken_back_concerns_that_record(
    system: ProdManager, double: ProdManagerSimulator, world: World
) -> None:
    """The person's scope was deleted meanwhile: it is said so, and the others are gone on with."""
    places = double.places.held["scope"]
    places[9] = places[1]
    seen = await system.read("1")
    double.edit(1, scope="9")
    world.after("/update", lambda: places.pop(9))
    with capture_logs() as logs, pytest.raises(Rejected, match=r"take back.*Not a valid choice"):
        await system.update(seen, {"name": "Checkout down"})
    assert "edit.restored" not in {line["event"] for line in logs}
    assert system.words(await system.read("1"))["name"] == "Checkout down"


async def test_an_incident_deleted_behind_our_write_is_gone(
    system: ProdManager, double: ProdManagerSimulator, world: World
) -> None:
    """Nothing can be put back into it, and the system is none the worse."""
    seen = await system.read("1")
    double.edit(1, description="We are looking")
    world.after("GET /api/incident/1", lambda: double.delete(1))
    with pytest.raises(Gone):
        await system.update(seen, {"name": "Checkout down"})


async def test_a_restoring_that_fails_leaves_the_write_unclear(
    system: ProdManager, double: ProdManagerSimulator, world: World
) -> None:
    """The update was made; whether the edit came back is not known, so the record is read again."""
    seen = await system.read("1")
    double.edit(1, description="We are looking")
    world.fault("/update", "500-before", nth=2)
    with pytest.raises(Unreachable) as caught:
        await system.update(seen, {"name": "Checkout down"})
    assert caught.value.unclear


async def test_an_update_without_an_answer_puts_back_too(
    system: ProdManager, double: ProdManagerSimulator, world: World
) -> None:
    """Whoever looks the write up later no longer knows what was seen: it is put back at once."""
    seen = await system.read("1")
    double.edit(1, description="We are looking")
    world.fault("/update", "drop-after")
    with pytest.raises(Unreachable) as caught:
        await system.update(seen, {"name": "Checkout down"})
    assert caught.value.unclear
    words = system.words(await system.read("1"))
    assert (words["name"], words["description"]) == ("Checkout down", "We are looking")


async def test_an_update_that_never_arrived_puts_nothing_back(
    system: ProdManager, double: ProdManagerSimulator, world: World
) -> None:
    """Where nothing was written over there is nothing to put back: no second write."""
    seen = await system.read("1")
    double.edit(1, description="We are looking")
    world.fault("/update", "500-before")
    with pytest.raises(Unreachable):
        await system.update(seen, {"name": "Checkout down"})
    assert world.writes == 1
    assert system.words(await system.read("1"))["description"] == "We are looking"


def history(*contents: Any) -> dict[str, Any]:
    """Make an incident after some updates, newest first."""
    events = [{"type": "update", "content": one} for one in contents]
    return {"name": "new", "description": "old", "service": 2, "events": events}


@pytest.mark.parametrize(
    "content",
    [
        None,
        "no JSON",
        "[]",
        json.dumps({"description": "old"}),
        json.dumps({"unknown": [1, 2]}),
        json.dumps({"description": ["old", "old"]}),
        json.dumps({"description": ["theirs", "later"]}),
    ],
)
def test_a_history_that_does_not_say_restores_nothing(content: Any) -> None:
    """What cannot be read as a column that we wrote over is left alone."""
    seen = {"name": "was", "description": "old", "service": 2, "events": []}
    form = {"name": "new", "description": "old", "service": "2"}
    assert overwritten(seen, history(content), form) == {}


def test_ids_are_named_otherwise_in_the_history() -> None:
    """The history has ``service_id`` where the incident has ``service``; only new events count."""
    content = json.dumps({"name": ["was", "new"], "service_id": [1, 2]})
    seen = {"name": "was", "description": "old", "service": 2, "events": []}
    form = {"name": "new", "description": "old", "service": "2"}
    assert overwritten(seen, history(content), form) == {"service": 1}
    assert overwritten(seen | {"events": [{}]}, history(content), form) == {}
