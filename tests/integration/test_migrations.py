"""Migrations: they make exactly the tables of the models, and the older guide's query runs on them."""

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from deploy.migrations import head
from shared.database import SCHEMA_REVISION, check_schema, open_pool
from shared.errors import SetupError
from shared.tables import access, edits, pieces, sessions, staging, store, uploads, waveforms, webhooks
from tests.fixtures.rows import stored_job

GUIDE_QUERY = """
SELECT
    s.id,
    s.status,
    s.transcription_job_id,
    ps.progress,
    ps.message
FROM session s
LEFT JOIN processing_status ps ON s.id = ps.session_id
WHERE s.created_at > NOW() - INTERVAL '1 hour'
ORDER BY s.created_at DESC;
"""


async def test_migrations_equal_the_models(database_url: str) -> None:
    """F35: no drift between what tests run on and what is deployed."""
    assert sessions.Session.__tablename__ == "session"
    assert access.ApiKey.__tablename__ == "api_key"
    assert webhooks.WebhookEndpoint.__tablename__ == "webhook_endpoint"
    assert edits.TranscriptEdit.__tablename__ == "transcript_edit"
    assert uploads.Upload.__tablename__ == "upload"
    assert pieces.JobPieceRow.__tablename__ == "job_piece"
    assert staging.StagingRow.__tablename__ == "staging"
    assert store.StoreClaimRow.__tablename__ == "store_claim"
    assert waveforms.WaveformRow.__tablename__ == "waveform"

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return list(compare_metadata(context, SQLModel.metadata))

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(database_url), poolclass=NullPool
    )
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_checks_of_the_models_are_in_the_database(database_url: str) -> None:
    """Alembic does not compare CHECK constraints, so they are counted by name here."""
    wanted = {
        (table.name, constraint.name)
        for table in SQLModel.metadata.sorted_tables
        for constraint in table.constraints
        if type(constraint).__name__ == "CheckConstraint"
    }
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT conrelid::regclass::text AS name, conname FROM pg_constraint WHERE contype = 'c'"
        " AND connamespace = 'public'::regnamespace"
    )
    await connection.close()
    assert {(row["name"], row["conname"]) for row in rows} == wanted


async def test_the_guide_s_query_runs_unchanged(database_url: str) -> None:
    async with await open_pool(database_url, size=2, name="test") as pool:
        job = await stored_job(pool)
        rows = await pool.fetch(GUIDE_QUERY)
    assert [tuple(row) for row in rows] == [(job.session_id, "queued", job.id, 0, "Waiting for a worker")]


def test_the_code_expects_the_newest_migration() -> None:
    assert head() == SCHEMA_REVISION


async def test_an_unmigrated_database_is_refused_with_the_command_that_mends_it(database_url: str) -> None:
    async with await open_pool(database_url, size=2, name="test") as pool:
        await check_schema(pool)
        await pool.execute("UPDATE alembic_version SET version_num = '0000'")
        with pytest.raises(SetupError, match=r"python -m deploy\.migrations upgrade"):
            await check_schema(pool)
        await pool.execute("DROP TABLE alembic_version")
        with pytest.raises(SetupError, match="revision none"):
            await check_schema(pool)
