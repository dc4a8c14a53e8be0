"""The use cases of keys: make, list, replace, revoke."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from api_service.access.audit import actor_of
from api_service.access.authentication import Authenticator
from api_service.access.callers import Caller
from api_service.access.key_records import KeyRecord, KeyRepository
from api_service.access.tokens import SHOWN, new_token
from shared.database import Pool, transaction
from shared.errors import ConflictError, ForbiddenError
from shared.ids import new_id
from shared.observation.logs import get_logger
from shared.pepper import Pepper
from shared.schemas.keys import KeyOrder, KeyRotation, KeyStatus
from shared.scopes import Scope

log = get_logger(__name__)


class Keys:
    """What a caller can do with the keys of its tenant: never more than its own key can."""

    def __init__(self, pool: Pool, pepper: Pepper | None, authenticator: Authenticator | None) -> None:
        self._pool = pool
        self._keys = KeyRepository(pool)
        self._pepper = pepper
        self._authenticator = authenticator

    async def create(self, caller: Caller, order: KeyOrder) -> tuple[KeyRecord, str]:
        """A new key and, this once, the key itself; ForbiddenError for a scope that the caller does not have."""
        _refuse_more(caller, order.scopes)
        token = new_token()
        key = draft_key(
            caller.tenant_id, order.name, order.scopes, token, actor_of(caller),
            expires_at=order.expires_at, key_id=caller.id_for("key"),
        )  # fmt: skip
        async with transaction(self._pool) as connection:
            await self._keys.add(connection, key, self._hash(token))
        log.info("key made", key_id=str(key.id), by=key.created_by)
        return key, token

    async def rotate(self, caller: Caller, key_id: UUID, wanted: KeyRotation) -> tuple[KeyRecord, str]:
        """A new key in the place of an active one, which opens until `wanted.until`, or no more."""
        old = await self._keys.get(key_id, caller.tenant_id)
        _refuse_more(caller, old.scopes)
        token = new_token()
        key = draft_key(
            old.tenant_id, old.name, old.scopes, token, actor_of(caller),
            expires_at=wanted.expires_at, key_id=caller.id_for(f"key after {old.id}"),
        )  # fmt: skip
        if old.status is not KeyStatus.ACTIVE and await self._keys.of_any_tenant(key.id) is None:
            raise ConflictError(f"The key is {old.status} already: make a new one with POST /v1/keys.")
        async with transaction(self._pool) as connection:
            await self._keys.add(connection, key, self._hash(token))
            if wanted.until is None:
                await self._keys.revoke(connection, old.id, old.tenant_id)
            else:
                await self._keys.shorten(connection, old.id, wanted.until)
        self._forget()
        log.info("key replaced", key_id=str(old.id), new_key_id=str(key.id), by=key.created_by)
        return key, token

    async def get(self, caller: Caller, key_id: UUID) -> KeyRecord:
        """One key; NotFoundError."""
        return await self._keys.get(key_id, caller.tenant_id)

    async def page(self, caller: Caller, *, limit: int, before: UUID | None) -> list[KeyRecord]:
        """A page of keys, newest first."""
        return await self._keys.page(caller.tenant_id, limit=limit, before=before)

    async def revoke(self, caller: Caller, key_id: UUID) -> None:
        """Have the key open nothing from now on; again is no error. NotFoundError."""
        async with transaction(self._pool) as connection:
            await self._keys.revoke(connection, key_id, caller.tenant_id)
        self._forget()
        log.info("key revoked", key_id=str(key_id), by=actor_of(caller))

    def _hash(self, token: str) -> bytes:
        if self._pepper is None:
            raise ConflictError(
                "Keys are off here, because TRANSCRIPTS_PEPPER is not set: nobody needs one. docs/security.md tells "
                "how to turn them on. Nothing was stored."
            )
        return self._pepper.hashes(token)[0]

    def _forget(self) -> None:
        if self._authenticator is not None:
            self._authenticator.forget_all()


def draft_key(
    tenant_id: str,
    name: str,
    scopes: Iterable[Scope],
    token: str,
    created_by: str,
    *,
    expires_at: datetime | None = None,
    key_id: UUID | None = None,
) -> KeyRecord:
    """A key that is not stored yet."""
    return KeyRecord(
        id=key_id or new_id(),
        tenant_id=tenant_id,
        name=name,
        start=token[:SHOWN],
        scopes=frozenset(scopes),
        created_by=created_by,
        created_at=datetime.now(UTC),
        expires_at=expires_at,
    )


def _refuse_more(caller: Caller, scopes: Iterable[Scope]) -> None:
    beyond = sorted(set(scopes) - caller.scopes)
    if beyond:
        raise ForbiddenError(
            f"A key can make no key that may do more than itself: yours lacks {', '.join(beyond)}. Nothing was stored.",
            scope=" ".join(beyond),
        )
