"""Copies of ledgers, all of them as text, and new ones in their place."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, text

from instep.errors import LedgerError, UsageError
from instep.ledger import care, sqlite
from instep.ledger.database import open_ledger
from instep.ledger.tables import external_references, incidents, metadata, runs, sides
from tests.ledger.sound import Sound, filled, rested, sound

#: What SQLite calls ``synchronous=FULL``.
FULL = 2


@pytest.fixture
def one(tmp_path: Path) -> Sound:
    """Give a sound ledger of three incidents."""
    return sound(tmp_path)


def names(folder: Path) -> list[str]:
    """Name what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_backup_is_a_ledger_at_once(tmp_path: Path) -> None:
    """The copy of an open ledger holds every row, is sound, and work goes on with it as it is."""
    world = filled(tmp_path / "instep.db")
    rows = care.backup(world.url, tmp_path / "copy.db")
    assert (rows["incidents"], rows["external_references"]) == (3, 9)
    assert set(rows) == {*metadata.tables, "alembic_version"}
    world.ledger.close()
    copy = Sound(tmp_path / "copy.db", world.unit)
    assert copy.found() == []
    world.ledger = open_ledger(copy.url, world.clock)
    world.app = world.make_app()
    before = world.writes()
    rested(world)
    assert world.writes() == before
    world.ledger.close()


def test_an_old_copy_that_is_put_back_catches_up(tmp_path: Path) -> None:
    """What was made and settled since is joined and taken over; not a thing is written anew."""
    world = filled(tmp_path / "instep.db")
    care.backup(world.url, tmp_path / "old.db")
    (first, *_) = world.memories["dev"].records
    world.memories["dev"].edit(first, title="Renamed since", severity="sev-3")
    world.memories["page"].add(name="Opened since", start_date="2026-01-02T11:00")
    rested(world)
    wrote = world.writes()
    world.ledger.close()
    (tmp_path / "old.db").rename(tmp_path / "instep.db")
    world.ledger = open_ledger(world.url, world.clock)
    world.app = world.make_app()
    rested(world)
    assert world.writes() == wrote
    with world.ledger.begin() as db:
        assert db.scalar(select(func.count()).select_from(incidents)) == 4
        assert db.scalar(select(func.count()).select_from(external_references)) == 12
        titles = [base["title"]["value"] for base in db.scalars(select(incidents.c.base))]
    assert {"Renamed since", "Opened since"} <= set(titles)
    assert Sound(tmp_path / "instep.db", world.unit).found() == []
    world.ledger.close()


def test_a_backup_leaves_nothing_but_itself(one: Sound) -> None:
    """Nothing lies beside the copy, and the ledger has not changed by a byte."""
    before = one.path.read_bytes()
    care.backup(one.url, one.path.parent / "copy.db")
    assert names(one.path.parent) == ["copy.db", "instep.db"]
    assert one.path.read_bytes() == before


