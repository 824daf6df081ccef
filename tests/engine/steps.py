"""What directed histories are made of: one cycle, one look, one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import select

from instep.core.model import Incident
from instep.core.operation import Why
from instep.core.unit import Limits
from instep.engine import orders
from instep.engine.cycle import run_cycle
from instep.engine.report import Report
from instep.ledger import store, tables
from instep.systems.memory import Memory
from tests.engine.world import World

P = ParamSpec("P")
T = TypeVar("T")

#: Room for everything.
PLENTY = Limits(creates=10**6, updates=10**6, closes=10**6, deletes=10**6, share=10.0)


def cycle(world: World, seconds: float = 60.0) -> Report:
    """Run one cycle, some seconds after whatever was before."""
    world.clock.at += seconds
    return asyncio.run(run_cycle(world.app))


def only(memory: Memory) -> str:
    """Give the id of the only record."""
    (record_id,) = memory.records
    return record_id


def rows(world: World, table: Any) -> Sequence[Any]:
    """Give the rows of a table."""
    with world.ledger.begin() as db:
        return db.execute(select(table)).all()


def incident(world: World, number: int = 1) -> Incident:
    """Load an incident."""
    with world.ledger.begin() as db:
        return store.load(db, [number])[0]


def titles(world: World) -> dict[str, list[str]]:
    """Give the titles of each system's records, in common words."""
    return {
        name: sorted(str(world.common(name, record)["title"]) for record in memory.records)
        for name, memory in world.memories.items()
    }


def losers(world: World) -> list[tuple[Any, tuple[str, ...]]]:
    """Give the values in the attic, and who said them."""
    return [(row.value, row.origins) for row in rows(world, tables.conflicts)]


def held(world: World) -> list[tuple[str, str, str]]:
    """Give why, where and what kind of operation is held."""
    return sorted((row.why, row.system, row.kind) for row in rows(world, tables.held))


def group(world: World, system: str, why: Why = Why.LIMIT) -> str:
    """Give the name of the group that is held in a system for a reason."""
    (found,) = (g for g in orders.groups(world.app) if (g.system, g.why) == (system, why))
    return found.name


def configure(world: World, system: str, **changes: Any) -> None:
    """Change what a system is to the unit, and start the program anew."""
    changed = replace(world.unit.members[system], **changes)
    world.unit = replace(world.unit, members={**world.unit.members, system: changed})
    world.memories[system].abilities = changed.abilities
    world.app = world.make_app()


def limit(world: World, limits: Limits) -> None:
    """Change the limits, and start the program anew."""
    world.unit = replace(world.unit, limits=limits)
    world.app = world.make_app()


def in_between(
    world: World, before: Callable[..., object], act: Callable[[], object]
) -> list[Callable[[], object]]:
    """Do something once, in the very moment before the ledger is called for ``before``.

    Answers what is still to be done: empty as soon as it was.
    """
    waiting = [act]

    async def desk(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if work is before and waiting:
            waiting.pop()()
        return work(*args, **kwargs)

    world.app.desk = desk
    return waiting
