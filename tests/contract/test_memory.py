"""The contract, kept by the system in memory that other tests are built on."""

# ruff: noqa: RUF012 - the suite has declared them as class variables

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

import pytest_asyncio

from instep.core.abilities import Abilities
from instep.systems.memory import Memory
from tests.contract.extras import CensusSuite, CommentsSuite, LinksSuite
from tests.contract.suite import INCIDENTS, Bench, SystemSuite


class MemoryWorld:
    """The faults and the log of a memory, asked for in the words of the doubles' world."""

    def __init__(self, memory: Memory) -> None:
        """Stand beside ``memory``."""
        self._memory = memory

    @property
    def writes(self) -> int:
        """Answer how many requests wrote."""
        return self._memory.writes

    def count(self, match: str) -> int:
        """Answer how many requests there were; a memory does not tell them apart."""
        return self._memory.requests if match else 0

    def fault(self, match: str, kind: str) -> None:
        """Lose the reply of the next write: the one thing that goes wrong here."""
        self._memory.faults.lose_reply = (match, kind) == ("write", "drop-after")


class MemoryDouble:
    """The hands of a person at a memory."""

    def __init__(self, memory: Memory) -> None:
        """Stand beside ``memory``."""
        self.add = memory.add
        self.edit = memory.edit
        self.delete = memory.remove
        self._memory = memory

    def ids(self) -> list[str]:
        """Answer the ids held, oldest first."""
        return list(self._memory.records)


class TestMemory(SystemSuite):
    """A memory that lists everything."""

    paths = ("title", "severity", "owners")
    words = {"title": "Checkout down", "severity": "high", "owners": ("ana@example.com",)}
    change = {"title": "Checkout latency", "severity": None}
    edit = {"title": "Renamed by a person"}
    edited = ("title", "Renamed by a person")
    offered = {"severity": "high"}
    listed = ("severity",)
    absent = "body"
    unknown = "memory-99999"
    creating = "write"
    updating = "write"
    listing = "list"
    abilities: ClassVar[Mapping[str, Any]] = {}

    @pytest_asyncio.fixture(loop_scope="class")
    async def bench(self) -> AsyncIterator[Bench]:
        """Put a memory on the bench; its clock ticks with each look."""
        ticks = itertools.count(1_770_000_000.0)
        able = Abilities(**self.abilities)
        choices = {"severity": ("high", "low")}
        system = Memory("memory", lambda: next(ticks), self.paths, able, choices=choices)
        for number in range(INCIDENTS):
            system.add(title=f"Incident {number}", severity=("high", "low")[number % 2])
        yield Bench(system, MemoryDouble(system), MemoryWorld(system), lambda: None)
        await system.close()


class TestMemoryByTime(TestMemory):
    """A memory that lists what changed."""

    abilities = {"filters_by_time": True}


class TestMemoryAble(CensusSuite, CommentsSuite, LinksSuite, TestMemory):
    """A memory that counts, and takes comments and links."""

    abilities = {"census": "severity", "comments": True, "links": True}

    async def links(self, bench: Bench, record_id: str) -> Mapping[str, str]:
        """Read the links that are kept."""
        assert isinstance(bench.system, Memory)
        return bench.system.links[record_id]
