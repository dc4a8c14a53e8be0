"""The key of the local stack: made at its first start, so that its sessions are not open to whoever finds the port."""

import asyncio
from typing import Final

from deploy.local.folder import DataFolder, from_user

PEPPER: Final = "TRANSCRIPTS_PEPPER"
CONSOLE_KEY: Final = "TRANSCRIPTS_CONSOLE_KEY"
_ANONYMOUS: Final = "TRANSCRIPTS_ALLOW_ANONYMOUS"
_FILE: Final = "api-key"


def pepper_of(folder: DataFolder) -> str | None:
    """The pepper of the user's own, or the folder's; None where the user wants no keys."""
    user = from_user(PEPPER, _ANONYMOUS)
    if user.get(_ANONYMOUS, "").lower() in {"1", "true", "yes", "on", "t", "y"}:
        return None
    return user.get(PEPPER) or folder.password("pepper")


def make_key(folder: DataFolder, database_url: str, pepper: str) -> None:
    """Have the folder's key open the API; another is made where it was revoked."""
    asyncio.run(_make(folder, database_url, pepper))


def key_of(folder: DataFolder) -> str | None:
    """The key of the stack that runs on the folder, or ran last."""
    return folder.secret(_FILE)


async def _make(folder: DataFolder, database_url: str, peppers: str) -> None:
    from api_service.access.key_commands import ensure_key  # noqa: PLC0415  (what `status` and `stop` need not load)
    from api_service.access.tokens import new_token  # noqa: PLC0415
    from shared.database import open_pool  # noqa: PLC0415
    from shared.pepper import Pepper  # noqa: PLC0415
    from shared.scopes import Scope  # noqa: PLC0415
    from shared.store_urls import normalise_database_url  # noqa: PLC0415

    pepper = Pepper([each.strip() for each in peppers.split(",")])
    async with await open_pool(
        normalise_database_url(database_url), size=1, name="transcripts-local"
    ) as pool:
        token = folder.secret(_FILE) or new_token()
        while not await ensure_key(pool, pepper, token, name="local stack", scopes=tuple(Scope)):
            token = new_token()
        folder.keep_secret(_FILE, token)
