"""Alembic's entry: runs the migrations on the connection it is handed (see app.database.migrations),
or on ALEMBIC_URL when a developer runs `alembic` by hand."""

import os

from alembic import context
from sqlalchemy import Connection, create_engine
from sqlmodel import SQLModel

from app.database import local_tables, tables  # noqa: F401  (fill SQLModel.metadata)


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(os.environ["ALEMBIC_URL"]).begin() as own:
        run(own)
