"""What the doctor says of set-ups that are broken, each in the way that people break them, and of one that works."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from deploy.doctor.__main__ import main
from deploy.local.redis import Redis
from shared.database import open_pool
from shared.ids import new_id
from shared.settings import known_settings
from tests.fixtures.packages import a_plugin
from tests.fixtures.rows import sign_on, stored_job


@pytest.fixture(autouse=True)
def site(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, redis_url: str
) -> pytest.MonkeyPatch:
    """A set-up that works, but for workers and an API; in a folder without `.env`."""
    monkeypatch.chdir(tmp_path)
    for name in (*known_settings(), "TRANSCRIPTS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("TRANSCRIPTS_STORAGE_URL", (tmp_path / "objects").as_uri())
    monkeypatch.setenv("TRANSCRIPTS_ENGINES", "scripted")
    return monkeypatch


async def examine(
    capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the gravest finding of each subject."""
    code = await asyncio.to_thread(main, ["--json", "--api", "http://127.0.0.1:1", *arguments])
    found: dict[str, dict[str, Any]] = {}
    grave = ["ok", "note", "fail"]
    for finding in json.loads(capsys.readouterr().out):
        before = found.get(finding["subject"])
        if before is None or grave.index(finding["grade"]) > grave.index(before["grade"]):
            found[finding["subject"]] = finding
    return code, found


async def test_no_workers(capsys: pytest.CaptureFixture[str]) -> None:
    """The first trouble of the older guide."""
    code, found = await examine(capsys)
    assert code == 1
    assert (found["workers"]["grade"], "make run-worker" in found["workers"]["fix"]) == ("fail", True)
    others = {
        finding["grade"]
        for subject, finding in found.items()
        if subject not in {"workers", "API", "Redis"}
        and finding["code"] != "postgres_slow"  # as a busy machine is
    }
    assert others == {"ok"}


async def test_a_set_up_that_works(capsys: pytest.CaptureFixture[str], database_url: str) -> None:
    async with await open_pool(database_url, size=1, name="test") as pool:
        await sign_on(pool, places=4)
    code, found = await examine(capsys)
    assert code == 0
    assert found["workers"]["detail"] == "1 alive, 0 of 4 places taken"
    assert "make run-api" in found["API"]["fix"]


