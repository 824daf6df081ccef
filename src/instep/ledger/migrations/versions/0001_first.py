"""The first schema: incidents and their sides, intents and journal, cursors and runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _incidents()
    _sides()
    _writing()
    _keeping()
    _running()


def _incidents() -> None:
    """Make incidents and the external references to their records."""
    op.create_table(
        "incidents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("uid", sa.String, nullable=False, unique=True),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("origin_display", sa.String, nullable=False),
        sa.Column("origin_url", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("due", sa.Boolean, nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("opened_at", sa.String, nullable=False),
    )
    op.create_index("incidents_due", "incidents", ["unit", "due", "id"])
    op.create_index("incidents_origin", "incidents", ["origin", "origin_display"])
    op.create_table(
        "external_references",
        sa.Column("id", sa.Integer, primary_key=True),
        _incident(),
        sa.Column("system", sa.String, nullable=False),
        sa.Column("record", sa.String, nullable=False),
        sa.Column("birth", sa.String, nullable=False),
        sa.Column("display", sa.String, nullable=False),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("opened", sa.String, nullable=False),
        sa.Column("origin_system", sa.String, nullable=False),
        sa.Column("last_sync_in_status", sa.String),
        sa.Column("last_sync_in_date", sa.String),
        sa.Column("last_sync_in_run", sa.Integer),
        sa.Column("last_sync_out_status", sa.String),
        sa.Column("last_sync_out_date", sa.String),
        sa.Column("last_sync_out_run", sa.Integer),
        sa.UniqueConstraint("incident", "system"),
        sa.UniqueConstraint("system", "record", "birth"),
    )
    op.create_index("external_references_display", "external_references", ["display"])


def _sides() -> None:
    """Make what each side says, and the digests of raw records."""
    op.create_table(
        "sides",
        sa.Column("incident", sa.Integer, sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("system", sa.String, primary_key=True),
        sa.Column("says", sa.Text, nullable=False),
        sa.Column("says_at", sa.Text, nullable=False),
        sa.Column("shadow", sa.Text, nullable=False),
        sa.Column("agreed", sa.Text, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("doubt", sa.Boolean, nullable=False),
        sa.Column("gone", sa.Boolean, nullable=False),
    )
    op.create_table(
        "digests",
        sa.Column("system", sa.String, primary_key=True),
        sa.Column("record", sa.String, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sqlite_with_rowid=False,
    )


def _writing() -> None:
    """Make the open intents, and the journal of what came of them."""
    op.create_table(
        "intents",
        sa.Column("id", sa.Integer, primary_key=True),
        _incident(),
        sa.Column("system", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("sent", sa.Text, nullable=False),
        sa.Column("mark", sa.Text, nullable=False),
        sa.Column("extra", sa.Text, nullable=False),
        sa.Column("cause", sa.String, nullable=False),
        sa.Column("expires", sa.Float, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("written_at", sa.String, nullable=False),
        sa.UniqueConstraint("incident", "system"),
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        _incident(),
        sa.Column("system", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("record", sa.String),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.Column("cause", sa.String, nullable=False),
    )
    op.create_index("journal_incident", "journal", ["incident"])


def _keeping() -> None:
    """Make the attic of conflicts, and what is held for a person."""
    op.create_table(
        "conflicts",
        sa.Column("id", sa.Integer, primary_key=True),
        _incident(),
        sa.Column("field", sa.String, nullable=False),
        sa.Column("value", sa.Text),
        sa.Column("origins", sa.Text, nullable=False),
        sa.Column("said_at", sa.String, nullable=False),
        sa.Column("cause", sa.String, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("decided_at", sa.String, nullable=False),
    )
    op.create_index("conflicts_incident", "conflicts", ["incident"])
    op.create_table(
        "held",
        sa.Column("incident", sa.Integer, sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("system", sa.String, primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("checksum", sa.String, nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("since", sa.String, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
    )


def _running() -> None:
    """Make cursors, runs and counters."""
    op.create_table(
        "cursors",
        sa.Column("unit", sa.String, primary_key=True),
        sa.Column("system", sa.String, primary_key=True),
        sa.Column("cursor", sa.String),
        sa.Column("swept_at", sa.Float, nullable=False),
        sa.Column("heard_at", sa.Float, nullable=False),
        sa.Column("error", sa.String, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("started_at", sa.String, nullable=False),
        sa.Column("ended_at", sa.String),
        sa.Column("report", sa.Text),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )


def _incident() -> sa.Column[int]:
    """Refer to an incident."""
    return sa.Column("incident", sa.Integer, sa.ForeignKey("incidents.id"), nullable=False)
