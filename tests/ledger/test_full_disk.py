"""A ledger that cannot be written: a full disk, a file or a folder that is read only."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import func, select, text

from instep.engine.cycle import run_cycle
from instep.errors import LedgerError
from instep.ledger.database import copied, open_ledger
from instep.ledger.sqlite import PRAGMAS, Lock
from instep.ledger.tables import external_references, intents
from tests.engine.world import World
from tests.ledger.sound import Sound, filled, rested, sound

#: Much more than any ledger of these tests needs.
ROOM = 1_000_000


def modes_matter() -> bool:
    """Whether a mode keeps us from writing; it does not keep root."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).chmod(0o444)
        return not os.access(file.name, os.W_OK)


needs_modes = pytest.mark.skipif(not modes_matter(), reason="root may write whatever the mode says")


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    """Log nothing: many cycles would."""
    structlog.configure(processors=[_drop])
    yield
    structlog.reset_defaults()


def _drop(*_: object) -> Any:
    """Drop a log line."""
    raise structlog.DropEvent


def room(world: World, spare: int | None) -> None:
    """Leave so many pages free for the ledger; ``None`` is as many as it likes."""
    with world.ledger.engine.connect() as db:
        pages = db.execute(text("PRAGMA page_count")).scalar_one()
        limit = ROOM if spare is None else pages + spare
        db.execute(text(f"PRAGMA max_page_count={limit}"))


def busy(world: World) -> None:
    """Let people do much: two new incidents in each system, and an edit of a third."""
    long = "What is known so far. " * 60
    for number in range(2):
        world.memories["dev"].add(title=f"New in dev {number}", body=long)
        world.memories["dog"].add(title=f"New in dog {number}", summary=long)
        world.memories["page"].add(
            name=f"New on page {number}", start_date="2026-01-01T11:00", description=long
        )
    (first, *_) = world.memories["dev"].records
    world.memories["dev"].edit(first, title="Renamed on a full disk")


@dataclass(frozen=True)
class Stopped:
    """How a cycle ended: by which error, if any, and how many records were not yet known of."""

    error: LedgerError | None
    unknown: int


def stopped(world: World) -> Stopped:
    """Run a cycle until it ends, or the ledger refuses."""
    world.clock.at += 400
    try:
        asyncio.run(run_cycle(world.app))
    except LedgerError as refused:
        error: LedgerError | None = refused
    else:
        error = None
    with world.ledger.begin() as db:
        linked = db.scalar(select(func.count()).select_from(external_references))
    held = sum(len(memory.records) for memory in world.memories.values())
    return Stopped(error, held - (linked or 0))


def in_step(world: World) -> None:
    """Check that all is in step and nothing doubled: nine incidents, each once in each system."""
    for memory in world.memories.values():
        assert len(memory.records) == 9
        marks = [held.mark.uid for held in memory.records.values() if held.mark]
        assert len(set(marks)) == len(marks)
    for system, path in (("dev", "title"), ("dog", "title"), ("page", "name")):
        titles = [held.words.get(path) for held in world.memories[system].records.values()]
        assert len(set(titles)) == 9
        assert "Renamed on a full disk" in titles
    with world.ledger.begin() as db:
        assert db.scalar(select(func.count()).select_from(external_references)) == 27
        assert db.scalar(select(func.count()).select_from(intents)) == 0


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Wherever the room ends, the cycle stops, the ledger is sound, and later all is in step.

    Somewhere on the way writes had been sent that the ledger could not take in any more: they
    are found by their marks.
    """
    ends: list[Stopped] = []
    while not ends or ends[-1].error:
        spare = len(ends)
        world = filled(tmp_path / f"{spare}.db")
        busy(world)
        room(world, spare)
        ends.append(stopped(world))
        room(world, None)
        assert Sound(tmp_path / f"{spare}.db", world.unit).found() == []
        world.app = world.make_app()
        rested(world)
        in_step(world)
        assert Sound(tmp_path / f"{spare}.db", world.unit).found() == []
        world.ledger.close()
    errors = [end.error for end in ends if end.error]
    assert len(errors) > 5
    assert all("full" in error.message and error.advice for error in errors)
    assert any(end.error and end.unknown > 0 for end in ends)


def test_a_ledger_that_does_not_fit_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no room for its tables none is left behind, and later it is made whole."""
    url = f"sqlite:///{tmp_path / 'instep.db'}"
    with monkeypatch.context() as patch:
        patch.setattr("instep.ledger.sqlite.PRAGMAS", (*PRAGMAS, "max_page_count=5"))
        with pytest.raises(LedgerError, match="full"):
            open_ledger(url, lambda: 0.0)
    open_ledger(url, lambda: 0.0).close()
    assert Sound(tmp_path / "instep.db", World().unit).found() == []


@pytest.fixture
def one(tmp_path: Path) -> Sound:
    """Give a sound ledger of three incidents."""
    return sound(tmp_path)


def test_a_file_that_is_read_only_stops_the_first_cycle(one: Sound) -> None:
    """It is said so, nothing is written anywhere, and the file has not changed by a byte."""
    before = one.path.read_bytes()
    world = World()
    world.ledger.close()
    world.ledger = open_ledger(f"sqlite:///file:{one.path}?mode=ro&uri=true", world.clock)
    world.app = world.make_app()
    with pytest.raises(LedgerError, match="readonly") as caught:
        asyncio.run(run_cycle(world.app))
    assert "permissions" in caught.value.advice
    assert world.writes() == 0
    world.ledger.close()
    assert one.path.read_bytes() == before


def test_a_folder_in_the_place_of_the_file_is_said(tmp_path: Path) -> None:
    """What cannot be opened as a file is an error with advice, and is left alone."""
    (tmp_path / "instep.db").mkdir()
    with pytest.raises(LedgerError, match="cannot be used") as caught:
        open_ledger(f"sqlite:///{tmp_path / 'instep.db'}", lambda: 0.0)
    assert caught.value.advice
    assert list((tmp_path / "instep.db").iterdir()) == []


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Take the right to write away for a while."""
    mode = path.stat().st_mode
    path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        path.chmod(mode)


@needs_modes
def test_a_folder_that_is_read_only_is_said_before_anything(one: Sound) -> None:
    """The lock cannot be taken, so that nothing is heard or written; reading goes on."""
    before = one.path.read_bytes()
    with read_only(one.path.parent):
        with pytest.raises(LedgerError, match="beside the ledger"), Lock(one.url):
            pass
        copied(one.url, lambda: 0.0).close()
        assert one.found() == []
    assert one.path.read_bytes() == before


@needs_modes
def test_a_file_whose_mode_is_read_only_is_said(one: Sound) -> None:
    """Opened by one who may not write to it, it stops the first cycle."""
    world = World()
    world.ledger.close()
    with read_only(one.path):
        world.ledger = open_ledger(one.url, world.clock)
        world.app = world.make_app()
        with pytest.raises(LedgerError, match="readonly"):
            asyncio.run(run_cycle(world.app))
        assert world.writes() == 0
        world.ledger.close()
    assert one.found() == []
