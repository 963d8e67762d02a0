"""How Alembic runs here: on the connection it is handed, in one transaction, silently."""

from __future__ import annotations

from alembic import context

from assistant.store.tables import notes

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=notes,
    # SQLite can roll back DDL; Alembic does not count on it unless told. A change that fails
    # half-way leaves the vault at its old version.
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
