"""Nothing that is asked all the time reads a whole table, however many rows it has."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pytest

from shared import sessions
from shared.database import Pool, open_pool
from shared.ids import new_id
from shared.jobs import dispatch, operations
from shared.jobs import moves as job_moves
from shared.jobs import repository as jobs
from shared.lifecycle import JobStatus
from shared.operating import trends
from shared.transcripts import heads as transcript_heads
from shared.transcripts import repository as transcripts
from shared.webhooks import deliveries as webhook_deliveries
from worker_service.upkeep import sweep

ID: Final = new_id()
STATUSES: Final = [str(status) for status in JobStatus]
GROWING: Final = {
    "session", "job", "job_event", "job_piece", "processing_status", "transcript", "transcript_segment",
    "transcript_edit", "session_speaker", "usage", "operation", "webhook_delivery", "webhook_attempt", "upload",
    "upload_part", "idempotency_key", "waveform",
}  # fmt: skip
UNLED: Final = """
SELECT conrelid::regclass::text AS name FROM pg_constraint c WHERE contype = 'f' AND confdeltype = 'c'
    AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL
        AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)
"""
STATEMENTS: Final[dict[str, tuple[str, tuple[Any, ...]]]] = {
    "a poll": (f"{jobs._SELECT} WHERE j.id = $1 AND j.tenant_id = $2", (ID, "t")),
    "a claim": (job_moves.CLAIM, (ID, "w", None)),
    "a dispatch": (dispatch._PROMOTE, (5,)),
    "positions": (dispatch.POSITIONS, (5,)),
    "the sweep's forgotten": (sweep._FORGOTTEN, (5.0, 16.0)),
    "the sweep's stranded": (sweep._STRANDED, (5.0,)),
    "the sweep's lost": (sweep._LOST, (16.0,)),
    "what is past its time": (sessions._EXPIRED, (100,)),
    "an erasure's locks": (sessions._LOCK_JOBS, (ID,)),
    "a page of sessions": (sessions._PAGE, ("t", None, STATUSES, None, None, None, None, 50)),
    "a transcript's head": (transcripts._HEAD, (ID, "t")),
    "a transcript that changes": (transcript_heads._ENSURE, (ID, None)),
    "the trends": (trends._TRENDS, (timedelta(hours=1), timedelta(minutes=1))),
    "loose ends": (operations._LOOSE, (["google"], None, STATUSES)),
    "leftovers": (operations._LEFTOVERS, (["google"], 60.0)),
    "webhooks that are due": (webhook_deliveries._CLAIM, (32, 4, timedelta(seconds=40), [])),
    "webhooks that are old": (webhook_deliveries._FORGET, ()),
}


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(database_url, size=1, name="test") as opened:
        yield opened


async def test_whatever_goes_with_its_owner_is_found_by_an_index(pool: Pool) -> None:
    """F13: else each erasure reads all rows of everybody, with locks held."""
    assert [row["name"] for row in await pool.fetch(UNLED)] == []


async def test_what_is_asked_all_the_time_reads_no_whole_table(pool: Pool) -> None:
    """F18: the planner reads a whole table here only where no index would do."""
    await pool.execute("SET enable_seqscan = off")
    read: dict[str, set[str]] = {}
    for what, (statement, values) in STATEMENTS.items():
        plan = "\n".join(row[0] for row in await pool.fetch(f"EXPLAIN {statement}", *values))
        read[what] = set(re.findall(r"Seq Scan on (\w+)", plan)) & GROWING
    assert {what: tables for what, tables in read.items() if tables} == {}


async def test_no_statement_is_compiled(pool: Pool) -> None:
    """F18: with many rows the trends took two seconds to compile and one millisecond to run."""
    assert await pool.fetchval("SHOW jit") == "off"
