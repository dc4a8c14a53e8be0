"""Schema migrations (Alembic), run apart from the services: `python -m deploy.migrations upgrade`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from shared.errors import SetupError
from shared.observation.logs import get_logger
from shared.store_urls import normalise_database_url

log = get_logger(__name__)

FOLDER = Path(__file__).parent
_LOCK_NOT_AVAILABLE: Final = "55P03"
_DEADLOCK: Final = "40P01"
_CANCELLED: Final = "57014"
_NO_RIGHT: Final = "42501"
_LONGEST_PAUSE_S: Final = 30.0
_TOO_LONG: Final = (
    "A statement of a migration took longer than {seconds:g} s and was taken back; the migrations before it stand. "
    "Run it again when less is going on, or with a larger --statement-seconds."
)
_MAY_NOT: Final = (
    "The role in the database's URL may not change the schema ({said}). The migrations before it stand. Name the role "
    "that owns the tables, for this command alone: TRANSCRIPTS_MIGRATIONS_URL=postgresql://transcripts_migrator:… "
    "(docs/security.md)"
)
_IN_USE: Final = (
    "A table was in use for longer than {seconds:g} s, {tries} times over. The migrations before it stand, and the "
    "services go on. End what holds it and run this again: SELECT pid, xact_start, query FROM pg_stat_activity "
    "WHERE xact_start < now() - interval '5 seconds'"
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a run of migrations waits, in seconds; `tries` bounds how often it comes again for a locked table."""

    lock_s: float = 5.0
    statement_s: float = 300.0
    turn_s: float = 600.0
    tries: int = 10


def config(database_url: str = "", patience: Patience | None = None) -> Config:
    """Alembic's configuration; the URL travels as an attribute, so that it never lands in a file or a log."""
    settings = Config()
    settings.set_main_option("script_location", str(FOLDER))
    settings.attributes["patience"] = patience or Patience()
    if database_url:
        settings.attributes["database_url"] = normalise_database_url(database_url)
    return settings


def upgrade(
    database_url: str,
    revision: str = "head",
    *,
    patience: Patience | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Bring the database to `revision`; safe to run twice, by two at once, and while people work.

    A migration that does not get its table within `patience.lock_s` lets the others pass and is tried again, up to
    half a minute later each time. Raises SetupError where that was in vain: the migrations before it stand.
    """
    patience = patience or Patience()
    for tried in range(1, patience.tries + 1):
        try:
            command.upgrade(config(database_url, patience), revision)
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state == _CANCELLED:
                raise SetupError(_TOO_LONG.format(seconds=patience.statement_s)) from error
            if state == _NO_RIGHT:
                raise SetupError(_MAY_NOT.format(said=str(error.orig).rpartition(": ")[2])) from error
            if state not in {_LOCK_NOT_AVAILABLE, _DEADLOCK}:
                raise
            if tried == patience.tries:
                raise SetupError(_IN_USE.format(seconds=patience.lock_s, tries=tried)) from error
            wait_s = min(2.0 ** (tried - 1), _LONGEST_PAUSE_S)
            log.warning("a table is in use: the migration comes again", tried=tried, next_in_s=wait_s)
            pause(wait_s)
        else:
            return


def head() -> str:
    """The newest revision in this folder."""
    revision = ScriptDirectory.from_config(config()).get_current_head()
    assert revision is not None
    return revision
