"""Opening ledgers: new, old, newer, broken, copied and locked."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from sqlalchemy.engine import make_url

from instep.errors import LedgerError
from instep.ledger import migrations, sqlite
from instep.ledger.database import MEMORY, copied, open_ledger
from instep.ledger.tables import metadata, runs


def url(folder: Path) -> str:
    """Name a ledger in a folder."""
    return f"sqlite:///{folder / 'instep.db'}"


def test_the_migrations_make_exactly_the_tables(tmp_path: Path) -> None:
    """A migrated ledger has the tables and columns that the code uses, no more and no fewer."""
    ledger = open_ledger(url(tmp_path), time.time)
    with ledger.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    ledger.close()


def test_head_is_the_newest_revision() -> None:
    """The revision that a start compares with is the last of the scripts."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == migrations.HEAD


def test_a_ledger_is_opened_again_as_it_was(tmp_path: Path) -> None:
    """What was written is there after a restart."""
    first = open_ledger(url(tmp_path), time.time)
    with first.begin() as db:
        db.execute(runs.insert().values(unit="u", mode="m", state="s", started_at="t"))
    first.close()
    second = open_ledger(url(tmp_path), time.time)
    with second.begin() as db:
        assert db.execute(select(runs.c.unit)).scalars().all() == ["u"]
    second.close()


def test_a_newer_ledger_is_refused_untouched(tmp_path: Path) -> None:
    """A schema of a newer instep is left exactly as it is."""
    ledger = open_ledger(url(tmp_path), time.time)
    with ledger.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    ledger.close()
    before = (tmp_path / "instep.db").read_bytes()
    with pytest.raises(LedgerError, match="newer instep"):
        open_ledger(url(tmp_path), time.time)
    with pytest.raises(LedgerError, match="newer instep"):
        copied(url(tmp_path), time.time)
    assert (tmp_path / "instep.db").read_bytes() == before


def test_an_older_ledger_is_copied_before_its_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade keeps a copy of the file as it was."""
    ledger = open_ledger(url(tmp_path), time.time)
    with ledger.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    ledger.close()
    monkeypatch.setattr("alembic.command.upgrade", lambda *_: None)
    open_ledger(url(tmp_path), time.time).close()
    kept = sqlite.engine(make_url(f"sqlite:///{tmp_path / 'instep.db.backup-0000'}"))
    with kept.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0000"
    kept.dispose()


def test_a_corrupt_file_is_refused_untouched(tmp_path: Path) -> None:
    """What is not a database is neither read nor overwritten."""
    file = tmp_path / "instep.db"
    file.write_bytes(b"not a database at all, but long enough to look like one" * 100)
    before = file.read_bytes()
    with pytest.raises(LedgerError, match="cannot be"):
        open_ledger(url(tmp_path), time.time)
    with pytest.raises(LedgerError, match="cannot be"):
        copied(url(tmp_path), time.time)
    assert file.read_bytes() == before


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """Tables that are not ours are left alone."""
    other = sqlite.engine(make_url(url(tmp_path)))
    with other.begin() as connection:
        connection.execute(text("CREATE TABLE customers (id INTEGER)"))
    other.dispose()
    with pytest.raises(LedgerError, match="not instep's"):
        open_ledger(url(tmp_path), time.time)


@pytest.mark.parametrize(
    "bad", ["nonsense", "mysql+nodriver://host/db", "sqlite:////nowhere/at/all.db"]
)
def test_a_ledger_that_cannot_be_reached_is_an_error(bad: str) -> None:
    """A wrong URL says what to use instead; it is never a traceback."""
    with pytest.raises(LedgerError) as caught:
        open_ledger(bad, time.time)
    assert caught.value.advice


def test_a_copy_leaves_the_file_and_its_folder_as_they_are(tmp_path: Path) -> None:
    """A plan's copy changes no byte, and leaves nothing beside the ledger."""
    open_ledger(url(tmp_path), time.time).close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    copy = copied(url(tmp_path), time.time)
    with copy.begin() as db:
        db.execute(runs.insert().values(unit="u", mode="m", state="s", started_at="t"))
    copy.close()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_copy_of_no_ledger_is_empty_and_makes_none(tmp_path: Path) -> None:
    """Planning before the first run makes no file."""
    copied(url(tmp_path), time.time).close()
    assert list(tmp_path.iterdir()) == []


def test_a_copy_sees_what_a_running_daemon_wrote_last(tmp_path: Path) -> None:
    """A copy taken while another connection has the ledger open includes its last commit."""
    ledger = open_ledger(url(tmp_path), time.time)
    with ledger.begin() as db:
        db.execute(runs.insert().values(unit="u", mode="m", state="s", started_at="t"))
    copy = copied(url(tmp_path), time.time)
    with copy.begin() as db:
        assert db.execute(select(runs.c.unit)).scalars().all() == ["u"]
    copy.close()
    ledger.close()


def test_a_copy_of_another_database_is_refused() -> None:
    """What cannot be planned on says so."""
    with pytest.raises(LedgerError, match="SQLite"):
        copied("postgresql+psycopg://nobody:secret@localhost/x", time.time)


def test_tickets_never_run_backwards() -> None:
    """A clock that is set back does not make new tickets older than old ones."""
    clock = [1000.0]
    ledger = open_ledger(MEMORY, lambda: clock[0])
    with ledger.begin() as db:
        first = ledger.tick(db)
        assert ledger.ticket(db) >= first
        clock[0] = 10.0
        second = ledger.tick(db)
        assert (second > first, ledger.ticket(db) >= second) == (True, True)
    ledger.close()


def test_one_instep_at_a_time_writes_to_a_ledger(tmp_path: Path) -> None:
    """A second writer is refused, and told who the first is."""
    with sqlite.Lock(url(tmp_path)), pytest.raises(LedgerError, match="in use by pid"):
        sqlite.Lock(url(tmp_path)).__enter__()
    with sqlite.Lock(url(tmp_path)):
        pass


def test_a_ledger_in_memory_needs_no_lock() -> None:
    """Nothing is written beside a ledger that has no file."""
    with sqlite.Lock(MEMORY) as lock:
        assert lock.path is None


def test_a_folder_that_cannot_be_written_is_an_error() -> None:
    """A lock that cannot be made says where and what to do."""
    with pytest.raises(LedgerError, match="beside the ledger"):
        sqlite.Lock("sqlite:////nowhere/instep.db").__enter__()
