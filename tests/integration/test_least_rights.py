"""The roles of Postgres and the users of Redis: enough for a job's whole life, and no more."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis as Client
from redis.exceptions import NoPermissionError

from deploy.local.schema import bring_up_to_date
from deploy.migrations import head, upgrade
from deploy.migrations.__main__ import main as migrate
from shared.ids import new_id
from shared.lifecycle import Priority
from shared.ports import Ring
from shared.queue.client import RedisJobQueue, check_redis, connect
from shared.queue.webhook_bell import WebhookBell
from tests.fixtures.api_process import ApiProcess
from tests.fixtures.audio import tone_wav
from tests.fixtures.least_rights import Roles, a_redis_with_users, refusals, with_roles
from tests.fixtures.repository import documents, fences
from tests.fixtures.worker_process import a_worker
from worker_service.engines.google.budget import CallBudget


@pytest.fixture
async def roles(empty_database_url: str) -> AsyncIterator[Roles]:
    """A database that the migrator has migrated."""
    async with with_roles(empty_database_url) as found:
        await asyncio.to_thread(upgrade, found.url("migrator"))
        await found.grant()
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with a_redis_with_users(tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture
async def users(server: dict[str, str]) -> dict[str, str]:
    """The URLs of a server that is empty, and has refused nothing yet."""
    async with Client.from_url(server["admin"]) as redis:
        await redis.flushall()
        await redis.acl_log_reset()
    return server


async def attempt(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def is_refused(url: str, *statements: str) -> bool:
    """For want of a right, and for no other reason."""
    try:
        await attempt(url, *statements)
    except asyncpg.InsufficientPrivilegeError:
        return True
    return False


async def test_migrations_are_the_migrator_s(roles: Roles) -> None:
    connection = await asyncpg.connect(roles.admin)
    owners = await connection.fetch("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    await connection.close()
    assert ([row[0] for row in owners], revision) == (["transcripts_migrator"], head())


async def test_a_role_that_may_not_migrate_is_told_whose_url_to_name(
    empty_database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From one `.env`: the services' role, which is refused, and beside it the owner's, which is taken first."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    async with with_roles(empty_database_url) as roles:
        lines = [f"DATABASE_URL={roles.url('app')}", f"TRANSCRIPTS_MIGRATIONS_URL={roles.url('migrator')}"]
        (tmp_path / ".env").write_text(lines[0])
        assert await asyncio.to_thread(migrate, ["upgrade"]) == 1
        said = capsys.readouterr().err
        assert "TRANSCRIPTS_MIGRATIONS_URL=" in said
        assert (roles.password in said, "Traceback" in said) == (False, False)
        (tmp_path / ".env").write_text("\n".join(lines))
        assert await asyncio.to_thread(bring_up_to_date, roles.url("app"), own=False)  # as `make up` does
        assert await asyncio.to_thread(migrate, ["upgrade"]) == 0
        monkeypatch.setenv("DATABASE_URL", roles.url("nobody"))  # of the environment: it is meant
        assert await asyncio.to_thread(migrate, ["upgrade"]) == 1


async def test_the_services_change_rows_and_nothing_else(roles: Roles) -> None:
    for statement in (
        "CREATE TABLE mine (a int)",
        "DROP TABLE job",
        "ALTER TABLE job ADD COLUMN a int",
        "CREATE INDEX a ON job (model)",
        "TRUNCATE job",
        "ALTER TABLE audit_event DISABLE TRIGGER audit_is_append_only",
        "UPDATE audit_event SET actor = 'nobody'",
        "DELETE FROM audit_event",
        "UPDATE alembic_version SET version_num = '0001'",
        "CREATE ROLE mine",
        "GRANT transcripts_migrator TO transcripts_app",
        "SET ROLE transcripts_migrator",
        "CREATE TEMP TABLE mine (a int)",
        "CREATE SCHEMA mine",
        "COPY job TO PROGRAM 'cat'",
    ):
        assert await is_refused(roles.url("app"), statement), statement


async def test_dashboards_see_numbers_and_nothing_that_was_said(roles: Roles) -> None:
    for statement in (
        "SELECT content FROM transcript_segment",
        "SELECT title FROM session",
        "SELECT * FROM session",
        "SELECT phrases FROM job",
        "SELECT hash FROM api_key",
        "SELECT secret FROM webhook_endpoint",
        "SELECT body FROM idempotency_key",
        "SELECT * FROM audit_event",
        "SELECT prune_audit(30, 1)",
        "DELETE FROM job",
    ):
        unlocked = "SET default_transaction_read_only = off"
        assert await is_refused(roles.url("reader"), unlocked, statement), statement


async def test_the_services_prune_the_audit_trail_as_its_owner_allows(roles: Roles) -> None:
    await attempt(roles.url("app"), "SELECT prune_audit(30, 100)")


async def test_dashboards_see_what_the_documents_show(roles: Roles) -> None:
    """Each query of the documents, as it stands there, and the like."""
    shown = [sql for document in documents() for sql in fences(document, "sql")]
    assert sum(sql.count("SELECT") for sql in shown) >= 4
    await attempt(
        roles.url("reader"),
        *(sql.replace("'…'", f"'{new_id()}'") for sql in shown),
        "SELECT sum(micro_dollars) FROM usage",
        "SELECT id, state FROM (SELECT id, CASE WHEN draining THEN 'draining' END AS state FROM worker) w",
        "SELECT s.status, ps.progress FROM session s LEFT JOIN processing_status ps ON s.id = ps.session_id",
    )


async def test_what_another_role_made_becomes_the_migrator_s(database_url: str) -> None:
    """An installation that ran as one superuser moves over, and its next migration runs as the migrator."""
    async with with_roles(database_url) as roles:
        await attempt(
            roles.url("migrator"), "ALTER TABLE job ADD COLUMN a int", "ALTER TABLE job DROP COLUMN a"
        )
        await attempt(roles.url("migrator"), "CREATE TABLE later (a int)")
        await attempt(roles.url("app"), "INSERT INTO later VALUES (1)", "SELECT count(*) FROM job")
        assert await is_refused(roles.url("reader"), "SELECT a FROM later")


@pytest.mark.parametrize(
    ("user", "command"),
    [
        ("worker", "FLUSHALL"), ("worker", "FLUSHDB"), ("worker", "KEYS *"), ("worker", "SCAN 0"),
        ("worker", "CONFIG GET *"), ("worker", "CONFIG SET maxmemory-policy allkeys-lru"), ("worker", "SHUTDOWN"),
        ("worker", "ACL LIST"), ("worker", "MONITOR"), ("worker", "SCRIPT FLUSH"), ("worker", "GET another"),
        ("worker", "SET another 1"), ("worker", "PUBLISH a b"), ("worker", "SUBSCRIBE a"), ("worker", "CLIENT LIST"),
        ("worker", "REPLICAOF 127.0.0.1 1"), ("worker", "MIGRATE h 1 k 0 1"),
        ("api", "FLUSHALL"), ("api", "BLPOP transcripts:wake 1"), ("api", "ZREM transcripts a"),
        ("api", "GET arq:retry:a"), ("api", "CONFIG GET *"), ("api", "KEYS *"), ("api", "ACL WHOAMI"),
    ],
)  # fmt: skip
async def test_users_of_redis_are_refused_what_they_do_not_need(
    users: dict[str, str], user: str, command: str
) -> None:
    async with Client.from_url(users[user]) as redis:
        with pytest.raises(NoPermissionError):
            await redis.execute_command(*command.split())
    assert [name for name, *_ in await refusals(users["admin"])] == [f"transcripts-{user}"]


async def test_a_script_can_do_no_more_than_its_caller(users: dict[str, str]) -> None:
    async with Client.from_url(users["worker"]) as redis:
        for body in ("return redis.call('FLUSHALL')", "return redis.call('GET', 'another')"):
            with pytest.raises(Exception, match=r"(?i)permission"):
                await redis.eval(body, 0)


async def ended(http: httpx.AsyncClient, job: str) -> dict[str, Any]:
    while (found := (await http.get(f"/v1/jobs/{job}", headers={"Prefer": "wait=20"})).json())[
        "finished_at"
    ] is None:
        pass
    return dict(found)


@pytest.mark.slow
async def test_a_job_s_whole_life_needs_no_more(roles: Roles, users: dict[str, str], tmp_path: Path) -> None:
    """Sent, retried, handed over at a stop, taken over after a kill, cancelled: and nobody was refused anything."""
    storage, app = tmp_path / "objects", roles.url("app")
    api = ApiProcess(tmp_path, app, users["api"])

    def worker(name: str) -> Any:
        return a_worker(
            tmp_path / f"{name}.log", app, users["worker"], storage,
            TRANSCRIPTS_LEASE_SECONDS="1", TRANSCRIPTS_SWEEP_SECONDS="0.5", TRANSCRIPTS_RETRY_BASE_SECONDS="0.1",
        )  # fmt: skip

    async with AsyncExitStack() as stack:
        stack.push_async_callback(api.end)
        await api.start()
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=api.url, timeout=300))

        async def send(model: str) -> str:
            answer = await http.post(
                "/v1/sessions", files={"audio": ("a.wav", tone_wav(0.5))}, data={"model": model}
            )
            assert answer.status_code == 202, answer.text
            return str(answer.json()["job"]["id"])

        first = await stack.enter_async_context(worker("first"))
        short = await send("fail=engine_unavailable,until=2")
        assert (await ended(http, short))["attempt"] == 2
        handed_over, endless = await send("seconds=3"), await send("seconds=600")
        await first.wrote(endless)
        assert await first.stop() == 0
        second = await stack.enter_async_context(worker("second"))
        await second.wrote(endless)
        await second.kill()
        await stack.enter_async_context(worker("third"))
        assert (await ended(http, handed_over))["status"] == "succeeded"
        assert (await http.post(f"/v1/jobs/{endless}/cancel")).status_code < 300
        assert (await ended(http, endless))["status"] == "cancelled"
        assert (await http.get("/readyz")).status_code == 200
        assert (await http.get("/v1/ops/scaling")).json()["running"] == 0
    assert await refusals(users["admin"]) == []


@pytest.mark.parametrize("user", ["api", "worker"])
async def test_each_user_may_ring(users: dict[str, str], user: str) -> None:
    redis = connect(users[user])
    queue = RedisJobQueue(redis)
    await check_redis(redis)
    assert await queue.ring([Ring(new_id(), Priority.HIGH, None, None, None)]) == 1
    await WebhookBell(redis).ring()
    await queue.aclose()
    assert await refusals(users["admin"]) == []


async def test_google_s_budget_is_shared_by_workers(users: dict[str, str]) -> None:
    redis = connect(users["worker"])
    await CallBudget(redis, "google:p:l:operations", per_minute=150).take()
    await redis.aclose(close_connection_pool=True)
    assert await refusals(users["admin"]) == []
