"""Migrations run beside people's work: they wait their turn, give way, come again, and say what is in the way."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.migrations import Patience, head, upgrade
from deploy.migrations.__main__ import main
from deploy.migrations.online import build_index
from shared.errors import SetupError
from tests.fixtures.repository import ROOT

BEFORE = "0014"
QUICK = Patience(lock_s=0.1, tries=3)
LOCK = 0x7472616E


async def revision(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT version_num FROM alembic_version"))
    finally:
        await connection.close()


@asynccontextmanager
async def a_long_report(url: str) -> AsyncIterator[Any]:
    """A transaction that has read the jobs and goes on: nobody may change the table meanwhile."""
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.fetch("SELECT count(*) FROM job")
    try:
        yield connection
    finally:
        await connection.close()


async def test_a_table_in_use_is_tried_again(empty_database_url: str) -> None:
    """It gives way after its limit, so that others do not stand behind it, and goes on where it was."""
    await asyncio.to_thread(upgrade, empty_database_url, BEFORE)
    loop = asyncio.get_running_loop()
    waits: list[float] = []
    async with a_long_report(empty_database_url) as report:

        def pause(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                asyncio.run_coroutine_threadsafe(report.execute("COMMIT"), loop).result()

        await asyncio.to_thread(upgrade, empty_database_url, patience=QUICK, pause=pause)
    assert waits == [1.0, 2.0]
    assert await revision(empty_database_url) == head()


async def test_a_table_that_stays_in_use_is_told(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await asyncio.to_thread(upgrade, empty_database_url, BEFORE)
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    async with a_long_report(empty_database_url):
        command = ["upgrade", "--lock-seconds", "0.1", "--tries", "1"]
        assert await asyncio.to_thread(main, command) == 1
    assert "in use for longer than 0.1 s, 1 times over" in capsys.readouterr().err
    assert await revision(empty_database_url) == BEFORE
    assert await asyncio.to_thread(main, command) == 0


async def test_a_statement_that_takes_too_long_is_taken_back(empty_database_url: str) -> None:
    """The limit of a lock does not count here: it is off."""
    await asyncio.to_thread(upgrade, empty_database_url, BEFORE)
    async with a_long_report(empty_database_url):
        with pytest.raises(SetupError, match="and was taken back"):
            await asyncio.to_thread(
                upgrade, empty_database_url, patience=Patience(lock_s=0, statement_s=0.1, tries=1)
            )
    assert await revision(empty_database_url) == BEFORE


async def test_two_at_once_take_turns(empty_database_url: str) -> None:
    command = (sys.executable, "-m", "deploy.migrations", "upgrade")
    environment = {**os.environ, "DATABASE_URL": empty_database_url}
    both = [await asyncio.create_subprocess_exec(*command, env=environment, cwd=ROOT) for _ in range(2)]
    assert [await each.wait() for each in both] == [0, 0]
    assert await revision(empty_database_url) == head()


async def test_who_waits_for_its_turn_holds_up_no_index(empty_database_url: str) -> None:
    """CREATE INDEX CONCURRENTLY waits for whoever has a snapshot: one that waited inside a query would never get it."""
    await asyncio.to_thread(upgrade, empty_database_url, BEFORE)
    first = await asyncpg.connect(empty_database_url)
    try:
        await first.execute("SELECT pg_advisory_lock($1::bigint)", LOCK)
        second = asyncio.create_task(asyncio.to_thread(upgrade, empty_database_url))
        while not await first.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%try_advisory%'"
            " AND pid <> pg_backend_pid()"
        ):
            await asyncio.sleep(0.01)
        await first.execute("CREATE INDEX CONCURRENTLY built_meanwhile ON job (model)", timeout=300)
        assert not second.done()
        await first.execute("DROP INDEX built_meanwhile")
        await first.execute("SELECT pg_advisory_unlock($1::bigint)", LOCK)
        await second
    finally:
        await first.close()
    assert await revision(empty_database_url) == head()


async def test_a_turn_that_never_comes_is_told(empty_database_url: str) -> None:
    first = await asyncpg.connect(empty_database_url)
    try:
        await first.execute("SELECT pg_advisory_lock($1::bigint)", LOCK)
        with pytest.raises(SetupError, match="Another migration has been running"):
            await asyncio.to_thread(upgrade, empty_database_url, patience=Patience(turn_s=0.3))
    finally:
        await first.close()


async def test_an_index_is_built_beside_writers_and_over_what_a_build_has_left(database_url: str) -> None:
    """With the limits of the run lifted for it alone."""
    link = await asyncpg.connect(database_url, server_settings={"lock_timeout": "4000"})
    writer = await asyncpg.connect(database_url)
    await link.execute("INSERT INTO budget (tenant_id, micro_dollars_per_month) VALUES ('a', 1), ('b', 1)")
    with pytest.raises(asyncpg.UniqueViolationError):
        await link.execute("CREATE UNIQUE INDEX CONCURRENTLY a_new_one ON budget (micro_dollars_per_month)")
    assert await validity(writer) == [False]

    def build(connection: Connection) -> None:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with Operations.context(context), context.begin_transaction(_per_migration=True):
            build_index("a_new_one", "budget", ["micro_dollars_per_month"], where="tenant_id <> ''")

    async def given() -> Any:
        return link

    engine = create_async_engine("postgresql+asyncpg://", async_creator=given, poolclass=NullPool)
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute("UPDATE budget SET micro_dollars_per_month = 2")
    async with engine.connect() as connection:
        building = asyncio.create_task(connection.run_sync(build))
        observer = await asyncpg.connect(database_url)
        while not await observer.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DROP INDEX CONCURRENTLY%'"
            " AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.01)
        await observer.execute("INSERT INTO budget (tenant_id, micro_dollars_per_month) VALUES ('c', 1)")
        await observer.close()
        await transaction.commit()
        await building
        assert await link.fetchval("SHOW lock_timeout") == "4s"
    await engine.dispose()
    assert await validity(writer) == [True]
    await writer.close()


async def validity(connection: Any) -> list[bool]:
    rows = await connection.fetch(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('a_new_one')"
    )
    return [row[0] for row in rows]
