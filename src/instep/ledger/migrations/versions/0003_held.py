"""What is held can be approved and tried again; references that were replaced are remembered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns and the tables."""
    _text("held", "approved")
    op.add_column("held", sa.Column("tries", sa.Integer, nullable=False, server_default="0"))
    op.add_column("held", sa.Column("again", sa.Float, nullable=False, server_default="0"))
    _text("sides", "gone_at")
    op.add_column("conflicts", sa.Column("restored_at", sa.String))
    op.create_table(
        "former_references",
        sa.Column("system", sa.String, primary_key=True),
        sa.Column("record", sa.String, primary_key=True),
        sa.Column("birth", sa.String, primary_key=True),
        sa.Column("incident", sa.Integer, sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("display", sa.String, nullable=False),
        sa.Column("url", sa.String, nullable=False),
    )
    op.create_index("former_references_incident", "former_references", ["incident"])
    op.create_table(
        "pointers",
        sa.Column("incident", sa.Integer, sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("system", sa.String, primary_key=True),
        sa.Column("url", sa.String, primary_key=True),
    )
    op.create_index("pointers_url", "pointers", ["url"])


def _text(table: str, name: str) -> None:
    """Add a column of text that is empty in the rows that are there."""
    op.add_column(table, sa.Column(name, sa.String, nullable=False, server_default=""))
