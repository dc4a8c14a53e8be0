"""Which database the migrations are for: the environment says, or `.env`."""

import os
from typing import Final

from dotenv import dotenv_values

OWNER_S: Final = "TRANSCRIPTS_MIGRATIONS_URL"
"""The URL of the role that owns the tables, where the services' own may not change them: docs/security.md."""

SERVICES: Final = "DATABASE_URL"


def named() -> tuple[str, str] | None:
    """The setting and the URL in it; None where neither is set.

    What stands in the environment goes before `.env`, so that a database named for one command is the one changed.
    """
    for source in (os.environ, dotenv_values(".env")):
        for name in (OWNER_S, SERVICES):
            if value := source.get(name):
                return name, value
    return None
