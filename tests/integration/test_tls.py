"""TLS to Postgres and Redis as their URLs ask for it, against real certificates: right and wrong hosts, CAs, times."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from arq.connections import ArqRedis

from deploy.local.postgres import Postgres
from deploy.local.redis import Redis
from deploy.migrations.__main__ import main as migrate
from shared.database import open_pool
from shared.errors import SetupError
from shared.examination import stores
from shared.queue.client import check_redis, connect
from shared.settings import WorkerSettings
from shared.store_urls import checked_redis_url, normalise_database_url
from tests.fixtures.authority import Authority, Front, a_postgres_tls_front, a_tls_front

OTHER_HOST, OTHER_AUTHORITY, OLD = "is for another host", "authority that is not trusted", "has expired"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one that signed the servers' certificates, which are for `localhost` and not for 127.0.0.1."""
    return Authority.new(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture
async def front(postgres_server: Postgres, authority: Authority, tmp_path: Path) -> AsyncIterator[Front]:
    """Postgres behind TLS."""
    async with a_postgres_tls_front(*authority.sign(tmp_path, "localhost"), postgres_server.port) as running:
        yield running


@pytest.fixture
def over_tls(database_url: str, postgres_server: Postgres, front: Front) -> str:
    """The database's URL by way of it."""
    return database_url.replace(str(postgres_server.port), str(front.port))


def named(url: str, host: str, query: str) -> str:
    return normalise_database_url(f"{url.replace('127.0.0.1', host)}?{query}")


async def test_postgres_is_reached_as_the_url_says(over_tls: str, front: Front, authority: Authority) -> None:
    ours = f"sslrootcert={authority.file}"
    for host, query, encrypted in (
        ("localhost", f"sslmode=verify-full&{ours}", True),
        ("127.0.0.1", f"sslmode=verify-ca&{ours}", True),
        ("127.0.0.1", "sslmode=require", True),
        ("127.0.0.1", "sslmode=prefer", True),
        ("127.0.0.1", "sslmode=disable", False),
    ):
        front.encrypted.clear()
        pool = await open_pool(named(over_tls, host, query), size=1, name="test")
        async with pool:
            assert await pool.fetchval("SELECT 1") == 1
        assert set(front.encrypted) == {encrypted}, query


async def test_another_postgres_is_refused(
    over_tls: str, authority: Authority, stranger: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """By the pool, by migrations and by the doctor, each with what to do, none with the password."""
    monkeypatch.setenv("HOME", str(tmp_path))
    password = over_tls.split(":")[2].split("@", maxsplit=1)[0]
    for host, query, told in (
        ("127.0.0.1", f"sslmode=verify-full&sslrootcert={authority.file}", OTHER_HOST),
        ("localhost", f"sslmode=verify-full&sslrootcert={stranger.file}", OTHER_AUTHORITY),
        ("localhost", f"sslmode=verify-ca&sslrootcert={stranger.file}", OTHER_AUTHORITY),
        ("localhost", f"sslmode=require&sslrootcert={stranger.file}", OTHER_AUTHORITY),
        ("localhost", "sslmode=verify-full", OTHER_AUTHORITY),
    ):
        url = named(over_tls, host, query)
        with pytest.raises(SetupError, match=told) as caught:
            await open_pool(url, size=1, name="test")
        monkeypatch.setenv("DATABASE_URL", url)
        assert [await asyncio.to_thread(migrate, [command]) for command in ("upgrade", "status")] == [1, 1]
        said = capsys.readouterr().err
        finding = await stores.reach_postgres(settings(DATABASE_URL=url))
        assert finding is not None
        assert said.count(told) == 2
        assert told in finding.fix
        assert password not in f"{caught.value.detail}{said}{finding}"


async def test_migrations_run_over_tls(
    over_tls: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = over_tls.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("DATABASE_URL", f"{url}?sslmode=verify-full&sslrootcert={authority.file}")
    assert await asyncio.to_thread(migrate, ["upgrade"]) == 0
    monkeypatch.setenv("DATABASE_URL", f"{url}?sslmode=verifyfull")
    assert await asyncio.to_thread(migrate, ["upgrade"]) == 2


async def test_a_postgres_without_tls_is_told(database_url: str) -> None:
    with pytest.raises(SetupError, match="takes no TLS"):
        await open_pool(f"{database_url}?sslmode=require", size=1, name="test")


def settings(**given: str) -> WorkerSettings:
    stores_of = {
        "DATABASE_URL": "postgresql://h/d",
        "REDIS_URL": "redis://h",
        "TRANSCRIPTS_STORAGE_URL": "file:///tmp",
    }
    return WorkerSettings(_env_file=None, **{**stores_of, **given})  # type: ignore[call-arg,arg-type]


@asynccontextmanager
async def a_client(url: str) -> AsyncIterator[ArqRedis]:
    redis = connect(checked_redis_url(url), retries=0)
    try:
        yield redis
    finally:
        await redis.aclose(close_connection_pool=True)


async def reach(url: str) -> None:
    async with a_client(url) as redis:
        await check_redis(redis)


async def test_redis_is_reached_as_the_url_says(
    redis_url: str, redis_server: Redis, authority: Authority, tmp_path: Path
) -> None:
    async with a_tls_front(*authority.sign(tmp_path, "localhost"), redis_server.port) as tls:
        url = redis_url.replace("redis://", "rediss://").replace(str(redis_server.port), str(tls.port))
        trusted = f"ssl_ca_certs={authority.file}"
        await reach(f"{url.replace('127.0.0.1', 'localhost')}?{trusted}")
        await reach(f"{url}?{trusted}&ssl_check_hostname=false")


async def test_another_redis_is_refused(
    redis_url: str, redis_server: Redis, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    """With `rediss://` arq and redis-py leave the host's name unchecked; ours does not."""
    password = redis_url.split(":")[2].split("@", maxsplit=1)[0]
    (tmp_path / "old").mkdir()
    old = authority.sign(tmp_path / "old", "localhost", age=timedelta(days=1))
    async with (
        a_tls_front(*authority.sign(tmp_path, "localhost"), redis_server.port) as tls,
        a_tls_front(*old, redis_server.port) as tls_of_old,
    ):
        for host, at, query, told in (
            ("127.0.0.1", tls.port, f"?ssl_ca_certs={authority.file}", OTHER_HOST),
            ("localhost", tls.port, f"?ssl_ca_certs={stranger.file}", OTHER_AUTHORITY),
            ("localhost", tls.port, "", OTHER_AUTHORITY),
            ("localhost", tls_of_old.port, f"?ssl_ca_certs={authority.file}", OLD),
        ):
            url = f"rediss://:{password}@{host}:{at}/0{query}"
            with pytest.raises(SetupError, match=told) as caught:
                await reach(url)
            async with a_client(url) as redis:
                [finding] = await stores.redis(settings(REDIS_URL=url), redis)
            assert told in finding.fix
            assert password not in f"{caught.value.detail}{finding}"


async def test_a_redis_without_tls_is_told(redis_url: str) -> None:
    """It says nothing to what it does not understand."""
    with pytest.raises(SetupError, match="rediss:// is for a port that speaks TLS"):
        await reach(redis_url.replace("redis://", "rediss://"))
