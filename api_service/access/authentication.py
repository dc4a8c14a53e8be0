"""From a key to whom it belongs: one indexed read, remembered for a moment; and when each key was last used."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from api_service.access.key_records import KeyRecord, KeyRepository
from api_service.access.tokens import PREFIX, is_token
from shared.database import AWAY, Pool
from shared.errors import SetupError, UnauthorizedError
from shared.observation.logs import get_logger
from shared.patience import within
from shared.pepper import Pepper
from shared.schemas.keys import KeyStatus
from shared.settings import ApiSettings

log = get_logger(__name__)

_MOST_REMEMBERED: Final = 10_000
_WRITE_S: Final = 10.0  # how often uses are written: one statement for all keys that were used meanwhile
_PATIENCE_S: Final = 2.0
_OUTLAST_S: Final = 86_400.0
_WHY_NOT: Final = {
    KeyStatus.EXPIRED: "This key has expired. Ask for a new one, or rotate before the end next time.",
    KeyStatus.REVOKED: "This key was revoked. Ask for a new one.",
}


async def open_authenticator(settings: ApiSettings, pool: Pool) -> "Authenticator | None":
    """The authenticator; None where keys are off.

    Raises SetupError where keys are in the database and nothing would ask for them (F43).
    """
    pepper, has_keys = Pepper.of(settings.pepper), await KeyRepository(pool).any_active()
    if pepper is not None:
        if not has_keys:
            log.warning("nobody is let in: there is no key; make one: python -m api_service keys create")
        return Authenticator(pool, pepper, cache_s=settings.key_cache_seconds)
    if has_keys and not settings.allow_anonymous:
        raise SetupError(
            "There are keys in the database, but without TRANSCRIPTS_PEPPER nothing asks for them, and everyone could "
            "read every transcript. Nothing was started. Set the pepper that they were made with (the local stack "
            "keeps it in .local/env), or say TRANSCRIPTS_ALLOW_ANONYMOUS=true."
        )
    return None


class Authenticator:
    """Tells whose key it is."""

    def __init__(self, pool: Pool, pepper: Pepper, *, cache_s: float) -> None:
        """`cache_s`: how long another process's revocation may go unnoticed; one of this process's never does."""
        self._keys = KeyRepository(pool)
        self._pepper = pepper
        self._cache_s = cache_s
        self._remembered: dict[bytes | UUID, tuple[float, KeyRecord]] = {}
        self._used: dict[UUID, datetime] = {}

    async def key_of(self, token: str, *, outlast: bool = False) -> KeyRecord:
        """The key; UnauthorizedError that says why it opens nothing.

        `outlast`: while the database is away, as it was when it was last looked up here, within a day.
        """
        if not is_token(token):
            raise UnauthorizedError(
                f"This is no key of this service: a key begins with {PREFIX}, and its last characters prove the "
                "others. Check that it was copied whole."
            )
        hashes = self._pepper.hashes(token)
        key = self._recall(hashes[0])
        if key is None:
            key = await (self._find_or_recall(hashes) if outlast else self._find(hashes))
        return self._opens(key)

    async def key_with_id(self, key_id: UUID) -> KeyRecord:
        """The key that somebody signed in with before; UnauthorizedError that says why it opens nothing."""
        key = self._recall(key_id)
        if key is None:
            key = await self._keys.of_any_tenant(key_id)
            if key is None:
                raise UnauthorizedError("The key that you signed in with is not known here any more.")
            self._remember(key_id, key)
        return self._opens(key)

    def forget_all(self) -> None:
        """Look every key up again: one was changed."""
        self._remembered.clear()

    async def run(self) -> None:
        """Write now and then which keys were used, until cancelled, and then a last time."""
        try:
            while True:
                await asyncio.sleep(_WRITE_S)
                await self.write()
        finally:
            await self.write()

    async def write(self) -> None:
        """Write which keys were used since the last time; a database that is away costs the note, nothing else."""
        used, self._used = self._used, {}
        if used:
            try:
                await self._keys.used(used)
            except AWAY as error:
                log.warning("last uses of keys not written", reason=repr(error))

    def _opens(self, key: KeyRecord) -> KeyRecord:
        if key.status is not KeyStatus.ACTIVE:
            raise UnauthorizedError(_WHY_NOT[key.status])
        self._used[key.id] = datetime.now(UTC)
        return key

    async def _find(self, hashes: list[bytes]) -> KeyRecord:
        key = await self._keys.find(hashes)
        if key is None:
            raise UnauthorizedError("This key is not known here. Ask for one, or check the address.")
        self._remember(hashes[0], key)
        return key

    async def _find_or_recall(self, hashes: list[bytes]) -> KeyRecord:
        try:
            return await within(_PATIENCE_S, self._find(hashes))
        except AWAY:
            key = self._recall(hashes[0], _OUTLAST_S)
            if key is None:
                raise
            return key

    def _recall(self, known_by: bytes | UUID, age_s: float | None = None) -> KeyRecord | None:
        found = self._remembered.get(known_by)
        if found is None or time.monotonic() - found[0] >= (self._cache_s if age_s is None else age_s):
            return None
        return found[1]

    def _remember(self, known_by: bytes | UUID, key: KeyRecord) -> None:
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[known_by] = (time.monotonic(), key)
