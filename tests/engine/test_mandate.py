"""Mandate: only what a person said may be done is done, and what was left is as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from instep.core.model import Incident
from instep.core.operation import Operation, Plan
from instep.core.unit import Limits, OnGone
from instep.engine.cycle import run_cycle
from instep.engine.judge import Mandate
from instep.engine.report import Report
from instep.errors import WorldMoved
from instep.ledger import tables
from tests.engine.steps import PLENTY, configure, cycle, held, limit, only, rows, titles
from tests.engine.world import World


def meant(
    world: World, which: Callable[[Operation], bool], seconds: float = 60.0
) -> tuple[Report, Plan]:
    """Run a cycle in which a person lets through what ``which`` says; answers the plan, too."""
    shown: list[Plan] = []

    async def word(plan: Plan, known: Mapping[int, Incident], report: Report) -> Mandate:
        assert report.writes == 0
        shown.append(plan)
        chosen = [*plan.operations, *(h.operation for h in plan.held)]
        return Mandate(op.identity(known[op.incident]) for op in chosen if which(op))

    world.clock.at += seconds
    return asyncio.run(run_cycle(world.app, word=word)), shown[0]


@pytest.fixture
def world() -> World:
    """Make a world in step, with an edit in ``dev`` that two systems are to be told."""
    made = World(limits=PLENTY)
    made.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    cycle(made)
    made.memories["dev"].edit("dev-1", title="Checkout down")
    return made


def test_only_what_is_meant_is_sent(world: World) -> None:
    """Of two writes that were shown, the one that a person means is sent; the other is due."""
    report, plan = meant(world, lambda op: op.system == "dog")
    assert sorted(op.system for op in plan.operations) == ["dog", "page"]
    assert (report.writes, report.due) == (1, 1)
    assert titles(world)["dog"] == ["Checkout down"]
    assert titles(world)["page"] == ["Checkout slow"]
    assert cycle(world).exit_code == 0
    assert titles(world)["page"] == ["Checkout down"]


def test_what_is_meant_passes_every_limit(world: World) -> None:
    """A person who means a write that is held has it sent, once, whatever the limits say."""
    limit(world, Limits(updates=0))
    cycle(world)
    assert len(held(world)) == 2
    report, plan = meant(world, lambda op: op.system == "dog")
    assert (len(plan.held), report.writes) == (2, 1)
    assert titles(world)["dog"] == ["Checkout down"]
    assert held(world) == [("limit", "page", "update")]


def test_what_is_left_keeps_its_age(world: World) -> None:
    """What is held and not meant waits on since when it waited, and nothing else is said of it."""
    limit(world, Limits(updates=0))
    cycle(world)
    before = rows(world, tables.held)
    report, _ = meant(world, lambda _: False)
    assert (report.writes, rows(world, tables.held)) == (0, before)


def test_what_is_left_keeps_its_tries(world: World) -> None:
    """A write that was refused before, and could be tried again, has not been forgotten."""
    world.memories["dog"].faults.refuse = True
    cycle(world)
    (before,) = rows(world, tables.held)
    report, plan = meant(world, lambda _: False, seconds=1000)
    assert [op.system for op in plan.operations] == ["dog"]
    assert (report.writes, rows(world, tables.held)) == (0, [before])
    assert before.tries == 1
    assert cycle(world).exit_code == 0


def test_a_create_that_was_not_shown_is_not_made(world: World) -> None:
    """What appears after a person has looked waits for the next look, though there is room."""
    dev = world.memories["dev"]

    async def word(plan: Plan, known: Mapping[int, Incident], report: Report) -> Mandate:
        identities = [op.identity(known[op.incident]) for op in plan.operations]
        dev.edit("dev-1", title="Checkout is down")
        return Mandate(identities)

    world.clock.at += 60
    report = asyncio.run(run_cycle(world.app, word=word))
    assert report.writes == 2
    assert titles(world)["dog"] == ["Checkout down"]
    assert cycle(world).exit_code == 0
    assert titles(world) == {name: ["Checkout is down"] for name in world.memories}


def test_a_no_sends_nothing(world: World) -> None:
    """A person for whom the plan is another than it was stops the run, and that is written down."""

    async def word(plan: Plan, known: Mapping[int, Incident], report: Report) -> Mandate:
        raise WorldMoved

    before = world.writes()
    with pytest.raises(WorldMoved):
        asyncio.run(run_cycle(world.app, word=word))
    assert world.writes() == before
    last = rows(world, tables.runs)[-1]
    assert (last.state, last.ended_at is not None) == ("moved", True)
    assert cycle(world).exit_code == 0


def test_deletes_are_sent_only_as_they_are_meant(world: World) -> None:
    """A person may let one of two deletes through: the other record stays until he does."""
    cycle(world)
    configure(world, "dog", on_gone=OnGone.DELETE)
    world.memories["dog"].remove("dog-1")
    meant(world, lambda op: op.system == "page")
    assert [len(memory.records) for memory in world.memories.values()] == [1, 0, 0]
    assert cycle(world).exit_code == 0
    assert [len(memory.records) for memory in world.memories.values()] == [0, 0, 0]


def test_what_completes_a_meant_create_comes_with_it() -> None:
    """A record that a person means is made; what it could not carry follows by the next cycle."""
    world = World(limits=replace(PLENTY, creates=0))
    world.memories["dev"].add(title="Mail late", severity="sev-1", stage="resolved")
    cycle(world)
    report, _ = meant(world, lambda op: op.system == "page")
    page = world.memories["page"]
    assert (report.systems["page"].counts["creates"], len(page.records)) == (1, 1)
    cycle(world)
    assert world.common("page", only(page))["status"] == "resolved"
    assert world.memories["dog"].records == {}
