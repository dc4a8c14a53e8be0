"""Schema migrations (Alembic), run apart from the services: `python -m deploy.migrations upgrade`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from shared.settings import normalise_database_url

FOLDER = Path(__file__).parent


def config(database_url: str = "") -> Config:
    """Alembic's configuration; the URL travels as an attribute, so that it never lands in a file or a log."""
    settings = Config()
    settings.set_main_option("script_location", str(FOLDER))
    if database_url:
        settings.attributes["database_url"] = normalise_database_url(database_url)
    return settings


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database to `revision`; safe to run twice, and by two at once (an advisory lock)."""
    command.upgrade(config(database_url), revision)


def head() -> str:
    """The newest revision in this folder."""
    revision = ScriptDirectory.from_config(config()).get_current_head()
    assert revision is not None
    return revision
