"""Opening a ledger: its engine, its tickets, and the copy that a plan works on.

Everything that only one database understands stands in ``sqlite.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from instep.errors import LedgerError
from instep.ledger import sqlite
from instep.ledger.migrations import current, upgrade
from instep.ledger.tables import counters, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

MEMORY = "sqlite://"


class Ledger:
    """One open ledger.

    Its methods, and the functions of this package that take it, are synchronous and short: they
    are called in one worker thread. ``now`` gives seconds since the epoch.
    """

    def __init__(self, engine: Engine, now: Callable[[], float]) -> None:
        """Wrap an engine whose schema is up to date."""
        self.engine = engine
        self.now = now

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction; it is committed at the end, or rolled back by an exception.

        Raises:
            LedgerError: the database could not do what it was asked; nothing of it was kept.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise LedgerError(
                f"the ledger refused: {error.orig}",
                advice="check the disk and the file's permissions; nothing was half-written",
            ) from error

    def ticket(self, connection: Connection) -> int:
        """Give the ticket of now: what is asked from here on is newer than all that was written.

        Tickets are microseconds since the epoch that never run backwards, so that a listing's
        lag can be taken off.
        """
        last = connection.execute(_LAST).scalar() or 0
        return max(last, int(self.now() * 1_000_000))

    def tick(self, connection: Connection) -> int:
        """Give a ticket that is newer than every observation asked for before."""
        last = connection.execute(_LAST).scalar()
        new = max((last or 0) + 1, int(self.now() * 1_000_000))
        if last is None:
            connection.execute(insert(counters).values(name="ticket", value=new))
        else:
            connection.execute(
                update(counters).where(counters.c.name == "ticket").values(value=new)
            )
        return new

    def close(self) -> None:
        """Give back the connection."""
        self.engine.dispose()


_LAST = select(counters.c.value).where(counters.c.name == "ticket")


def open_ledger(url: str, now: Callable[[], float]) -> Ledger:
    """Open the ledger at a database URL, making or upgrading it where needed.

    Raises:
        LedgerError: it is corrupt, of a newer instep, or cannot be reached; it is left untouched.
    """
    return _opened(url, now, metadata.create_all if url == MEMORY else upgrade)


def beside(url: str, now: Callable[[], float]) -> Ledger:
    """Open a ledger to which another instep may be writing; nothing is made or upgraded.

    Raises:
        LedgerError: there is none, it is of another version, or it cannot be reached.
    """
    return _opened(url, now, current)


def _opened(url: str, now: Callable[[], float], ready: Callable[[Engine], None]) -> Ledger:
    """Open a ledger once its schema is ``ready``."""
    engine = _engine(url)
    try:
        ready(engine)
    except DBAPIError as error:
        engine.dispose()
        raise _unusable(url, error) from error
    except LedgerError:
        engine.dispose()
        raise
    return Ledger(engine, now)


def copied(url: str, now: Callable[[], float]) -> Ledger:
    """Copy the ledger at ``url`` into memory, leaving it as it is; empty if there is none yet.

    Raises:
        LedgerError: it is there and cannot be read.
    """
    if make_url(url).get_backend_name() != "sqlite":
        raise LedgerError("a plan needs a SQLite ledger so far", advice="use sqlite:///FILE")
    memory = _engine(MEMORY)
    try:
        if sqlite.copy_into(url, memory):
            upgrade(memory)
        else:
            metadata.create_all(memory)
    except DBAPIError as error:
        raise _unusable(url, error) from error
    return Ledger(memory, now)


def _engine(url: str) -> Engine:
    """Make an engine for a database URL."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return sqlite.engine(parsed)
        return create_engine(parsed)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise LedgerError(
            f"cannot open the ledger: {error}", advice="use sqlite:///FILE or postgresql+psycopg://"
        ) from error


def _unusable(url: str, error: DBAPIError) -> LedgerError:
    """Say that the database cannot be used, without its password."""
    place = make_url(url).render_as_string(hide_password=True)
    return LedgerError(
        f"the ledger {place} cannot be used: {error.orig}",
        advice="restore a backup (FILE.backup-*), or move the file away to begin a new ledger",
    )
