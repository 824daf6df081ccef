"""The ledger's schema over time, by Alembic; run whenever a ledger is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from instep.errors import LedgerError
from instep.ledger import sqlite

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection, Engine

#: The newest revision in ``versions``; a test keeps the two together.
HEAD = "0003"


def upgrade(engine: Engine) -> None:
    """Bring a ledger's schema to HEAD, keeping a copy of the file before it is changed.

    Raises:
        LedgerError: the ledger was written by a newer instep, or is not a ledger; untouched.
    """
    with engine.connect() as connection:
        current = _revision(connection)
    if current == HEAD:
        return
    if current is not None and current > HEAD:
        raise LedgerError(
            f"the ledger was written by a newer instep (schema {current}, this one knows {HEAD})",
            advice="install that version again, or restore the backup made before its upgrade",
        )
    if current is not None:
        sqlite.backup(engine.url, current)
    # Imported late: it takes longer than all the rest of a start.
    from alembic import command  # noqa: PLC0415

    with engine.connect() as connection:
        command.upgrade(_config(connection), "head")


def current(engine: Engine) -> None:
    """See that a ledger is there and of this version.

    Raises:
        LedgerError: it is not.
    """
    path = sqlite.path_of(engine.url.render_as_string(hide_password=False))
    if path is not None and not path.exists():
        raise LedgerError(f"there is no ledger {path} yet", advice="instep once makes it")
    with engine.connect() as connection:
        if _revision(connection) != HEAD:
            raise LedgerError(
                "the ledger is of another version of instep", advice="instep once upgrades it"
            )


def _revision(connection: Connection) -> str | None:
    """Give the schema's revision; ``None`` for an empty database."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)
    if tables:
        raise LedgerError(
            "the database holds tables that are not instep's",
            advice="give the ledger a database of its own",
        )
    return None


def _config(connection: Connection) -> Config:
    """Tell Alembic where the revisions are and which connection to use."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
