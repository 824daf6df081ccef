"""Patience: a system that takes long to be heard holds nobody up, and is heard to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

import pytest

from instep.engine.cycle import listen, run_cycle
from instep.engine.report import Report
from instep.errors import Denied, Unreachable
from instep.ledger import runs
from instep.systems.base import Page
from tests.engine.steps import cycle, only
from tests.engine.world import World


@dataclass
class Slow:
    """Makes a system's listings wait until a test says so, then go on, or fail."""

    world: World
    name: str
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False
    error: Exception | None = None

    def __post_init__(self) -> None:
        """Stand in the way of the system's listings."""
        memory = self.world.memories[self.name]
        self.real = memory.changes
        memory.changes = self.changes  # type: ignore[method-assign]

    async def changes(self, since: str | None, watch: Collection[str] = ()) -> AsyncIterator[Page]:
        """List, once the test says so."""
        self.asked.set()
        try:
            await self.go.wait()
        finally:
            self.ended = True
        if self.error is not None:
            raise self.error
        async for page in self.real(since, watch):
            yield page

    async def heard(self) -> None:
        """Let the listing go on, and wait until it is heard to its end."""
        self.go.set()
        await asyncio.wait([self.world.app.hearing[self.name][0]])

    def over(self) -> None:
        """Let listings be as fast as ever from now on."""
        self.world.memories[self.name].changes = self.real  # type: ignore[method-assign]


@pytest.fixture
def world() -> World:
    """Make a world in step whose cycles wait for no system longer than for the others.

    With no patience at all a cycle waits for those that answer at once, as memories do.
    """
    made = World()
    made.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    assert cycle(made).exit_code == 0
    made.app.patience = 0.0
    return made


async def later(world: World) -> Report:
    """Run one cycle, a minute after whatever was before."""
    world.clock.at += 60
    return await run_cycle(world.app)


def titles(world: World) -> list[object]:
    """Give the titles of ``dev``, ``dog`` and ``page``."""
    return [world.common(n, only(m))["title"] for n, m in world.memories.items()]


async def test_a_slow_system_holds_nobody_up(world: World) -> None:
    """The two others are settled at once; the slow one is told in the report, and follows."""
    slow = Slow(world, "dog")
    world.memories["dev"].edit("dev-1", title="Checkout down")
    report = await later(world)
    tally = report.systems["dog"]
    assert (tally.heard, tally.why, report.exit_code) == (False, "it is still being heard", 3)
    assert (report.state, report.due) == ("partial", 1)
    assert titles(world) == ["Checkout down", "Checkout slow", "Checkout down"]
    await slow.heard()
    slow.over()
    assert (await later(world)).exit_code == 0
    assert titles(world) == ["Checkout down"] * 3


async def test_a_slow_system_is_heard_once_at_a_time(world: World) -> None:
    """While it is still being heard it is not asked again, however many cycles go by."""
    slow = Slow(world, "dog")
    await later(world)
    first = world.app.hearing["dog"]
    for _ in range(3):
        assert (await later(world)).systems["dog"].why == "it is still being heard"
    assert world.app.hearing == {"dog": first}
    await slow.heard()


async def test_what_a_slow_system_said_is_settled_later(world: World) -> None:
    """What was heard between two cycles is written by the next one."""
    slow = Slow(world, "dog")
    world.memories["dog"].edit("dog-1", title="Payments down")
    await later(world)
    assert titles(world)[0] == "Checkout slow"
    await slow.heard()
    report = await later(world)
    assert (report.exit_code, report.systems["dog"].heard) == (0, True)
    assert titles(world) == ["Payments down"] * 3
    assert world.app.hearing == {}


async def test_a_cycle_goes_on_though_every_system_is_slow(world: World) -> None:
    """Where all are still being heard there is nobody to wait for; all of it comes later."""
    slow = [Slow(world, name) for name in world.memories]
    for _ in range(2):
        report = await later(world)
        assert [tally.heard for tally in report.systems.values()] == [False] * 3
    for each in slow:
        await each.heard()
    assert (await later(world)).exit_code == 0


async def test_hush_ends_what_is_still_being_heard(world: World) -> None:
    """A program that stops leaves no request behind, and its next start hears anew."""
    slow = Slow(world, "dog")
    await later(world)
    await world.app.hush()
    assert (slow.ended, world.app.hearing) == (True, {})
    slow.over()
    assert (await later(world)).exit_code == 0


async def test_a_bug_while_a_system_is_heard_later_ends_the_next_cycle(world: World) -> None:
    """An error that nobody waited for is not lost: the next cycle ends with it."""
    slow = Slow(world, "dog", error=RuntimeError("a bug"))
    await later(world)
    await slow.heard()
    with pytest.raises(RuntimeError, match="a bug"):
        await later(world)
    assert world.app.hearing == {}
    slow.over()
    assert (await later(world)).exit_code == 0


async def test_a_cycle_that_is_stopped_stops_hearing(world: World) -> None:
    """When a cycle is cancelled while it hears, nothing is heard behind its back."""
    slow = Slow(world, "dog")
    world.app.patience = None
    running = asyncio.create_task(later(world))
    await slow.asked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (slow.ended, world.app.hearing) == (True, {})


async def test_a_failure_after_patience_is_known_in_the_ledger(world: World) -> None:
    """A system that fails while nobody waits for it is not taken for one that was heard."""
    slow = Slow(world, "dog", error=Unreachable("dog is away", system="dog"))
    await later(world)
    before = runs.cursor(world.ledger, "default", "dog")
    await slow.heard()
    known = runs.cursor(world.ledger, "default", "dog")
    assert (known.error, known.heard_at) == ("dog is away", before.heard_at)


async def test_listening_writes_to_nobody(world: World) -> None:
    """What there is gets into the ledger, and stays due for the next cycle."""
    world.memories["dev"].edit("dev-1", title="Checkout down")
    before = world.writes()
    world.clock.at += 60
    report = await listen(world.app)
    assert (report.state, report.due, world.writes()) == ("heard", 1, before)
    assert (await later(world)).exit_code == 0
    assert titles(world) == ["Checkout down"] * 3


async def test_a_failure_that_nobody_waited_for_is_told(world: World) -> None:
    """A system that fails after the cycle went on is late in the next one, with its reason."""
    slow = Slow(world, "dog", error=Unreachable("dog is away", system="dog"))
    await later(world)
    await slow.heard()
    report = await later(world)
    tally = report.systems["dog"]
    assert (tally.heard, tally.why, report.exit_code) == (False, "dog is away", 3)


async def test_a_first_run_waits_for_everybody() -> None:
    """A wrong token must show before anything is written, however long that takes to show."""
    world = World()
    world.memories["dev"].add(title="Checkout slow", severity="sev-2", stage="triage")
    world.app.patience = 0.0
    slow = Slow(world, "dog", error=Denied("wrong token", system="dog"))
    running = asyncio.create_task(later(world))
    await slow.asked.wait()
    slow.go.set()
    report = await running
    assert (report.state, report.writes) == ("refused", 0)
