"""Cursors remember by how much a service counted more records than the ledger knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column."""
    op.add_column("cursors", sa.Column("census", sa.Text))