def test_a_backup_under_load_is_of_one_moment(tmp_path: Path) -> None:
    """While another commits all the time, copies hold whole commits only, and are sound."""
    url, wrote = f"sqlite:///{tmp_path / 'instep.db'}", list[int]()
    ledger = open_ledger(url, lambda: 0.0)
    ready, stop = threading.Event(), threading.Event()

    def load() -> None:
        while not stop.is_set():
            with ledger.begin() as db:
                # Two rows a commit, with enough in them to move pages about.
                for half in ("one", "other"):
                    report = {"half": half, "filling": "x" * 3000}
                    row = {"unit": half, "mode": "m", "state": "s", "started_at": str(len(wrote))}
                    db.execute(runs.insert().values(**row, report=report))
            wrote.append(1)
            if len(wrote) == 50:
                ready.set()

    thread = threading.Thread(target=load)
    thread.start()
    try:
        assert ready.wait(30)
        copies = [tmp_path / f"copy{number}.db" for number in range(5)]
        counted = [care.backup(url, copy)["runs"] for copy in copies]
    finally:
        stop.set()
        thread.join(30)
        ledger.close()
    assert counted == sorted(counted)
    assert counted[0] >= 100
    for copy, count in zip(copies, counted, strict=True):
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            query = "SELECT unit, count(*) FROM runs GROUP BY unit ORDER BY unit"
            assert connection.execute(query).fetchall() == [
                ("one", count // 2),
                ("other", count // 2),
            ]


def test_a_backup_never_writes_over_anything(one: Sound) -> None:
    """A file, a folder, a dangling link and the ledger itself are all left as they are."""
    folder = one.path.parent
    (folder / "mine.txt").write_text("mine")
    (folder / "place").mkdir()
    (folder / "link").symlink_to(folder / "nowhere")
    for taken in ("mine.txt", "place", "link", "instep.db"):
        with pytest.raises(UsageError, match="there already"):
            care.backup(one.url, folder / taken)
    assert (folder / "mine.txt").read_text() == "mine"
    assert names(folder) == ["instep.db", "link", "mine.txt", "place"]


def test_a_name_that_was_taken_meanwhile_is_left(
    one: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came to be under the name while the copy was made is not written over."""
    to, real = one.path.parent / "copy.db", sqlite.online_backup

    def meanwhile(path: Path, copy: Path) -> dict[str, int]:
        rows = real(path, copy)
        to.write_text("mine")
        return rows

    monkeypatch.setattr(sqlite, "online_backup", meanwhile)
    with pytest.raises(UsageError, match="there already"):
        care.backup(one.url, to)
    assert to.read_text() == "mine"
    assert names(one.path.parent) == ["copy.db", "instep.db"]


def test_a_backup_needs_its_folder(one: Sound) -> None:
    """A folder that does not exist is not made."""
    with pytest.raises(UsageError, match="cannot write beside"):
        care.backup(one.url, one.path.parent / "nowhere" / "copy.db")


def test_a_backup_of_what_is_no_ledger_is_refused(one: Sound) -> None:
    """A corrupt file is not copied, and nothing is left under the name or beside it."""
    one.path.write_bytes(b"not a database" * 500)
    with pytest.raises(LedgerError, match="cannot be copied"):
        care.backup(one.url, one.path.parent / "copy.db")
    one.path.unlink()
    with pytest.raises(LedgerError, match="there is no ledger"):
        care.backup(one.url, one.path.parent / "copy.db")
    assert names(one.path.parent) == []


def test_a_damaged_index_is_not_kept_as_a_backup(one: Sound) -> None:
    """A copy that SQLite's own check finds fault with does not get the name of a backup."""
    one.damage("incidents_origin", b"page", b"pagf")
    with pytest.raises(LedgerError, match=r"not sound.*incidents_origin"):
        care.backup(one.url, one.path.parent / "copy.db")
    assert names(one.path.parent) == ["instep.db"]


def test_a_disk_without_room_for_a_backup_is_said(
    one: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that could not be brought to the disk is not kept."""

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LedgerError, match="No space left"):
        care.backup(one.url, one.path.parent / "copy.db")
    assert names(one.path.parent) == ["instep.db"]


def exported(url: str) -> list[dict[str, Any]]:
    """Export a ledger, and read every line."""
    ledger = open_ledger(url, lambda: 0.0)
    try:
        return [json.loads(line) for line in care.export(ledger)]
    finally:
        ledger.close()


def test_an_export_holds_every_row_and_every_column(one: Sound) -> None:
    """What is in the tables is in the lines: documents as JSON, the schema's revision first."""
    lines = exported(one.url)
    assert lines[0]["table"] == "alembic_version"
    for table in metadata.sorted_tables:
        ((count,),) = one.ask(select(func.count()).select_from(table))
        rows = [line["row"] for line in lines if line["table"] == table.name]
        assert len(rows) == count
        assert all(set(row) == set(table.columns.keys()) for row in rows)
    (title,) = {
        line["row"]["base"]["title"]["value"]
        for line in lines
        if line["table"] == "incidents" and line["row"]["id"] == 1
    }
    assert title == "Checkout slow"


def test_an_export_comes_in_the_same_order_every_time(one: Sound) -> None:
    """The order is by what is referred to, then by key, however the rows came to lie."""
    before = exported(one.url)
    rows = one.ask(select(sides).order_by(sides.c.system.desc()))
    one.change(delete(sides), *(insert(sides).values(row) for row in rows))
    assert exported(one.url) == before
    tables = list(dict.fromkeys(line["table"] for line in before))
    assert tables.index("incidents") < tables.index("sides")


def test_a_new_ledger_takes_the_place_of_the_old(one: Sound) -> None:
    """The old one is kept under a name of its own, and opens as what it was."""
    new = one.path.with_name("instep.db.rebuilt")
    open_ledger(f"sqlite:///{new}", lambda: 0.0).close()
    aside = care.swap(one.url, new, 0.0)
    assert aside == one.path.with_name("instep.db.before-rebuild-19700101T000000.000000Z")
    assert names(one.path.parent) == ["instep.db", aside.name]
    assert one.ask(select(func.count()).select_from(incidents)) == [(0,)]
    assert Sound(aside, one.unit).found() == []


def test_a_log_is_never_left_for_another_file(one: Sound) -> None:
    """The write-ahead log of a corrupt ledger goes where its file goes."""
    one.path.write_bytes(b"not a database" * 500)
    log = one.path.with_name("instep.db-wal")
    log.write_bytes(b"its log")
    new = one.path.with_name("instep.db.rebuilt")
    open_ledger(f"sqlite:///{new}", lambda: 0.0).close()
    aside = care.swap(one.url, new, 0.0)
    assert aside is not None
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == b"its log"
    assert not log.exists()


def test_a_swap_that_fails_is_an_error(one: Sound) -> None:
    """Files that cannot be moved are said, with where the new one is."""
    with pytest.raises(LedgerError, match="could not be put in place") as caught:
        care.swap(one.url, one.path.with_name("nowhere.rebuilt"), 0.0)
    assert "nowhere.rebuilt" in caught.value.advice


@pytest.mark.parametrize("url", ["sqlite://", "postgresql+psycopg://me:s3cret@localhost/x"])
def test_only_files_are_cared_for(url: str, tmp_path: Path) -> None:
    """Another database is referred to its own tools; its password is not shown."""
    with pytest.raises(UsageError, match="not a file") as caught:
        care.backup(url, tmp_path / "copy.db")
    assert "pg_dump" in caught.value.advice
    assert "s3cret" not in caught.value.told


def test_a_commit_survives_a_loss_of_power(one: Sound) -> None:
    """SQLite writes ahead to a log, and waits at each commit until that is on the disk."""
    ledger = open_ledger(one.url, lambda: 0.0)
    with ledger.begin() as db:
        assert db.scalar(text("PRAGMA journal_mode")) == "wal"
        assert db.scalar(text("PRAGMA synchronous")) == FULL
    ledger.close()
