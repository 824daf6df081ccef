"""Care of a ledger that is a file: a copy to keep, all of it as text, another in its place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select, text

from instep.errors import LedgerError, UsageError
from instep.ledger import sqlite
from instep.ledger.tables import metadata

if TYPE_CHECKING:
    from instep.ledger.database import Ledger

#: What the new ledger is called until it takes the old one's place.
REBUILT = ".rebuilt"
REVISION = "SELECT version_num FROM alembic_version"


def file_of(url: str, *, there: bool = True) -> Path:
    """Give the file of a ledger.

    Raises:
        UsageError: it is not a file of SQLite.
        LedgerError: it is to be ``there`` and is not, or it is a folder.
    """
    path = sqlite.path_of(url)
    if path is None:
        raise UsageError(
            "this ledger is not a file of SQLite",
            advice="care for it with its database's own tools (PostgreSQL: pg_dump, pg_restore)",
        )
    if there and not path.exists():
        raise LedgerError(
            f"there is no ledger at {path}",
            advice="put a backup there, or rebuild it: instep ledger rebuild",
        )
    if path.is_dir():
        raise LedgerError(f"the ledger {path} is a folder", advice="name a file in it")
    return path


def backup(url: str, to: Path) -> dict[str, int]:
    """Copy a ledger to a file that is not there yet; answers the number of rows by table.

    A daemon may go on writing. The file appears under its name only when it is whole.

    Raises:
        UsageError: something is there already, or there is no such folder.
        LedgerError: the ledger cannot be read, or the copy cannot be written.
    """
    path = file_of(url)
    _vacant(to)
    try:
        handle, name = tempfile.mkstemp(prefix=f"{to.name}.", suffix=".part", dir=to.parent)
    except OSError as error:
        raise UsageError(f"cannot write beside {to}: {error.strerror}") from error
    part = Path(name)
    try:
        os.close(handle)
        shutil.copymode(path, part)
        rows = sqlite.online_backup(path, part)
        _vacant(to)
        part.rename(to)
        sqlite.keep(to)
    except OSError as error:
        raise LedgerError(
            f"the backup could not be written: {error.strerror}", advice="the ledger is as it was"
        ) from error
    finally:
        for end in ("", "-wal", "-shm", "-journal"):
            part.with_name(part.name + end).unlink(missing_ok=True)
    return rows


def _vacant(to: Path) -> None:
    """Make sure that nothing would be written over."""
    if to.exists() or to.is_symlink():
        raise UsageError(f"{to} is there already", advice="name another; nothing is overwritten")


def export(ledger: Ledger) -> Generator[str, None, None]:
    """Give every row of a ledger as a line of JSON: its table, and its columns by name.

    Tables and rows come in the same order every time, what is referred to first.
    """
    with ledger.begin() as db:
        yield _line("alembic_version", {"version_num": db.scalar(text(REVISION))})
        for table in metadata.sorted_tables:
            for row in db.execute(select(table).order_by(*table.primary_key.columns)).mappings():
                yield _line(table.name, {str(name): value for name, value in row.items()})


def _line(table: str, row: dict[str, Any]) -> str:
    """Spell one row."""
    return orjson.dumps({"table": table, "row": row}, option=orjson.OPT_SORT_KEYS).decode()


def swap(url: str, new: Path, now: float) -> Path | None:
    """Put a new ledger in the place of the old one; answers where that is kept, if there was one.

    To be called with the lock. ``now`` is in seconds since the epoch.

    Raises:
        LedgerError: the files could not be moved.
    """
    path = file_of(url, there=False)
    at = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    try:
        return sqlite.put_in_place(new, path, path.with_name(f"{path.name}.before-rebuild-{at}"))
    except OSError as error:
        raise LedgerError(
            f"the new ledger could not be put in place: {error.strerror}",
            advice=f"it is {new}; the old one lies beside it",
        ) from error
