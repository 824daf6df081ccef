"""What only SQLite understands: its pragmas, copies of its file, and the lock beside it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO

from sqlalchemy import URL, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from instep.errors import LedgerError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

#: WAL lets readers (status, explain) look while a cycle writes; FULL survives loss of power.
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000")


def engine(url: URL) -> Engine:
    """Make an engine with our pragmas and transactions that begin where SQLAlchemy says so."""
    # One connection, used by one worker thread at a time.
    made = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(made, "connect", _prepare)
    event.listen(made, "begin", _begin)
    return made


def _prepare(connection: Any, _record: object) -> None:
    """Set the pragmas; the driver's own idea of transactions is switched off."""
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Begin for real, so that a transaction sees one state, and none that it cannot write over."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def path_of(url: str) -> Path | None:
    """Give the file behind a SQLite URL; ``None`` for memory and for other databases."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database)).resolve()


def copy_into(url: str, memory: Engine) -> bool:
    """Copy the file behind ``url`` into a database in memory; false if there is no such file."""
    path = path_of(url)
    if path is None or not path.exists():
        return False
    try:
        with closing(_reading(path)) as source, memory.connect() as target:
            source.backup(target.connection.driver_connection)  # type: ignore[arg-type]
    except (sqlite3.DatabaseError, DatabaseError) as error:
        raise LedgerError(
            f"the ledger {path} cannot be read: {error}",
            advice="restore a backup, or move the file away to begin a new ledger",
        ) from error
    return True


def _reading(path: Path) -> sqlite3.Connection:
    """Open a file for reading only, leaving nothing beside it.

    Without a write-ahead log nobody is writing: then the file alone is read, and no shared
    memory is made for it.
    """
    alone = not path.with_name(f"{path.name}-wal").exists()
    options = "mode=ro&immutable=1" if alone else "mode=ro"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True)


def backup(url: URL, suffix: str) -> Path | None:
    """Keep a copy of the file before an upgrade; answers where."""
    path = path_of(url.render_as_string(hide_password=False))
    if path is None or not path.exists():
        return None
    kept = path.with_name(f"{path.name}.backup-{suffix}")
    with closing(_reading(path)) as source, closing(sqlite3.connect(kept)) as target:
        source.backup(target)
    return kept


def _unwritten(error: OSError) -> LedgerError:
    """Say that the lock's file could not be written."""
    return LedgerError(
        f"cannot write beside the ledger: {error}",
        advice="check its folder's permissions, and the disk",
    )


class Lock:
    """The lock beside a ledger's file: one instep at a time writes to it.

    The operating system lets go of it when the process ends, however it ends.
    """

    def __init__(self, url: str) -> None:
        """Name the lock's file; ledgers in memory need none."""
        path = path_of(url)
        self.path = path.with_name(path.name + ".lock") if path else None
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            LedgerError: another instep has it; the message names that one.
        """
        if self.path is None:
            return self
        try:
            self._file = self.path.open("a+", encoding="utf-8")
        except OSError as error:
            raise _unwritten(error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise self._taken() from error
        try:
            self._file.truncate(0)
            self._file.write(f"pid {os.getpid()}: instep {' '.join(sys.argv[1:])}".strip())
            self._file.flush()
        except OSError as error:
            raise _unwritten(error) from error
        return self

    def _taken(self) -> LedgerError:
        """Say who has the lock."""
        holder = "another instep"
        if self._file is not None:
            with suppress(OSError):
                self._file.seek(0)
                holder = self._file.read().strip() or holder
            self._file.close()
            self._file = None
        return LedgerError(
            f"the ledger is in use by {holder}",
            advice="stop that one first, or give this one a ledger of its own",
        )

    def __exit__(self, *_: object) -> None:
        """Let go of the lock; the file stays, since removing it would race with the next."""
        if self._file is not None:
            self._file.close()
            self._file = None


def online_backup(path: Path, copy: Path) -> dict[str, int]:
    """Copy the file while others may be writing to it; answers the number of rows by table.

    The copy shows one moment, has been checked, and is on the disk when this returns.

    Raises:
        LedgerError: the file cannot be read, or the copy is not like it.
        OSError: there is no room, or no right, for the copy.
    """
    try:
        with closing(_sharing(path)) as source:
            source.execute("BEGIN")
            rows = _counted(source)
            # Within the transaction that has counted: both see the same moment.
            with closing(sqlite3.connect(copy)) as target:
                source.backup(target)
        with closing(sqlite3.connect(copy)) as target:
            wrong = [str(row[0]) for row in target.execute("PRAGMA integrity_check(1)")]
            copied = _counted(target)
    except sqlite3.Error as error:
        raise LedgerError(
            f"the ledger {path} cannot be copied: {error}",
            advice="make room for the copy; instep ledger verify says if the ledger is sound",
        ) from error
    if wrong != ["ok"] or copied != rows:
        raise LedgerError(
            f"the copy of {path} is not sound: {wrong[0]}", advice="instep ledger verify says more"
        )
    keep(copy)
    return rows


def _sharing(path: Path) -> sqlite3.Connection:
    """Open a file beside whoever writes to it; where that is forbidden, nobody does."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None)
    try:
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
    except sqlite3.OperationalError:
        connection.close()
        return _reading(path)
    return connection


def _counted(connection: sqlite3.Connection) -> dict[str, int]:
    """Count the rows of every table."""
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - its own name
        for (name,) in names.fetchall()
    }


def keep(path: Path) -> None:
    """Make a file, and its name in its folder, survive a loss of power."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def put_in_place(new: Path, path: Path, aside: Path) -> Path | None:
    """Put a new file in the place of a ledger; answers where that is kept, if there was one.

    To be called with the lock, when nobody has either open.
    """
    new.stat()
    found = path.exists()
    for file in (new, path):
        _empty_log(file)
    # The log first: beside another file it would be read as that one's.
    for end in ("-wal", "-shm", ""):
        if (old := path.with_name(path.name + end)).exists():
            old.rename(aside.with_name(aside.name + end))
    new.rename(path)
    keep(path)
    return aside if found else None


def _empty_log(path: Path) -> None:
    """Bring what a killed daemon left in the log into its file; a corrupt one is not touched."""
    with suppress(sqlite3.Error):
        with closing(_reading(path)) as connection:
            sound = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        if sound:
            with closing(_sharing(path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