async def test_an_engine_that_is_not_installed_or_broken(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site.setenv("TRANSCRIPTS_ENGINES", "scripted,siri")
    code, found = await examine(capsys)
    assert (code, found["engines"]["grade"]) == (1, "fail")
    assert "no engine 'siri'" in found["engines"]["detail"]
    site.syspath_prepend(a_plugin(tmp_path / "others", code="import no_such_sdk", engines="odd_speech:open"))
    site.setenv("TRANSCRIPTS_ENGINES", "odd")
    code, found = await examine(capsys)
    assert (code, "odd-speech 2.1" in found["engines"]["detail"]) == (1, True)


async def test_redis_refuses_or_is_away(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch, redis_url: str
) -> None:
    """The second trouble of the older guide; F39."""
    site.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")
    code, found = await examine(capsys)
    assert (code, "docker compose up -d redis" in found["Redis"]["fix"]) == (1, True)
    site.setenv("REDIS_URL", redis_url.replace("redis://:", "redis://:wrong"))
    code, found = await examine(capsys)
    assert "refuses the password" in found["Redis"]["detail"]
    assert "hunter2" not in json.dumps(found)


async def test_a_redis_that_evicts(capsys: pytest.CaptureFixture[str], redis_server: Redis) -> None:
    """F4."""
    redis_server.ask("CONFIG SET maxmemory-policy allkeys-lru")
    try:
        _, found = await examine(capsys)
    finally:
        redis_server.ask("CONFIG SET maxmemory-policy noeviction")
    assert (found["eviction"]["grade"], "noeviction" in found["eviction"]["fix"]) == ("fail", True)


async def test_postgres_is_away_refuses_or_is_not_migrated(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch, database_url: str, empty_database_url: str
) -> None:
    site.setenv("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/d")
    code, found = await examine(capsys)
    assert (code, "cannot be reached" in found["Postgres"]["detail"]) == (1, True)
    assert "hunter2" not in json.dumps(found)
    site.setenv("DATABASE_URL", f"{database_url}_not_there")
    assert "no such database" in (await examine(capsys))[1]["Postgres"]["detail"]
    site.setenv("DATABASE_URL", empty_database_url)
    code, found = await examine(capsys)
    assert (code, found["schema"]["fix"]) == (1, "make migrate")
    assert "workers" not in found  # there is no table to look at


async def test_settings_that_are_missing_or_misspelt(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch
) -> None:
    """F37."""
    site.setenv("TRANSCRIPTS_MAX_JOBS", "3")
    _, found = await examine(capsys)
    assert "Did you mean MAX_JOBS" in found["settings"]["detail"]
    site.delenv("TRANSCRIPTS_MAX_JOBS")
    site.delenv("REDIS_URL")
    code, found = await examine(capsys)
    assert (code, "REDIS_URL is not set" in found["settings"]["detail"]) == (1, True)


async def test_models_that_are_not_there_and_storage_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site.setenv("TRANSCRIPTS_ENGINES", "local")
    site.setenv("TRANSCRIPTS_MODELS_DIR", str(tmp_path))
    (tmp_path / "file").touch()
    site.setenv("TRANSCRIPTS_STORAGE_URL", (tmp_path / "file" / "objects").as_uri())
    code, found = await examine(capsys)
    assert (code, found["speech"]["fix"], found["storage"]["grade"]) == (1, "make models", "fail")


async def test_jobs_that_no_worker_can_run_and_a_paused_queue(
    capsys: pytest.CaptureFixture[str], database_url: str
) -> None:
    async with await open_pool(database_url, size=1, name="test") as pool:
        await sign_on(pool)
        await stored_job(pool, engine="google")
        await pool.execute("INSERT INTO queue_pause (reason) VALUES ('quota')")
        await pool.execute("UPDATE job SET queued_at = now() - interval '1 hour'")
    code, found = await examine(capsys)
    assert code == 1
    assert "'google', which no worker runs" in found["engines"]["detail"]
    assert {"60 min" in found["queue"]["detail"], "quota" in found["queue"]["detail"]} == {True, False}


async def test_objects_without_a_row_are_told_and_kept(
    capsys: pytest.CaptureFixture[str], site: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """F37: what counts as old is a setting."""
    orphan = tmp_path / "objects" / "sessions" / str(new_id()) / "source"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"x" * 200_000)
    os.utime(orphan, times=(time.time() - 7_200,) * 2)
    assert (await examine(capsys))[1]["orphans"]["grade"] == "ok"
    site.setenv("TRANSCRIPTS_ORPHAN_HOURS", "1")
    _, found = await examine(capsys)
    assert found["orphans"]["grade"] == "note"
    assert "1 of 1 objects (0.2 MB) have no row. The workers delete them" in found["orphans"]["detail"]
    (tmp_path / "objects" / "owners").mkdir()
    (tmp_path / "objects" / "owners" / "another").touch()
    _, found = await examine(capsys)
    assert (
        "They are kept: another database, or a copy of this one, claims this store (another;"
        in found["orphans"]["detail"]
    )
    assert orphan.exists()


async def test_workers_are_listed_as_people_read_them(
    capsys: pytest.CaptureFixture[str], database_url: str
) -> None:
    """What the older guide's check script showed, and more."""
    assert await asyncio.to_thread(main, ["workers"]) == 1
    assert "No worker was seen" in capsys.readouterr().out
    async with await open_pool(database_url, size=1, name="test") as pool:
        await sign_on(pool, "host-1", places=4)
        await pool.execute("UPDATE worker SET tasks = '[\"transcription.run\"]', engines = '[\"local\"]'")
        job = await stored_job(pool)
        await pool.execute("UPDATE job SET status = 'running', worker = 'host-1'")
    assert await asyncio.to_thread(main, ["workers"]) == 0
    shown = capsys.readouterr().out
    assert "Registered tasks\n  transcription.run\n" in shown
    assert f"{job.id}  on host-1" in shown
    assert await asyncio.to_thread(main, ["workers", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["id"] == "host-1"
