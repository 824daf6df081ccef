"""Orders: what a person tells instep to do, whatever a daemon does in the same moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from instep.core.fields import Decide, Field, Kind
from instep.core.model import Record, Word, Words, Written
from instep.core.operation import Why
from instep.core.rules import Rule
from instep.core.unit import Limits, OnGone
from instep.engine import orders
from instep.errors import Unreachable, UsageError, WorldMoved
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
    only,
    rows,
    titles,
)
from tests.engine.world import World

#: Nothing is sent without a person's word.
NONE = Limits(creates=0, updates=0, closes=0, deletes=0)


@pytest.fixture
def world() -> World:
    """Make a world in which one incident, begun in ``dev``, is in step everywhere."""
    made = World()
    made.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    assert cycle(made).exit_code == 0
    return made


@pytest.fixture
def strict(world: World) -> World:
    """Make a world in step in which everything further waits for a person."""
    limit(world, NONE)
    return world


@pytest.fixture
def fresh() -> World:
    """Make a world with two new incidents in ``dev``, whose creates wait for a person."""
    made = World(limits=NONE)
    for title in ("Checkout slow", "Search slow"):
        made.memories["dev"].add(title=title, severity="sev-2", stage="triage")
        made.clock.at += 1
    assert cycle(made).held == 4
    return made


# Groups.


def test_what_is_held_is_shown_by_reason_the_oldest_first(fresh: World) -> None:
    """One group a system: its rows are the oldest first, and it waits since the oldest does."""
    fresh.memories["dev"].add(title="Mail slow", severity="sev-2", stage="triage")
    cycle(fresh)
    found = orders.groups(fresh.app)
    assert [(g.system, g.kind, len(g.rows)) for g in found] == [
        ("dog", "create", 3),
        ("page", "create", 3),
    ]
    first = found[0]
    assert [row["incident"] for row in first.rows] == [1, 2, 3]
    assert first.since == first.rows[0]["since"] < first.rows[2]["since"]
    assert (first.approved, first.why) == (0, Why.LIMIT)
    assert "limits.creates = 0" in first.reason


def test_nothing_held_is_no_group(world: World) -> None:
    """Where nothing waits there is nothing to decide."""
    assert orders.groups(world.app) == []


def test_a_group_is_another_when_something_in_it_changes(strict: World) -> None:
    """A name that was looked at before the words changed lets nothing through and drops nothing."""
    dev = strict.memories["dev"]
    dev.edit(only(dev), title="Checkout down")
    cycle(strict)
    seen = group(strict, "dog")
    dev.edit(only(dev), title="Checkout is down")
    cycle(strict)
    for order in (orders.approve, orders.drop):
        with pytest.raises(WorldMoved, match="nothing is held under"):
            order(strict.app, seen)
    assert group(strict, "dog") != seen


# Approve.


def test_only_the_oldest_are_let_through_where_a_person_says_so(fresh: World) -> None:
    """A person may let some of a group through: the oldest; the rest waits on."""
    assert orders.approve(fresh.app, group(fresh, "dog"), 1) == 1
    assert next(g.approved for g in orders.groups(fresh.app) if g.system == "dog") == 1
    cycle(fresh)
    assert titles(fresh)["dog"] == ["Checkout slow"]
    assert len(held(fresh)) == 3


def test_an_approval_is_for_once(strict: World) -> None:
    """What was let through is sent once; the very same words wait again the next time."""
    dev, dog = strict.memories["dev"], strict.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    cycle(strict)
    orders.approve(strict.app, group(strict, "dog"))
    cycle(strict)
    assert strict.common("dog", only(dog))["title"] == "Checkout down"
    for memory in (dev, dog):
        memory.edit(only(memory), title="Checkout slow")
    cycle(strict)
    dev.edit(only(dev), title="Checkout down")
    cycle(strict)
    assert ("limit", "dog", "update") in held(strict)
    assert strict.common("dog", only(dog))["title"] == "Checkout slow"


def test_an_approval_is_for_exactly_these_words(strict: World) -> None:
    """An edit after the approval waits for a person of its own; nothing of either is sent."""
    dev, dog = strict.memories["dev"], strict.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    cycle(strict)
    assert orders.approve(strict.app, group(strict, "dog")) == 1
    dev.edit(only(dev), title="Checkout is down")
    assert cycle(strict).writes == 0
    assert strict.common("dog", only(dog))["title"] == "Checkout slow"
    assert [row.approved for row in rows(strict, tables.held)] == ["", ""]


def test_an_approval_outlives_a_refusal(strict: World) -> None:
    """What a service refused is tried again on the same word of a person."""
    dev, dog = strict.memories["dev"], strict.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    cycle(strict)
    orders.approve(strict.app, group(strict, "dog"))
    dog.faults.refuse = True
    cycle(strict)
    assert ("refused", "dog", "update") in held(strict)
    cycle(strict, seconds=1000)
    assert strict.common("dog", only(dog))["title"] == "Checkout down"
    assert held(strict) == [("limit", "page", "update")]


def test_an_approval_outlives_a_write_that_was_never_answered(strict: World) -> None:
    """A write that did not arrive is sent on the same word of a person, once it can be."""
    dev, dog = strict.memories["dev"], strict.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    cycle(strict)
    orders.approve(strict.app, group(strict, "dog"))

    async def vanish(seen: Record, words: Words) -> Written:
        raise Unreachable("no answer", system="dog", unclear=True)

    kept, dog.update = dog.update, vanish  # type: ignore[method-assign]
    cycle(strict)
    assert ("refused", "dog", "update") in held(strict)
    dog.update = kept  # type: ignore[method-assign]
    cycle(strict, seconds=1000)
    assert strict.common("dog", only(dog))["title"] == "Checkout down"


def test_an_approval_waits_for_a_system_that_is_away(strict: World) -> None:
    """A system that is away when a person says yes gets it when it is back."""
    dev, dog = strict.memories["dev"], strict.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    cycle(strict)
    orders.approve(strict.app, group(strict, "dog"))
    dog.faults.down = True
    cycle(strict)
    dog.faults.down = False
    cycle(strict)
    assert strict.common("dog", only(dog))["title"] == "Checkout down"


def test_what_a_service_refused_is_not_approved_but_tried_again(world: World) -> None:
    """A person's yes does not change a service's no: the error says what helps."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    dog.faults.refuse = True
    cycle(world)
    with pytest.raises(UsageError, match="dog does not like it") as caught:
        orders.approve(world.app, group(world, "dog", Why.REFUSED))
    assert "retry" in caught.value.advice


