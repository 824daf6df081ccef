"""A plan as facts, over systems in memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from instep.cli.planned import planned
from tests.engine.steps import cycle, only
from tests.engine.world import World


def test_what_a_new_rule_reads_can_be_planned_over() -> None:
    """A date that nobody has agreed to, since the rule is new, is shown as what is written over."""
    world = World()
    world.memories["dev"].add(title="Checkout slow", identified="2026-01-01T10:00:00Z")
    cycle(world)
    dog = world.memories["dog"]
    dog.paths = [*dog.paths, "began"]
    dog.edit(only(dog), began="2026-01-03T08:00:00Z")
    member = world.unit.members["dog"]
    rules = {**member.rules, "started_at": replace(member.rules["started_at"], path="began")}
    member = replace(member, rules=rules)
    world.unit = replace(world.unit, members={**world.unit.members, "dog": member})
    world.app = world.make_app()
    world.memories["dev"].edit(only(world.memories["dev"]), identified="2026-01-04T10:00:00Z")
    found = asyncio.run(planned(world.app))
    (update,) = [op for op in found.data()["operations"] if op["system"] == "dog"]
    assert update["fields"]["started_at"] == {
        "from": "2026-01-03T08:00:00Z",
        "to": "2026-01-04T10:00:00Z",
    }
