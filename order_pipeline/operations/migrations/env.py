"""What Alembic runs: the migrations that a store lacks, over the connection and within the transaction of its caller.

There is no offline mode and no configuration file: `operations.versions` is the only caller.
"""

from alembic import context

from order_pipeline.operations.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=False,  # the caller's transaction holds all of it
)
context.run_migrations()