def test_what_a_service_needs_is_not_approved_but_said() -> None:
    """A create without a word that the service requires cannot be let through as it is."""
    world = World()
    able = replace(world.unit.members["page"].abilities, required=frozenset({"description"}))
    configure(world, "page", abilities=able)
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(world)
    with pytest.raises(UsageError) as caught:
        orders.approve(world.app, group(world, "page", Why.LACKING))
    assert "say it in one of the systems" in caught.value.advice


@pytest.mark.parametrize("order", [orders.approve, orders.drop])
def test_a_copy_is_neither_approved_nor_dropped(
    world: World, order: Callable[[Any, str], int]
) -> None:
    """A record whose key is not to be trusted is no operation: it is put right where it is."""
    dog = world.memories["dog"]
    dog.records["dog-99"] = replace(dog.records[only(dog)], id="dog-99")
    cycle(world)
    with pytest.raises(UsageError) as caught:
        order(world.app, group(world, "dog", Why.DUPLICATE))
    assert "delete that record" in caught.value.advice


# Drop and retry.


def test_a_dropped_create_is_not_made_until_it_is_wanted_again(fresh: World) -> None:
    """A person lets a record go: nothing waits for it and it is not made; ``retry`` wants it."""
    assert orders.drop(fresh.app, group(fresh, "dog")) == 2
    assert orders.drop(fresh.app, group(fresh, "page")) == 2
    limit(fresh, PLENTY)
    report = cycle(fresh)
    assert (report.exit_code, report.writes) == (0, 0)
    assert orders.retry(fresh.app, 1, "dog") == 1
    cycle(fresh)
    assert titles(fresh) == {
        "dev": ["Checkout slow", "Search slow"],
        "dog": ["Checkout slow"],
        "page": [],
    }
    assert orders.retry(fresh.app, 1) == 1
    assert orders.retry(fresh.app, 1) == 0
    assert cycle(fresh).exit_code == 0
    assert titles(fresh)["page"] == ["Checkout slow"]


