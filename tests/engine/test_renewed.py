"""Rules that change under records at rest: what is planned for that, and for nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from instep.core.operation import Plan
from instep.engine.cycle import make_plan
from instep.engine.report import Report
from instep.ledger import runs
from tests.engine.steps import configure, cycle
from tests.engine.world import World

#: High has another word than before, and the word that it had means less.
WORDS = {"sev-0": ("critical", "high"), "sev-1": ("moderate",), "sev-3": ("low", "minor")}


def reworded(world: World) -> None:
    """Give one system other words for severities."""
    rules = world.unit.members["dev"].rules
    severity = replace(rules["severity"], words=WORDS)
    configure(world, "dev", rules={**rules, "severity": severity})


def planned(world: World) -> tuple[Plan, Report]:
    """Make a plan."""
    plan, _, report = asyncio.run(make_plan(world.app))
    return plan, report


@pytest.fixture
def world() -> World:
    """Bring an incident of each of two systems in step."""
    world = World()
    dev, dog, _ = world.memories.values()
    dev.add(title="Checkout slow", severity="sev-1")
    dog.add(title="Search slow", severity="SEV-2")
    for _ in range(3):
        report = cycle(world)
    assert (report.exit_code, report.writes) == (0, 0)
    return world


def test_each_word_is_believed_or_spelled_anew(world: World) -> None:
    """Where its system began it, the others are told what it means now; else it is spelled anew."""
    dev, dog, page = world.memories.values()
    reworded(world)
    cycle(world)
    by_title = {r.words["title"]: r.words["severity"] for r in dev.records.values()}
    assert by_title == {"Checkout slow": "sev-1", "Search slow": "sev-0"}
    by_title = {r.words["title"]: r.words["severity"] for r in dog.records.values()}
    assert by_title == {"Checkout slow": "SEV-3", "Search slow": "SEV-2"}
    by_name = {r.words["name"]: r.words["severity"] for r in page.records.values()}
    assert by_name == {"Checkout slow": "moderate", "Search slow": "high"}
    assert cycle(world).writes == 0


def test_a_plan_knows_what_comes_from_the_rules_alone(world: World) -> None:
    """An incident that nobody edited is in the plan for the rules; one that somebody did is not."""
    dog = world.memories["dog"]
    edited = next(k for k, r in dog.records.items() if r.words["title"] == "Search slow")
    dog.edit(edited, title="Search is slow")
    reworded(world)
    world.clock.at += 60
    plan, report = planned(world)
    about = {op.incident: report.is_from_rules(op.incident) for op in plan.operations}
    assert sorted(about.values()) == [False, True]
    (mended,) = [n for n, is_from_rules in about.items() if not is_from_rules]
    assert any("title" in op.sent for op in plan.operations if op.incident == mended)


def test_without_a_change_nothing_comes_from_the_rules(world: World) -> None:
    """The same rules as before wake nobody, and explain no write."""
    dev = world.memories["dev"]
    dev.edit(next(iter(dev.records)), title="Edited")
    world.clock.at += 60
    plan, report = planned(world)
    assert plan.operations
    assert not any(report.is_from_rules(op.incident) for op in plan.operations)


def test_what_was_due_in_any_case_is_not_for_the_rules(world: World) -> None:
    """An incident that waited before the change is not said to wait because of it."""
    dog = world.memories["dog"]
    dog.faults.down = True
    dev = world.memories["dev"]
    dev.edit(
        next(k for k, r in dev.records.items() if r.words["title"] == "Checkout slow"),
        title="Checkout very slow",
    )
    assert cycle(world).due == 1
    dog.faults.down = False
    reworded(world)
    owed = runs.wake(world.ledger, world.unit)
    assert owed is not None
    assert len(owed) == 1


def test_rules_are_the_same_after_a_restart(world: World) -> None:
    """The rules are known across runs; a rule that is new, or went away, renews nothing."""
    assert runs.wake(world.ledger, world.unit) is None
    rules = dict(world.unit.members["page"].rules)
    left_out = rules.pop("severity")
    configure(world, "page", rules=rules)
    assert runs.wake(world.ledger, world.unit) == frozenset()
    configure(world, "page", rules={**rules, "severity": left_out})
    assert runs.wake(world.ledger, world.unit) is not None
