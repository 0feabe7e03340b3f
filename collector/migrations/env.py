"""Runs the migrations on the connection that `collector.migrate` hands over."""

from alembic import context

from collector.schema import Base

connection = context.config.attributes["connection"]
# Batch mode: SQLite changes a table by copying it.
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
