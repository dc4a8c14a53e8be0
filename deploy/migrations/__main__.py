"""`python -m deploy.migrations`: bring the database to the newest schema, tell where it stands, judge migrations."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

import asyncpg

from deploy.migrations import Patience, head, upgrade
from deploy.migrations.rules import check
from deploy.migrations.target import named
from shared.database import UNUSABLE, cannot_be_used
from shared.errors import SetupError
from shared.store_urls import normalise_database_url

_USUAL = Patience()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "check":
        return _check()
    target = named()
    if target is None:
        print("DATABASE_URL is not set: nothing was changed.", file=sys.stderr)  # noqa: T201
        return 2
    name, url = target
    try:
        revision = _run(options, normalise_database_url(url))
    except ValueError as error:
        print(f"{name}: {error}. Nothing was changed.", file=sys.stderr)  # noqa: T201
        return 2
    except SetupError as error:
        print(error.detail, file=sys.stderr)  # noqa: T201
        return 1
    print(f"database at {revision or 'none'}, newest is {head()}")  # noqa: T201
    return 0 if revision == head() else 1


def _run(options: argparse.Namespace, url: str) -> str | None:
    """Do it; returns the revision that the database is at then. SetupError says what was in the way."""
    try:
        if options.command == "upgrade":
            patience = Patience(
                lock_s=options.lock_seconds, statement_s=options.statement_seconds, tries=options.tries
            )
            upgrade(url, patience=patience)
        return asyncio.run(_revision(url))
    except UNUSABLE as error:
        raise cannot_be_used(error) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.migrations", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser(
        "upgrade", help="apply what is missing; safe to repeat, from two places, and while people work"
    )
    up.add_argument(
        "--lock-seconds",
        type=float,
        default=_USUAL.lock_s,
        metavar="S",
        help=f"how long a migration may wait for a table, and all behind it ({_USUAL.lock_s:g})",
    )
    up.add_argument(
        "--statement-seconds",
        type=float,
        default=_USUAL.statement_s,
        metavar="S",
        help=f"how long a statement may take ({_USUAL.statement_s:g})",
    )
    up.add_argument(
        "--tries",
        type=int,
        default=_USUAL.tries,
        metavar="N",
        help=f"tries where a table is in use ({_USUAL.tries})",
    )
    commands.add_parser("status", help="print the database's revision; exit 1 where it is not the newest")
    commands.add_parser(
        "check", help="hold the migrations against the rules; exit 1 where one breaks any; no database"
    )
    parser.epilog = (
        "The database is named by DATABASE_URL, or by TRANSCRIPTS_MIGRATIONS_URL where another role owns the tables; "
        "both in the environment, else in .env."
    )
    return parser


def _check() -> int:
    found = check()
    for violation in found:
        print(violation)  # noqa: T201
    print("docs/migrations.md has the ways round." if found else "All migrations keep the rules.")  # noqa: T201
    return 1 if found else 0


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
