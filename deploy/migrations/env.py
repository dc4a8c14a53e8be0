"""Alembic's environment: runs migrations over asyncpg, one runner at a time."""

import asyncio

import asyncpg
from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import shared.access_tables
import shared.edit_tables
import shared.tables
import shared.upload_tables
import shared.waveform_table
import shared.webhook_tables  # noqa: F401  (all of them fill the metadata)

_LOCK = 0x7472616E  # any constant: whoever migrates holds this advisory lock
_LOCK_TIMEOUT = (
    "5s"  # a migration waits this long for a table, then fails rather than queue traffic behind it
)


def _migrate(connection: Connection) -> None:
    connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
    context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_server_default=True)
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        context.run_migrations()


async def _run(url: str) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )
    async with engine.begin() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


asyncio.run(_run(context.config.attributes["database_url"]))
