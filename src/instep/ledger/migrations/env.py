"""What Alembic runs to upgrade a ledger: always on a connection that is handed to it."""

from alembic import context

from instep.ledger.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
connection.commit()
