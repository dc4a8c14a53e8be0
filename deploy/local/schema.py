"""Brings a database to the newest schema, quickly where it is there already."""

import asyncio

import asyncpg

from shared.database import SCHEMA_REVISION
from shared.errors import SetupError
from shared.store_urls import normalise_database_url


def bring_up_to_date(database_url: str, *, own: bool) -> bool:
    """Apply missing migrations; returns whether there were any. `own`: the stack started this database itself."""
    try:
        revision = asyncio.run(_revision(normalise_database_url(database_url)))
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        where = "the stack's own Postgres" if own else "the Postgres that DATABASE_URL names"
        hint = "" if own else " Unset DATABASE_URL (and look into .env) to have the stack start its own."
        raise SetupError(f"Cannot use {where}: {type(error).__name__}: {error}.{hint}") from None
    if revision is not None and revision >= SCHEMA_REVISION:
        return False
    from deploy.migrations import upgrade  # noqa: PLC0415  (half a second that most starts need not pay)
    from deploy.migrations.target import named  # noqa: PLC0415

    target = None if own else named()  # with roles, the services' own may not
    upgrade(target[1] if target else database_url)
    return True


async def _revision(url: str) -> str | None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return revision