def test_what_went_with_another_is_not_wanted_where_nothing_is_left(world: World) -> None:
    """Once all records of an incident are deleted there is none to make another from."""
    configure(world, "dev", on_gone=OnGone.DELETE)
    world.memories["dev"].remove("dev-1")
    assert cycle(world, seconds=400).systems["dog"].counts["deletes"] == 1
    assert [len(memory.records) for memory in world.memories.values()] == [0, 0, 0]
    assert orders.retry(world.app, 1) == 0
    report = cycle(world)
    assert (report.exit_code, report.writes) == (0, 0)


def test_a_dropped_update_leaves_the_record_until_somebody_edits(strict: World) -> None:
    """What was let go is sent no more, reverts nobody, and the next edit is told to all."""
    dev, dog = strict.memories["dev"], strict.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    cycle(strict)
    assert orders.drop(strict.app, group(strict, "dog")) == 1
    limit(strict, PLENTY)
    orders.approve(strict.app, group(strict, "page"))
    assert cycle(strict).exit_code == 0
    assert [t for (t,) in titles(strict).values()] == [
        "Checkout down",
        "Checkout slow",
        "Checkout down",
    ]
    dog.edit(only(dog), title="Payments down")
    assert cycle(strict).exit_code == 0
    assert [t for (t,) in titles(strict).values()] == ["Payments down"] * 3


def test_a_dropped_close_leaves_the_record_open(strict: World) -> None:
    """A person keeps one record open though its incident is over elsewhere."""
    dev, dog, page = (strict.memories[name] for name in ("dev", "dog", "page"))
    dev.edit(only(dev), stage="resolved")
    cycle(strict)
    orders.drop(strict.app, group(strict, "dog"))
    orders.drop(strict.app, group(strict, "page"))
    limit(strict, PLENTY)
    assert (cycle(strict).exit_code, strict.common("dog", only(dog))["status"]) == (0, "active")
    assert strict.common("page", only(page))["status"] == "active"


def test_a_dropped_delete_keeps_all_that_is_left(strict: World) -> None:
    """A person keeps the records that were to go with another: nothing is deleted or remade."""
    configure(strict, "dev", on_gone=OnGone.DELETE)
    strict.memories["dev"].remove("dev-1")
    cycle(strict, seconds=400)
    assert held(strict) == [("limit", "dog", "delete"), ("limit", "page", "delete")]
    orders.drop(strict.app, group(strict, "dog"))
    # Both are part of one deletion: nothing of it is held any more.
    assert held(strict) == []
    limit(strict, PLENTY)
    report = cycle(strict)
    assert (report.exit_code, report.writes) == (0, 0)
    assert [len(memory.records) for memory in strict.memories.values()] == [0, 1, 1]


def test_retry_tries_what_was_refused_at_once(world: World) -> None:
    """What a service refused waits less when a person says so: of one incident, in one system."""
    dev, dog, page = (world.memories[name] for name in ("dev", "dog", "page"))
    dev.edit(only(dev), title="Checkout down")
    dog.faults.refuse = page.faults.refuse = True
    cycle(world)
    assert orders.retry(world.app, 1, "dog") == 1
    assert orders.retry(world.app, system="dev") == 0
    cycle(world, seconds=1)
    assert world.common("dog", only(dog))["title"] == "Checkout down"
    assert held(world) == [("refused", "page", "update")]


# Resolve.


@pytest.fixture
def apart() -> World:
    """Make a world with a title that waits for a person, for it was edited on two sides."""
    made = World(Decide.MANUAL)
    dev, dog = made.memories["dev"], made.memories["dog"]
    dev.add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(made)
    dev.edit(only(dev), title="Checkout down")
    dog.edit(only(dog), title="Payments down")
    assert cycle(made).conflicts == 1
    return made


