"""A ledger file of a world that has come to rest, and hands that break it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Executable,
    NullPool,
    Select,
    Table,
    TextClause,
    create_engine,
    insert,
    select,
    text,
)
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

from instep.core.unit import Unit
from instep.engine.cycle import run_cycle
from instep.ledger.verify import Finding, verify
from tests.engine.world import World


@dataclass(frozen=True)
class Sound:
    """A ledger that nobody has open: where it is, and the unit that it was settled for."""

    path: Path
    unit: Unit

    @property
    def url(self) -> str:
        """Name it as a configuration does."""
        return f"sqlite:///{self.path}"

    def found(self) -> list[Finding]:
        """Verify it."""
        return verify(self.url, self.unit, lambda: 0.0)

    def checks(self) -> list[tuple[str, int | None]]:
        """Verify it; answers which checks found something, and of which incident."""
        return [(found.check, found.incident) for found in self.found()]

    def change(self, *statements: Executable) -> None:
        """Change it by hand; nothing that is referred to need exist."""
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(statement)

    def ask(self, query: Select[Any] | TextClause) -> list[tuple[Any, ...]]:
        """Ask it something."""
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def without(self, table: Table, constraint: str) -> None:
        """Take a constraint out of a table whose rows stay."""
        rows, made = self.ask(select(table)), str(CreateTable(table))
        assert constraint in made
        self.change(
            DropTable(table),
            text(re.sub(rf",\s*{re.escape(constraint)}", "", made)),
            *(CreateIndex(index) for index in table.indexes),
            *(insert(table).values(row) for row in rows),
        )

    def damage(self, index: str, word: bytes, other: bytes) -> None:
        """Write another word into an index, behind the back of SQLite."""
        query = text("SELECT rootpage FROM sqlite_schema WHERE name = :name")
        ((root,),) = self.ask(query.bindparams(name=index))
        ((size,),) = self.ask(text("PRAGMA page_size"))
        whole = bytearray(self.path.read_bytes())
        page = slice((root - 1) * size, root * size)
        assert word in whole[page]
        whole[page] = bytes(whole[page]).replace(word, other)
        self.path.write_bytes(whole)


def rested(world: World) -> None:
    """Run cycles until nothing is left to do."""
    for _ in range(8):
        world.clock.at += 400
        report = asyncio.run(run_cycle(world.app))
        if report.writes == 0 and report.due == 0:
            return
    raise AssertionError(report.data())


def filled(path: Path) -> World:
    """Make a world with three incidents, one of each system, in step; its ledger is a file."""
    world = World(url=f"sqlite:///{path}")
    world.memories["dev"].add(title="Checkout slow", severity="sev-1", parts=("Checkout",))
    world.memories["dog"].add(title="Search down", severity="SEV-5", state="active")
    world.memories["page"].add(name="Mail late", start_date="2026-01-01T11:00")
    rested(world)
    return world


def sound(folder: Path) -> Sound:
    """Make such a ledger, and let go of it."""
    world = filled(folder / "instep.db")
    world.ledger.close()
    return Sound(folder / "instep.db", world.unit)


def others(one: Sound, *names: str) -> Sound:
    """Give the same ledger under a configuration that has only some of the systems."""
    members = {name: member for name, member in one.unit.members.items() if name in names}
    return replace(one, unit=replace(one.unit, members=members))
