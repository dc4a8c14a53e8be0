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
from shared.examination.findings import Finding, fail, note, ok
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
    found = [ok("Postgres", f"{row['version']} at {where} answers in {took_ms:.1f} ms")]
    if row["number"] < OLDEST_POSTGRES:
        found = [fail("Postgres", f"{row['version']} is too old.", "Use Postgres 14 or newer.")]
    try:
        await check_schema(pool)
        found.append(ok("schema", "is the one that this version needs, or a later one"))
    except TranscriptsError as error:
        found.append(fail("schema", error.detail, "make migrate"))
    if took_ms > _SLOW_MS:
        found.append(
            note(
                "Postgres",
                f"A round trip takes {took_ms:.0f} ms.",
                "Run services and database close together.",
            )
        )
    if settings.database_pool * 2 > row["connections"]:
        found.append(
            note(
                "Postgres",
                f"It takes {row['connections']} connections; two processes may use {settings.database_pool * 2}.",
                "Raise max_connections, or lower TRANSCRIPTS_DATABASE_POOL.",
            )
        )
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
        return [
            fail(
                "Redis",
                f"{where} refuses the password ({error}).",
                "Put it into REDIS_URL: redis://:PASSWORD@HOST:PORT/0",
            )
        ]
    except (RedisError, OSError) as error:
        return [
            fail(
                "Redis",
                f"{where} cannot be reached ({type(error).__name__}).",
                tls_advice(error, "ssl_ca_certs")
                or "Start it (`make up`, `make servers`, or `docker compose up -d redis`), or correct REDIS_URL.",
            )
        ]
    version = facts.get("valkey_version") or facts.get("redis_version")
    found = [ok("Redis", f"{version} at {where} answers in {took_ms:.1f} ms")]
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        found.append(ok("eviction", "noeviction"))
    else:
        found.append(
            fail(
                "eviction",
                f"maxmemory-policy is {policy}: Redis may throw the queue's keys away, and no service starts on it.",
                "redis-cli CONFIG SET maxmemory-policy noeviction, and the same in its configuration or console",
            )
        )
    if not facts.get("aof_enabled") and not facts.get("rdb_last_save_time"):
        found.append(note("Redis", "It keeps nothing over a restart; then the sweep queues all jobs again."))
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
        return [
            fail(
                "storage",
                f"{shown} cannot be used ({getattr(error, 'detail', error)}).",
                "Correct TRANSCRIPTS_STORAGE_URL, or the rights on it; API and workers need the same one.",
            )
        ]
    if read != b"doctor":
        return [fail("storage", f"{shown} gives back other bytes than were written.", "Use another store.")]
    return [ok("storage", f"{shown} takes, gives back and deletes an object")]


async def orphans(settings: WorkerSettings, pool: Pool) -> list[Finding]:
    """What the sweep of objects without a row would delete; nothing is deleted here."""
    grace = timedelta(hours=settings.orphan_hours)
    try:
        async with asyncio.timeout(_ORPHANS_S), aclosing(store_of(settings)) as store:
            found = await OrphanObjects(pool, store, grace=grace).find()
    except TimeoutError:
        return [note("orphans", f"The store has more objects than can be looked at in {_ORPHANS_S} s.")]
    except TranscriptsError as error:
        return [fail("orphans", f"The store cannot be listed ({error.detail}).", "Correct the rights on it.")]
    if not found.objects:
        return [ok("orphans", f"all of {found.seen} objects have a row, or are younger than {grace}")]
    many = f"{len(found.objects)} of {found.seen} objects ({found.size / 1e6:.1f} MB) have no row"
    if found.doubt:
        return [
            note(
                "orphans",
                f"{many}. They are kept: {found.doubt}.",
                "Give each database a store, or a prefix, of its own; delete the object under owners/ of one that is "
                "gone: docs/storage.md",
            )
        ]
    return [note("orphans", f"{many}. The workers delete them, a few times a day.")]


async def reach_postgres(settings: CoreSettings) -> Finding | None:
    """Why Postgres cannot be reached, or None."""
    url = settings.database_url.get_secret_value()
    try:
        connection = await asyncpg.connect(url, timeout=5)
        await asyncio.wait_for(connection.close(), 5)
    except asyncpg.InvalidPasswordError:
        return fail("Postgres", f"{_place(url)} refuses the password.", "Correct it in DATABASE_URL.")
    except asyncpg.InvalidCatalogNameError:
        return fail(
            "Postgres", f"{_place(url)} has no such database.", "Create it, or name another in DATABASE_URL."
        )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return fail(
            "Postgres",
            f"{_place(url)} cannot be reached ({type(error).__name__}).",
            tls_advice(error, "sslrootcert")
            or "Start it (`make up`, `make servers`, or `docker compose up -d roles`), or correct DATABASE_URL.",
        )
    return None


def _skew(subject: str, clock: datetime) -> list[Finding]:
    skew_s = (clock - datetime.now(UTC)).total_seconds()
    if abs(skew_s) <= _SKEW_S:
        return []
    return [
        note(
            "clock",
            f"{subject}'s clock and this machine's differ by {skew_s:+.1f} s.",
            "Run an NTP client on both.",
        )
    ]


def _place(url: str) -> str:
    """Host, port and path of a URL, without its password."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or ''}{port}{parts.path}"
