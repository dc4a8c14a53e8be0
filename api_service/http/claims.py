"""Idempotency keys in Postgres: who carries a request out, what it may become, and the answer it was given.

A claim fixes the ids of what its request makes. So a request whose process died after the commit and before the
answer finds, when it is sent again, what it has made already, instead of making it twice.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from shared.database import AWAY, Pool
from shared.errors import ConflictError, InvalidRequestError
from shared.ids import derived_id, new_id
from shared.observation.logs import get_logger
from shared.pepper import SEALED_PREFIX, Pepper, SealedError

log = get_logger(__name__)

LEASE_S: Final = 30.0
"""How long after a crash nobody else may carry the request out."""

_RENEW_S: Final = 10.0

_CLAIM: Final = """
INSERT INTO idempotency_key AS k (tenant_id, key, id, fingerprint, locked_until, expires_at)
VALUES ($1, $2, $3, $4, now() + $5::interval, now() + $6::interval)
ON CONFLICT (tenant_id, key) DO UPDATE SET
    id = CASE WHEN k.expires_at < now() THEN excluded.id ELSE k.id END,
    attempt = CASE WHEN k.expires_at < now() THEN 1 ELSE k.attempt + 1 END,
    fingerprint = CASE WHEN k.expires_at < now() THEN excluded.fingerprint
                       ELSE coalesce(k.fingerprint, excluded.fingerprint) END,
    expires_at = CASE WHEN k.expires_at < now() THEN excluded.expires_at ELSE k.expires_at END,
    locked_until = excluded.locked_until, status = NULL, headers = NULL, body = NULL
WHERE k.locked_until < now() AND (k.expires_at < now() OR k.status IS NULL
    AND (k.fingerprint IS NULL OR excluded.fingerprint IS NULL OR k.fingerprint = excluded.fingerprint))
RETURNING id, attempt
"""
_MINE: Final = "tenant_id = $1 AND key = $2 AND attempt = $3 AND status IS NULL"
_SEAL: Final = f"""
UPDATE idempotency_key SET fingerprint = $4
WHERE {_MINE} AND (fingerprint IS NULL OR fingerprint = $4) RETURNING true
"""  # noqa: S608  (the part is a constant)
_KEEP: Final = f"""
UPDATE idempotency_key SET status = $4, headers = $5, body = $6, locked_until = now()
WHERE {_MINE} AND fingerprint IS NOT NULL
"""  # noqa: S608
_RENEW: Final = """
UPDATE idempotency_key k SET locked_until = now() + $4::interval
FROM unnest($1::text[], $2::text[], $3::int[]) AS v (tenant_id, key, attempt)
WHERE k.tenant_id = v.tenant_id AND k.key = v.key AND k.attempt = v.attempt AND k.status IS NULL
"""
_FORGET: Final = """
DELETE FROM idempotency_key WHERE (tenant_id, key) IN (
    SELECT tenant_id, key FROM idempotency_key WHERE expires_at < now() AND locked_until < now() LIMIT 1000)
"""


class MismatchError(InvalidRequestError):
    """This Idempotency-Key came with another request before. Nothing was done; use a new key for a new request."""

    code = "idempotency_mismatch"


class InFlightError(ConflictError):
    """The request with this Idempotency-Key is being carried out. Send it again in a moment to get its answer."""

    code = "idempotency_in_flight"


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was given before."""

    fingerprint: bytes
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Claim:
    """The right to carry a request out, and the ids that it makes things under."""

    def __init__(self, pool: Pool, tenant_id: str, key: str, root: UUID, attempt: int) -> None:
        self.tenant_id = tenant_id
        self.key = key
        self.attempt = attempt
        self._root = root
        self._pool = pool

    def id_for(self, noun: str) -> UUID:
        """The id of the request's `noun`: the same whenever, and by whomever, the request is carried out."""
        return derived_id(self._root, noun)

    async def seal(self, fingerprint: bytes) -> None:
        """Note what the request is; call before anything is committed where the body was not known at the claim.

        Raises MismatchError where it is another request, InFlightError where somebody else carries it out by now.
        """
        if await self._pool.fetchval(_SEAL, self.tenant_id, self.key, self.attempt, fingerprint):
            return
        mine = await self._pool.fetchval(
            f"SELECT true FROM idempotency_key WHERE {_MINE}", self.tenant_id, self.key, self.attempt  # noqa: S608
        )  # fmt: skip
        raise MismatchError if mine else InFlightError(retry_after_s=1)


