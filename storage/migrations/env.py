"""Alembic's entry: runs the revisions inside the transaction that `Database.migrate` opened."""

from alembic import context

from storage.models import model_tables  # noqa: F401 - tables of the metadata
from storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