def test_a_person_takes_one_side(apart: World) -> None:
    """The side that a person takes stands everywhere; the other is kept with its system."""
    assert orders.waits(apart.app, incident(apart)) == ["title"]
    assert orders.resolve(apart.app, 1, "title", take="dog") == "Payments down"
    assert cycle(apart).exit_code == 0
    assert [t for (t,) in titles(apart).values()] == ["Payments down"] * 3
    assert losers(apart) == [("Checkout down", ("dev",))]
    assert orders.waits(apart.app, incident(apart)) == []
    assert cycle(apart).writes == 0


def test_a_person_gives_a_value_of_his_own(apart: World) -> None:
    """A value that nobody said stands everywhere; what both said is kept."""
    assert orders.resolve(apart.app, 1, "title", value="Shop down") == "Shop down"
    assert cycle(apart).exit_code == 0
    assert [t for (t,) in titles(apart).values()] == ["Shop down"] * 3
    assert sorted(losers(apart)) == [("Checkout down", ("dev",)), ("Payments down", ("dog",))]


def _peopled(world: World) -> None:
    """Give ``dev`` and ``dog`` owners, and a choice that has no order."""
    owners, cause = Field("owners", Kind.PEOPLE), Field("cause", Kind.CHOICE)
    words = {"d": ("deploy",), "l": ("load", "deploy")}
    fields = {**world.unit.fields, "owners": owners, "cause": cause}
    world.unit = replace(world.unit, fields=fields)
    for system in ("dev", "dog"):
        rules = {
            **world.unit.members[system].rules,
            "owners": Rule(owners, "owned_by"),
            "cause": Rule(cause, "cause", words=words),
        }
        configure(world, system, rules=rules)
        world.memories[system].paths = sorted(world.unit.members[system].paths)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("description", "p95 rose", "p95 rose"),
        ("severity", "high", "high"),
        ("cause", "load", "load"),
        ("components", "web, api", ("api", "web")),
        ("owners", "Bob@x.io,ann@x.io", ("ann@x.io", "bob@x.io")),
        ("started_at", "2026-01-01T10:00:00+02:00", "2026-01-01T08:00:00Z"),
    ],
)
def test_a_value_is_read_as_its_type(world: World, name: str, text: str, value: Word) -> None:
    """A value as a person types it becomes what every side of that field then says."""
    _peopled(world)
    assert orders.resolve(world.app, 1, name, value=text) == value
    assert cycle(world).exit_code == 0
    for system in ("dev", "dog"):
        assert world.common(system, only(world.memories[system]))[name] == value


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("severity", "awful", "one of critical, high"),
        ("cause", "rain", "one of deploy, load"),
        ("started_at", "yesterday", "of type instant"),
        ("title", "", "give a value"),
        ("colour", "red", "one of title, description"),
    ],
)
def test_a_value_that_cannot_be_changes_nothing(
    world: World, name: str, text: str, said: str
) -> None:
    """A value of the wrong type, none where there has to be one, or of no field, is refused."""
    _peopled(world)
    before = incident(world)
    with pytest.raises(UsageError) as caught:
        orders.resolve(world.app, 1, name, value=text)
    assert said in caught.value.advice
    assert incident(world) == before


def test_a_system_that_says_nothing_cannot_empty_what_cannot_be_emptied() -> None:
    """A choice is decided by who says one; those who say nothing of it are not among them."""
    world = World()
    world.memories["dev"].add(title="Checkout slow", stage="triage")
    world.memories["dog"].faults.down = world.memories["page"].faults.down = True
    cycle(world)
    assert "severity" not in world.memories["dev"].records["dev-1"].words
    assert orders.candidates(world.app, incident(world), "severity") == {}
    assert orders.candidates(world.app, incident(world), "description") == {"dev": None}
    with pytest.raises(UsageError, match="dev says nothing of severity") as caught:
        orders.resolve(world.app, 1, "severity", take="dev")
    assert caught.value.advice == "give a --value"