class Claims:
    """Hands out claims, keeps them while their requests run, and keeps their answers."""

    def __init__(self, pool: Pool, pepper: Pepper | None, *, keep_hours: float) -> None:
        self._pool = pool
        self._pepper = pepper
        self._keep = timedelta(hours=keep_hours)
        self._held: set[Claim] = set()

    async def claim(self, tenant_id: str, key: str, fingerprint: bytes | None) -> Claim | Kept:
        """The claim, or the answer that was given before; a fingerprint of None is told later (`Claim.seal`).

        Raises InFlightError, and MismatchError where a known fingerprint differs.
        """
        row = await self._pool.fetchrow(
            _CLAIM, tenant_id, key, new_id(), fingerprint, timedelta(seconds=LEASE_S), self._keep
        )
        if row is not None:
            return Claim(self._pool, tenant_id, key, row["id"], row["attempt"])
        row = await self._pool.fetchrow(
            "SELECT fingerprint, status, headers, body FROM idempotency_key WHERE tenant_id = $1 AND key = $2",
            tenant_id, key,
        )  # fmt: skip
        if row is None:  # it was given up this moment
            raise InFlightError(retry_after_s=1)
        known = row["fingerprint"]
        if None not in (known, fingerprint) and known != fingerprint:
            raise MismatchError
        if row["status"] is None:
            raise InFlightError(retry_after_s=1)
        headers = [(name, value) for name, value in row["headers"]]
        return Kept(known, row["status"], headers, self._opened(row["body"]))

    @asynccontextmanager
    async def holding(self, claim: Claim) -> AsyncIterator[None]:
        """Keep the claim for as long as the block runs; where it raises, the same request may be sent again at once."""
        self._held.add(claim)
        try:
            yield
        except BaseException:
            await self.let_go(claim)
            raise
        finally:
            self._held.discard(claim)

    async def keep(self, claim: Claim, status: int, headers: list[tuple[str, str]], body: bytes) -> bool:
        """Keep the answer; False where the request was never told what it is (`Claim.seal`), or another has it."""
        done = await self._pool.execute(
            _KEEP, claim.tenant_id, claim.key, claim.attempt, status, [list(h) for h in headers], self._sealed(body)
        )  # fmt: skip
        return done == "UPDATE 1"

    async def let_go(self, claim: Claim) -> None:
        """Let the request be carried out again, under the same ids: what it made, if anything, is found."""
        try:
            await self._pool.execute(
                f"UPDATE idempotency_key SET locked_until = now() WHERE {_MINE}",  # noqa: S608
                claim.tenant_id, claim.key, claim.attempt,
            )  # fmt: skip
        except AWAY as error:
            log.warning("an idempotency key stays claimed for its lease", reason=repr(error))

    async def give_up(self, claim: Claim) -> None:
        """Forget a request that made nothing; one that was carried out before may have, and is let go."""
        if claim.attempt > 1:
            await self.let_go(claim)
            return
        await self._pool.execute(
            f"DELETE FROM idempotency_key WHERE {_MINE}", claim.tenant_id, claim.key, claim.attempt  # noqa: S608
        )  # fmt: skip

    async def run(self) -> None:
        """Renew what is held, in one statement, and forget what has expired, until cancelled."""
        while True:
            await asyncio.sleep(_RENEW_S)
            try:
                await self.renew()
                await self._pool.execute(_FORGET)
            except AWAY as error:
                log.warning("idempotency keys not renewed, trying again", reason=repr(error))

    async def renew(self) -> None:
        """Keep what is held for another lease."""
        held = list(self._held)
        if held:
            columns: list[list[Any]] = [
                [c.tenant_id for c in held], [c.key for c in held], [c.attempt for c in held]
            ]  # fmt: skip
            await self._pool.execute(_RENEW, *columns, timedelta(seconds=LEASE_S))

    def _sealed(self, body: bytes) -> bytes:
        """Some answers hold a key that is shown once: at rest they are sealed."""
        return body if self._pepper is None else self._pepper.seal(body)

    def _opened(self, body: bytes) -> bytes:
        """What was kept; also what was kept before a pepper was set, but not what only an unset one opens."""
        if not body.startswith(SEALED_PREFIX):
            return body
        if self._pepper is None:
            raise SealedError
        return self._pepper.open(body)
