"""Checks of Postgres, Redis and the object store: reached, of our schema, not evicting, clocks in step."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import asyncpg
from arq.connections import ArqRedis
from redis.exceptions import AuthenticationError, RedisError

from shared.database import Pool, check_schema
from shared.errors import TranscriptsError
from shared.examination import on_the_way
from shared.examination.findings import Finding, Grade, told
from shared.ids import new_id
from shared.orphan_objects import OrphanObjects
from shared.settings import CoreSettings, WorkerSettings
from shared.storage import store_of
from shared.tls import tls_advice

OLDEST_POSTGRES: Final = 140_000
_SKEW_S: Final = 2.0
_SLOW_MS: Final = 20.0
_ORPHANS_S: Final = 30


async def postgres(settings: CoreSettings, pool: Pool) -> list[Finding]:
    """It answers, is new enough, has our tables, and its clock is ours."""
    began = time.perf_counter()
    row = await pool.fetchrow(
        "SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,"
        " current_setting('max_connections')::int AS connections, clock_timestamp() AS clock"
    )
    took_ms = (time.perf_counter() - began) * 1000
    assert row is not None
    where = _place(settings.database_url.get_secret_value())
    version = row["version"]
    found = [told(Grade.OK, "postgres_answers", version=version, where=where, ms=f"{took_ms:.1f}")]
    if row["number"] < OLDEST_POSTGRES:
        found = [told(Grade.FAIL, "postgres_old", version=version)]
    try:
        await check_schema(pool)
        found.append(told(Grade.OK, "schema_fits"))
    except TranscriptsError as error:
        found.append(told(Grade.FAIL, "schema_old", reason=error.detail))
    if took_ms > _SLOW_MS:
        found.append(told(Grade.NOTE, "postgres_slow", ms=f"{took_ms:.0f}"))
    used = settings.database_pool * 2
    if used > row["connections"]:
        found.append(told(Grade.NOTE, "postgres_connections", connections=row["connections"], used=used))
    found += await on_the_way.database(settings.database_url.get_secret_value())
    return [*found, *_skew("Postgres", row["clock"])]


async def redis(settings: CoreSettings, client: ArqRedis) -> list[Finding]:
    """It answers, does not evict, and keeps what it holds over a restart."""
    where = _place(settings.redis_url.get_secret_value())
    began = time.perf_counter()
    try:
        seconds, micros = await client.time()
        took_ms = (time.perf_counter() - began) * 1000
        facts = {
            **await client.info("server"),
            **await client.info("memory"),
            **await client.info("persistence"),
        }
    except AuthenticationError as error:
        return [told(Grade.FAIL, "redis_password", where=where, reason=error)]
    except (RedisError, OSError) as error:
        return [_unreachable("redis", where, error, tls_advice(error, "ssl_ca_certs"))]
    version = facts.get("valkey_version") or facts.get("redis_version")
    found = [told(Grade.OK, "redis_answers", version=version, where=where, ms=f"{took_ms:.1f}")]
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        found.append(told(Grade.OK, "redis_keeps_keys"))
    else:
        found.append(told(Grade.FAIL, "redis_evicts", policy=policy))
    if not facts.get("aof_enabled") and not facts.get("rdb_last_save_time"):
        found.append(told(Grade.NOTE, "redis_keeps_nothing"))
    found += await on_the_way.redis(settings.redis_url.get_secret_value())
    return [*found, *_skew("Redis", datetime.fromtimestamp(int(seconds) + int(micros) / 1e6, UTC))]


async def storage(settings: CoreSettings) -> list[Finding]:
    """An object can be written, read back and deleted."""
    key = f"doctor/{new_id()}"

    async def block() -> AsyncIterator[bytes]:
        yield b"doctor"

    shown = _place(settings.storage_url) if "@" in settings.storage_url else settings.storage_url
    try:
        async with aclosing(store_of(settings)) as store:
            await store.put(key, block())
            read = b"".join([chunk async for chunk in store.read(key)])
            await store.delete_prefix(key)
    except (TranscriptsError, OSError) as error:
        reason = getattr(error, "detail", error)
        return [told(Grade.FAIL, "storage_unusable", where=shown, reason=reason)]
    if read != b"doctor":
        return [told(Grade.FAIL, "storage_alters", where=shown)]
    return [told(Grade.OK, "storage_works", where=shown)]


async def orphans(settings: WorkerSettings, pool: Pool) -> list[Finding]:
    """What the sweep of objects without a row would delete; nothing is deleted here."""
    grace = timedelta(hours=settings.orphan_hours)
    try:
        async with asyncio.timeout(_ORPHANS_S), aclosing(store_of(settings)) as store:
            found = await OrphanObjects(pool, store, grace=grace).find()
    except TimeoutError:
        return [told(Grade.NOTE, "orphans_unread", seconds=_ORPHANS_S)]
    except TranscriptsError as error:
        return [told(Grade.FAIL, "orphans_refused", reason=error.detail)]
    if not found.objects:
        return [told(Grade.OK, "orphans_none", seen=found.seen, grace=grace)]
    counts = {"many": len(found.objects), "seen": found.seen, "size": f"{found.size / 1e6:.1f}"}
    if found.doubt:
        return [told(Grade.NOTE, "orphans_kept", **counts, reason=found.doubt)]
    return [told(Grade.NOTE, "orphans_go", **counts)]


async def reach_postgres(settings: CoreSettings) -> Finding | None:
    """Why Postgres cannot be reached, or None."""
    url = settings.database_url.get_secret_value()
    try:
        connection = await asyncpg.connect(url, timeout=5)
        await asyncio.wait_for(connection.close(), 5)
    except asyncpg.InvalidPasswordError:
        return told(Grade.FAIL, "postgres_password", where=_place(url))
    except asyncpg.InvalidCatalogNameError:
        return told(Grade.FAIL, "postgres_no_database", where=_place(url))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return _unreachable("postgres", _place(url), error, tls_advice(error, "sslrootcert"))
    return None


def _unreachable(part: str, where: str, error: Exception, advice: str | None) -> Finding:
    """What mends a connection: what TLS says, or starting the server."""
    reason = type(error).__name__
    if advice:
        return told(Grade.FAIL, f"{part}_tls", where=where, reason=reason, advice=advice)
    return told(Grade.FAIL, f"{part}_unreachable", where=where, reason=reason)


def _skew(subject: str, clock: datetime) -> list[Finding]:
    skew_s = (clock - datetime.now(UTC)).total_seconds()
    if abs(skew_s) <= _SKEW_S:
        return []
    return [told(Grade.NOTE, "clocks_differ", part=subject, seconds=f"{skew_s:+.1f}")]


def _place(url: str) -> str:
    """Host, port and path of a URL, without its password."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or ''}{port}{parts.path}"