def test_a_text_can_be_emptied(world: World) -> None:
    """No value is a value, where a field clears: what was said before is kept."""
    dog = world.memories["dog"]
    dog.edit(only(dog), summary="p95 rose")
    cycle(world)
    assert orders.resolve(world.app, 1, "description", value="") is None
    cycle(world)
    assert world.common("dog", only(dog))["description"] is None
    assert losers(world) == [("p95 rose", ("dog",))]


def test_only_a_side_that_says_something_can_be_taken(world: World) -> None:
    """A system without a word for it cannot be taken; the advice names those that can."""
    with pytest.raises(UsageError) as caught:
        orders.resolve(world.app, 1, "components", take="page")
    assert caught.value.advice == "one of dev, dog"
    for memory in world.memories.values():
        memory.records.clear()
    cycle(world, seconds=400)
    with pytest.raises(UsageError) as caught:
        orders.resolve(world.app, 1, "title", take="dev")
    assert caught.value.advice == "give a --value"


def test_an_incident_that_is_not_known_has_no_fields(world: World) -> None:
    """An order about an incident that the ledger does not know says so."""
    with pytest.raises(UsageError, match="knows no incident 9"):
        orders.resolve(world.app, 9, "title", value="Checkout down")


def test_a_side_of_a_system_that_is_configured_no_more_is_no_candidate(world: World) -> None:
    """What a system said that is not in the configuration cannot be taken."""
    row = incident(world)
    members = {name: m for name, m in world.unit.members.items() if name != "dog"}
    world.unit = replace(world.unit, members=members)
    assert sorted(orders.candidates(world.make_app(), row, "title")) == ["dev", "page"]


# Restore.


def test_a_loser_comes_back_and_goes_again(world: World) -> None:
    """The losing value stands everywhere when it is restored, and the winner is kept then."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), title="Checkout down")
    world.clock.at += 1
    dog.edit(only(dog), title="Payments down")
    cycle(world)
    assert orders.restore(world.app, 1) == (1, "title", "Checkout down")
    assert cycle(world).exit_code == 0
    assert [t for (t,) in titles(world).values()] == ["Checkout down"] * 3
    first, second = rows(world, tables.conflicts)
    assert (first.restored_at != "", second.value) == (True, "Payments down")
    assert orders.restore(world.app, second.id) == (1, "title", "Payments down")
    assert cycle(world).exit_code == 0
    assert [t for (t,) in titles(world).values()] == ["Payments down"] * 3
    assert cycle(world).writes == 0


def test_a_set_is_settled_and_restored_whole(world: World) -> None:
    """A set that a person gives stands as it is, and the one before comes back as it was."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), parts=("api", "web"))
    cycle(world)
    orders.resolve(world.app, 1, "components", value="web,db")
    assert cycle(world).exit_code == 0
    assert world.common("dog", only(dog))["components"] == ("db", "web")
    orders.restore(world.app, 1)
    assert cycle(world).exit_code == 0
    for system, memory in (("dev", dev), ("dog", dog)):
        assert world.common(system, only(memory))["components"] == ("api", "web")


def test_a_loser_that_is_restored_twice_wins_once(world: World) -> None:
    """A command that is repeated changes nothing more, and keeps no value twice."""
    orders.resolve(world.app, 1, "title", value="Checkout down")
    for _ in range(2):
        orders.restore(world.app, 1)
    assert cycle(world).exit_code == 0
    assert losers(world) == [("Checkout slow", ("dev",)), ("Checkout down", ("a person",))]


def test_only_what_the_attic_has_is_restored(world: World) -> None:
    """A number that is not in the attic, or of a field that is there no more, changes nothing."""
    with pytest.raises(UsageError, match="the attic has no 7"):
        orders.restore(world.app, 7)
    orders.resolve(world.app, 1, "title", value="Checkout down")
    fields = {name: field for name, field in world.unit.fields.items() if name != "title"}
    world.app.unit = replace(world.unit, fields=fields)
    with pytest.raises(UsageError, match='there is no field "title"'):
        orders.restore(world.app, 1)
