"""Errors reach Sentry by its real SDK, without what must not leave; tested on a receiver of ours."""

import asyncio
import gzip
import itertools
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from shared.version import installed_version
from tests.fixtures.api_process import ApiProcess
from tests.fixtures.receiver import Message, Receiver, a_receiver, says
from tests.fixtures.worker_process import start_worker


def dsn(sink: Receiver) -> str:
    """The receiver as a DSN."""
    return f"{sink.url.replace('://', '://public@')}/1"


def reports(sink: Receiver) -> list[Any]:
    """The events in what came: an envelope is lines of JSON."""
    return [event for message in sink.got for event in _events(message)]


def _events(message: Message) -> list[Any]:
    body = (
        gzip.decompress(message.body) if message.headers.get("content-encoding") == "gzip" else message.body
    )
    items = [json.loads(line) for line in body.splitlines()]
    return [item for header, item in itertools.pairwise(items) if header.get("type") == "event"]


async def test_an_unforeseen_error_is_reported_without_secrets(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """F39."""
    async with a_receiver() as sink:
        sink.answer = lambda _message: says(200, b"{}", Content_Type="application/json")
        api = ApiProcess(
            tmp_path, database_url, redis_url, SENTRY_DSN=dsn(sink), SENTRY_ENVIRONMENT="rehearsal"
        )
        await api.start()
        connection = await asyncpg.connect(database_url)
        await connection.execute("ALTER TABLE transcript_segment RENAME TO hunter2")
        await connection.close()
        async with httpx.AsyncClient(base_url=api.url) as http:
            secret = {"Authorization": "Bearer hunter2", "X-Other": "hunter2"}
            answer = await http.get("/v1/search?q=hunter2", headers={"X-Request-Id": "mine-1", **secret})
        assert answer.status_code == 500
        await sink.first(1)
        await api.end()
    [event] = reports(sink)
    assert (event["environment"], event["level"]) == ("rehearsal", "error")
    assert event["release"] == f"coaching-transcripts@{installed_version()}"
    assert event["tags"]["request_id"] == "mine-1"
    assert event["tags"]["service"] == "api"
    assert event["exception"]["values"][-1]["type"] == "UndefinedTableError"
    assert datetime.fromisoformat(event["timestamp"]).tzinfo is not None
    assert "request" not in event
    assert '"vars"' not in json.dumps(event)
    assert "hunter2" not in json.dumps(event)


CRASH = """
from shared.observation import error_reports
from shared.observation.logs import configure
from shared.settings.observation import Observation
configure("INFO", "json", "api")
error_reports.configure(Observation(), "api")
def work(words):
    raise RuntimeError("lost redis://:hunter2@cache")
work("what was said")
"""


async def test_a_process_that_dies_reports_why(tmp_path: Path) -> None:
    async with a_receiver() as sink:
        sink.answer = lambda _message: says(200, b"{}")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CRASH, env={"SENTRY_DSN": dsn(sink), "PYTHONPATH": "."}
        )
        assert await process.wait() == 1
    [event] = reports(sink)
    assert (event["level"], event["contexts"]["log"]["event"]) == ("fatal", "the process ends")
    assert event["exception"]["values"][0]["value"] == "lost redis://:[hidden]@cache"
    frames = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert all("vars" not in frame for frame in frames)


async def test_a_dsn_that_is_none_is_refused_at_start(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    worker = await start_worker(tmp_path / "w.log", database_url, redis_url, tmp_path, SENTRY_DSN="hunter2")
    assert await worker.process.wait() == 2
    assert "SENTRY_DSN is no DSN" in worker.text
    assert "hunter2" not in worker.text


@pytest.mark.parametrize("service", ["api_service.__main__", "worker_service.__main__"])
def test_nothing_is_loaded_where_nothing_is_reported(service: str) -> None:
    code = (
        f"import sys, {service}; from shared.observation import error_reports\n"
        "from shared.settings.observation import Observation\n"
        "error_reports.configure(Observation(), 'x')\n"
        "print([name for name in sys.modules if name.startswith('sentry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
