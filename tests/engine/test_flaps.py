"""Flaps: two systems that rewrite each other's values are stopped, and people are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instep.core.flap import MANY, WINDOW
from instep.engine import orders
from tests.engine.steps import cycle, held, only
from tests.engine.world import World


@pytest.fixture
def world() -> World:
    """Make a world of two systems in step, each with a program of its own that edits titles."""
    made = World()
    members = {name: made.unit.members[name] for name in ("dev", "dog")}
    made.unit = replace(made.unit, members=members)
    made.memories = {name: made.memories[name] for name in members}
    made.app = made.make_app()
    made.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    assert cycle(made).exit_code == 0
    return made


def rewrite(world: World) -> None:
    """Let each system's own program put its sign before every title without it."""
    for name, memory in world.memories.items():
        title = str(memory.records[only(memory)].words["title"])
        if not title.startswith(f"[{name}]"):
            memory.edit(only(memory), title=f"[{name}] {title.rsplit('] ', maxsplit=1)[-1]}")
            world.clock.at += 1


def title(world: World, name: str) -> object:
    """Give the title of a system's only record."""
    return world.common(name, only(world.memories[name]))["title"]


def quarrel(world: World, cycles: int) -> dict[str, int]:
    """Run cycles with both programs at work; answers how often each system was written to."""
    before = {name: memory.writes for name, memory in world.memories.items()}
    for _ in range(cycles):
        rewrite(world)
        cycle(world)
    return {name: memory.writes - before[name] for name, memory in world.memories.items()}


def test_two_systems_that_rewrite_each_other_are_stopped(world: World) -> None:
    """Each is written to so many times and no more; what is held names both rules."""
    wrote = quarrel(world, 4 * MANY)
    assert max(wrote.values()) == MANY
    assert held(world) in ([("flap", "dev", "flap")], [("flap", "dog", "flap")])
    (found,) = orders.groups(world.app)
    assert "dev (title) and dog (title)" in found.reason
    assert quarrel(world, 5) == {"dev": 0, "dog": 0}


def test_the_other_fields_of_a_record_that_flaps_flow(world: World) -> None:
    """Only the title waits: a severity goes to and fro as before, and no time releases it."""
    quarrel(world, 4 * MANY)
    dev, dog = world.memories["dev"], world.memories["dog"]
    dev.edit(only(dev), severity="sev-0")
    world.clock.at += 2 * WINDOW
    cycle(world)
    assert world.common("dog", only(dog))["severity"] == "critical"
    dog.edit(only(dog), severity="SEV-2")
    assert cycle(world).held == 1
    assert world.common("dev", only(dev))["severity"] == "high"
    assert title(world, "dev") != title(world, "dog")


def test_a_person_lets_one_write_through(world: World) -> None:
    """An approved title is written once; the very next rewrite waits again."""
    quarrel(world, 4 * MANY)
    (found,) = orders.groups(world.app)
    orders.approve(world.app, found.name)
    assert cycle(world).writes == 1
    assert title(world, "dev") == title(world, "dog")
    wrote = quarrel(world, 3)
    assert sum(wrote.values()) == 0
    assert len(held(world)) == 1


def test_a_person_leaves_the_two_apart(world: World) -> None:
    """Where a person drops it, each system keeps its own, until somebody edits."""
    quarrel(world, 4 * MANY)
    (found,) = orders.groups(world.app)
    assert orders.drop(world.app, found.name) == 1
    report = cycle(world)
    assert (report.exit_code, report.writes) == (0, 0)
    assert title(world, "dev") != title(world, "dog")


def test_an_edit_in_the_system_that_waits_settles_it(world: World) -> None:
    """When a person brings the one that waits to what the other says, nothing is held any more."""
    quarrel(world, 4 * MANY)
    (found,) = orders.groups(world.app)
    other = "dog" if found.system == "dev" else "dev"
    waiting = world.memories[found.system]
    waiting.edit(only(waiting), title=str(title(world, other)))
    report = cycle(world)
    assert (report.exit_code, report.writes, held(world)) == (0, 0, [])


def test_a_person_who_edits_often_flaps_with_nobody(world: World) -> None:
    """Many edits on one side are many writes to the other: none of them waits."""
    dev, dog = world.memories["dev"], world.memories["dog"]
    for number in range(2 * MANY):
        dev.edit(only(dev), title=f"Checkout down, {number}")
        assert cycle(world).exit_code == 0
    assert title(world, "dog") == f"Checkout down, {2 * MANY - 1}"
    assert held(world) == []
    assert dog.writes == 2 * MANY + 1
