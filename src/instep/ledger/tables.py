"""The tables of the ledger.

Documents (what a side says, base, what was sent) are JSON text: they are read and written whole,
and an incident's row carries the version that guards them. Digests stand in a narrow table of
their own, since every sweep reads them all.
"""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData()


class Document(TypeDecorator[Any]):
    """A JSON document; lists come back as tuples, as core values have them."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write a document in a stable spelling."""
        del dialect
        if value is None:
            return None
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Read a document."""
        del dialect
        if value is None:
            return None
        loaded = orjson.loads(value)
        # Most documents hold no list, and walking them costs more than reading them.
        return frozen(loaded) if "[" in value else loaded


def frozen(value: Any) -> Any:
    """Turn the lists of a JSON value into tuples."""
    if isinstance(value, list):
        return tuple(frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    return value


def _incident() -> Column[int]:
    """Refer to an incident."""
    return Column("incident", ForeignKey("incidents.id"), nullable=False)


incidents = Table(
    "incidents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("unit", String, nullable=False),
    Column("uid", String, nullable=False, unique=True),
    Column("origin", String, nullable=False),
    Column("origin_display", String, nullable=False, default=""),
    Column("origin_url", String, nullable=False, default=""),
    Column("version", Integer, nullable=False, default=0),
    Column("due", Boolean, nullable=False, default=True),
    Column("base", Document, nullable=False),
    Column("opened_at", String, nullable=False),
    Index("incidents_due", "unit", "due", "id"),
    Index("incidents_origin", "origin", "origin_display"),
)

external_references = Table(
    "external_references",
    metadata,
    Column("id", Integer, primary_key=True),
    _incident(),
    Column("system", String, nullable=False),
    Column("record", String, nullable=False),
    Column("birth", String, nullable=False),
    Column("display", String, nullable=False),
    Column("url", String, nullable=False),
    Column("opened", String, nullable=False),
    Column("origin_system", String, nullable=False),
    Column("last_sync_in_status", String),
    Column("last_sync_in_date", String),
    Column("last_sync_in_run", Integer),
    Column("last_sync_out_status", String),
    Column("last_sync_out_date", String),
    Column("last_sync_out_run", Integer),
    UniqueConstraint("incident", "system"),
    UniqueConstraint("system", "record", "birth"),
    Index("external_references_display", "display"),
)

former_references = Table(
    "former_references",
    metadata,
    Column("system", String, primary_key=True),
    Column("record", String, primary_key=True),
    Column("birth", String, primary_key=True),
    _incident(),
    Column("display", String, nullable=False),
    Column("url", String, nullable=False),
    Index("former_references_incident", "incident"),
)

pointers = Table(
    "pointers",
    metadata,
    Column("incident", ForeignKey("incidents.id"), primary_key=True),
    Column("system", String, primary_key=True),
    Column("url", String, primary_key=True),
    Index("pointers_url", "url"),
)

sides = Table(
    "sides",
    metadata,
    Column("incident", ForeignKey("incidents.id"), primary_key=True),
    Column("system", String, primary_key=True),
    Column("says", Document, nullable=False),
    Column("says_at", Document, nullable=False),
    Column("shadow", Document, nullable=False),
    Column("agreed", Document, nullable=False),
    Column("seen", BigInteger, nullable=False, default=0),
    Column("doubt", Boolean, nullable=False, default=False),
    Column("gone", Boolean, nullable=False, default=False),
    Column("gone_at", String, nullable=False, default=""),
)

digests = Table(
    "digests",
    metadata,
    Column("system", String, primary_key=True),
    Column("record", String, primary_key=True),
    Column("digest", String, nullable=False),
    sqlite_with_rowid=False,
)

intents = Table(
    "intents",
    metadata,
    Column("id", Integer, primary_key=True),
    _incident(),
    Column("system", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("sent", Document, nullable=False),
    Column("mark", Document, nullable=False),
    Column("extra", Document, nullable=False),
    Column("cause", String, nullable=False),
    Column("expires", Float, nullable=False),
    Column("run", Integer, nullable=False),
    Column("written_at", String, nullable=False),
    UniqueConstraint("incident", "system"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("unit", String, primary_key=True),
    Column("system", String, primary_key=True),
    Column("cursor", String),
    Column("swept_at", Float, nullable=False, default=0.0),
    Column("heard_at", Float, nullable=False, default=0.0),
    Column("error", String, nullable=False, default=""),
    Column("census", Document),
)

conflicts = Table(
    "conflicts",
    metadata,
    Column("id", Integer, primary_key=True),
    _incident(),
    Column("field", String, nullable=False),
    Column("value", Document),
    Column("origins", Document, nullable=False),
    Column("said_at", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("run", Integer, nullable=False),
    Column("decided_at", String, nullable=False),
    Column("restored_at", String),
    Index("conflicts_incident", "incident"),
)

held = Table(
    "held",
    metadata,
    Column("incident", ForeignKey("incidents.id"), primary_key=True),
    Column("system", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("why", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("checksum", String, nullable=False),
    Column("fields", Document, nullable=False),
    Column("since", String, nullable=False),
    Column("run", Integer, nullable=False),
    Column("approved", String, nullable=False, default=""),
    Column("tries", Integer, nullable=False, default=0),
    Column("again", Float, nullable=False, default=0.0),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("unit", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("state", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("ended_at", String),
    Column("report", Document),
)

journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", String, nullable=False),
    Column("run", Integer, nullable=False),
    _incident(),
    Column("system", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("record", String),
    Column("before", Document),
    Column("after", Document),
    Column("cause", String, nullable=False),
    Index("journal_incident", "incident"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
