"""The local stack as a user runs it: separate processes, signals, crashes, and what stays on disk."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import asyncpg
import httpx
import pytest

from deploy.local import leftovers
from deploy.local.folder import DataFolder
from shared.settings import known_settings

ROOT = Path(__file__).parents[2]
READY = "Ctrl-C stops everything"


class Terminal:
    """`python -m deploy.local` in a working folder of its own; `lines` is what it has written."""

    def __init__(self, folder: Path, *arguments: str, **env: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if name not in known_settings()}
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", *arguments],
            cwd=folder,
            env={**inherited, "PYTHONPATH": str(ROOT), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._news: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, part: str) -> None:
        while (line := self._news.get(timeout=300)) is not None:
            if part in line:
                return
        raise AssertionError(f"ended before it wrote {part!r}:\n{self.text}")

    def end(self) -> int:
        """Wait for its end; returns the exit code."""
        code = self.process.wait(300)
        self._reader.join()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip())
                self._news.put(line)
        self._news.put(None)


Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    terminals: list[Terminal] = []

    def started(*arguments: str, **env: str) -> Terminal:
        terminals.append(Terminal(tmp_path, *arguments, **env))
        return terminals[-1]

    yield started
    for terminal in terminals:
        terminal.process.kill()
        terminal.end()


def gone(programs: list[leftovers.Trace]) -> bool:
    deadline = time.monotonic() + 300
    while any(map(leftovers.alive, programs)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(leftovers.alive, programs))


def sessions(url: str) -> int:
    async def count() -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM session WHERE status = 'succeeded'"))
        finally:
            await connection.close()

    return asyncio.run(count())


def programs_of(folder: DataFolder) -> list[leftovers.Trace]:
    return leftovers.of_state(folder.state())


def from_shell(folder: DataFolder, name: str) -> str:
    """A variable as a shell has it that has read the env file."""
    script = f'. "{folder.env_file}"; printf %s "${name}"'
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout


def test_servers_are_all_that_a_service_started_by_hand_needs(tmp_path: Path, start: Start) -> None:
    folder = DataFolder(tmp_path / ".local")
    servers = start("servers")
    servers.wait_for(READY)
    assert [program["name"] for program in programs_of(folder)] == ["postgres", "redis"]
    status = start("status")
    assert (status.end(), "API" in status.text) == (0, False)
    by_hand = f'. "{folder.env_file}"; exec {sys.executable} -m deploy.migrations status'
    migrated = subprocess.run(
        ["/bin/sh", "-c", by_hand],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert migrated.returncode == 0, migrated.stderr
    second = start("servers")
    assert (second.end(), "already runs" in second.text) == (1, True)
    assert start("stop").end() == 0
    assert servers.end() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell a child of its parent's end")
def test_up_serves_survives_a_crash_and_says_what_ended(tmp_path: Path, start: Start) -> None:
    """F39, F43 and F44: one command, no secret in what it writes; killed, it leaves no process and loses no data."""
    folder = DataFolder(tmp_path / ".local")
    up = start("up", "--engine", "scripted")
    up.wait_for(READY)
    programs = programs_of(folder)
    assert [program["name"] for program in programs] == ["postgres", "redis", "api", "worker"]
    status = start("status")
    assert (status.end(), "ready" in status.text) == (0, True)
    second = start("up")
    assert (second.end(), "already runs" in second.text) == (1, True)
    demo = start("demo", "--engine", "scripted", "--model", "seconds=1,words=40")
    assert demo.end() == 0, demo.text
    assert "Transcribing" in demo.text
    assert "Speaker 1" in demo.text
    assert sessions(from_shell(folder, "DATABASE_URL")) == 1
    url, key = from_shell(folder, "TRANSCRIPTS_URL"), from_shell(folder, "TRANSCRIPTS_API_KEY")
    assert httpx.get(f"{url}/v1/sessions").status_code == 401
    mine = httpx.get(f"{url}/v1/sessions", headers={"Authorization": f"Bearer {key}"})
    with httpx.Client(base_url=url, headers={"Accept": "text/html"}, follow_redirects=True) as browser:
        assert "url=/console/sessions" in browser.get("/console/sessions").text  # let in, and sent on
        page = browser.get("/console/sessions").text
        assert "Two people on the telephone" in page
        assert key not in page
    assert len(mine.json()["items"]) == 1
    written = up.text + demo.text + "".join(path.read_text() for path in folder.logs.iterdir())
    for secret in (folder.password("postgres"), folder.password("redis"), folder.password("pepper"), key):
        assert secret not in written
    assert (folder.env_file.stat().st_mode & 0o777) == 0o600
    up.process.kill()
    up.end()
    assert gone(programs)

    again = start("up", "--engine", "scripted")
    again.wait_for(READY)
    assert sessions(from_shell(folder, "DATABASE_URL")) == 1
    assert from_shell(folder, "TRANSCRIPTS_API_KEY") == key
    programs = programs_of(folder)
    os.kill(next(program["pid"] for program in programs if program["name"] == "worker"), signal.SIGKILL)
    assert again.end() == 1
    assert "worker has ended with exit code -9" in again.text
    assert gone(programs)
    assert start("status").end() == 1


async def test_servers_of_the_user_s_own_are_used_and_ctrl_c_stops_the_rest(
    tmp_path: Path, start: Start, empty_database_url: str, redis_url: str
) -> None:
    folder = DataFolder(tmp_path / "elsewhere")
    up = start(
        "up", "--engine", "scripted", "--max-jobs", "3",
        DATABASE_URL=empty_database_url, REDIS_URL=redis_url, TRANSCRIPTS_HOME=str(folder.root),
    )  # fmt: skip
    await asyncio.to_thread(up.wait_for, READY)
    programs = programs_of(folder)
    assert [program["name"] for program in programs] == ["api", "worker"]
    assert not folder.postgres.exists()
    assert not folder.redis.exists()
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("SELECT max_jobs FROM worker") == 3
    await connection.close()
    up.process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(up.end) == 0
    assert "Stopped" in up.text
    assert not any(map(leftovers.alive, programs))


def test_a_database_of_the_user_s_own_that_is_away_is_named(start: Start, redis_url: str) -> None:
    up = start("up", DATABASE_URL="postgresql://nobody:s3cret@127.0.0.1:1/none", REDIS_URL=redis_url)
    assert up.end() == 1
    assert "the Postgres that DATABASE_URL names" in up.text
    assert "s3cret" not in up.text


def test_stopping_while_it_starts_leaves_nothing_and_the_next_start_goes_on(
    tmp_path: Path, start: Start
) -> None:
    folder = DataFolder(tmp_path / ".local")
    up = start("up", "--engine", "scripted")
    up.wait_for("Starting")
    up.process.send_signal(signal.SIGTERM)
    assert up.end() == 0, up.text
    assert not folder.is_held()
    assert not any(map(leftovers.alive, programs_of(folder)))
