"""`python -m deploy.migrations`: bring the database to the newest schema, or tell where it stands."""

import argparse
import asyncio
import os
import sys

import asyncpg

from deploy.migrations import head, upgrade
from shared.settings import normalise_database_url


def main() -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.migrations", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("upgrade", help="apply what is missing; safe to repeat, and to run from two places")
    commands.add_parser("status", help="print the database's revision; exit 1 where it is not the newest")
    parser.epilog = "The database is named by DATABASE_URL."
    arguments = parser.parse_args()
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        print("DATABASE_URL is not set: nothing was changed.", file=sys.stderr)  # noqa: T201
        return 2
    if arguments.command == "upgrade":
        upgrade(url)
    revision = asyncio.run(_revision(normalise_database_url(url)))
    print(f"database at {revision or 'none'}, newest is {head()}")  # noqa: T201
    return 0 if revision == head() else 1


async def _revision(url: str) -> str | None:
    connection = await asyncpg.connect(url)
    try:
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return revision


if __name__ == "__main__":
    sys.exit(main())
