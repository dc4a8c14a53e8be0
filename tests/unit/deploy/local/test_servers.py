"""The embedded servers: real ones, killed, started again, and handed what others left behind."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from deploy.local import postgres_binaries, redis
from deploy.local.leftovers import Trace, command_line, end, trace
from deploy.local.postgres import Postgres
from deploy.local.postgres_binaries import Binaries
from deploy.local.processes import account_for_servers, bound_command
from deploy.local.redis import Redis
from shared.errors import SetupError


def sources() -> list[Binaries]:
    """The machine's own Postgres, if it has one, and the wheel's."""
    return [*postgres_binaries.system()[:1], *postgres_binaries.embedded()]


@contextmanager
def started(server: Postgres | Redis) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.stop()


def run(server: Postgres, query: str) -> object:
    async def fetch() -> object:
        connection = await asyncpg.connect(server.url())
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def crash(server: Postgres | Redis) -> None:
    assert server.program is not None
    os.kill(server.program.pid, signal.SIGKILL)
    server.program.wait(300)


@contextmanager
def somebody_else() -> Iterator[int]:
    """The pid of another program of the user that Postgres runs as."""
    command = bound_command(["sleep", "600"], death_signal=signal.SIGKILL, account=account_for_servers())
    process = subprocess.Popen(command)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("binaries", sources(), ids=lambda b: f"{b.major}{'-embedded' * b.embedded}")
def test_postgres_keeps_its_rows_through_a_crash_and_a_reused_pid(tmp_path: Path, binaries: Binaries) -> None:
    folder = tmp_path / "it's here"
    server = Postgres(folder, password="p4ss", log=tmp_path / "log", binaries=binaries)
    (folder / "data.new").mkdir(parents=True)  # a start that was killed halfway
    (folder / "password.new").touch()
    with started(server):
        assert run(server, "SELECT current_setting('server_version_num')::int / 10000") == binaries.major
        assert run(server, "SELECT lower('ÄŽ')") == "äž"
        run(server, "CREATE TABLE kept AS SELECT 42 AS n")
        with pytest.raises(SetupError, match=r"already runs.*kill -INT"):
            Postgres(folder, password="p4ss", log=tmp_path / "log2", binaries=binaries).start()
        crash(server)
        pid_file = folder / "data" / "postmaster.pid"
        with somebody_else() as pid:
            pid_file.write_text("\n".join([str(pid), *pid_file.read_text().split("\n")[1:]]))
            server.start()
        assert run(server, "SELECT n FROM kept") == 42
    # Its files decide which version runs next, whatever is found first.
    again = Postgres(folder, password="p4ss", log=tmp_path / "log")
    with started(again):
        assert again.version == binaries.major
        assert run(again, "SELECT n FROM kept") == 42


def test_the_servers_want_their_passwords(postgres_server: Postgres, redis_server: Redis) -> None:
    for password in ("wrong", ""):
        with pytest.raises(asyncpg.InvalidPasswordError):
            asyncio.run(
                asyncpg.connect(
                    host="127.0.0.1", port=postgres_server.port, user="transcripts", password=password
                )
            )
    stranger = Redis(redis_server.folder, password="wrong", log=Path(os.devnull))
    stranger.port = redis_server.port
    assert [answer.split()[0] for answer in stranger.ask("PING")] == [b"-NOAUTH"]
    for password in (
        postgres_server.shell_values()["PGPASSWORD"],
        redis_server.shell_values()["REDISCLI_AUTH"],
    ):
        for server in (postgres_server, redis_server):
            assert server.program is not None
            assert password not in command_line(server.program.pid)


def test_postgres_says_why_it_does_not_start(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "pg", password="p", log=tmp_path / "log")
    (server.folder / "data").mkdir(parents=True)
    account = account_for_servers()
    if account is not None:
        os.chown(server.folder / "data", account.uid, account.gid)
    (server.folder / "data").chmod(0o700)
    (server.folder / "data" / "PG_VERSION").write_text(f"{sources()[0].major}\n")
    with pytest.raises(SetupError, match=r"(?s)did not start.*postgresql\.conf"):
        server.start()
    (server.folder / "data" / "PG_VERSION").write_text("13\n")
    with pytest.raises(SetupError, match="written by Postgres 13"):
        server.start()


def test_redis_keeps_its_keys_through_a_crash_and_never_evicts(tmp_path: Path) -> None:
    """F4: an evicting policy drops queue keys."""
    server = Redis(tmp_path / "it's here", password="p4ss", log=tmp_path / "log")
    with started(server):
        assert server.ask("SET kept 42") == [b"+OK"]
        assert server.ask("INFO memory")
        crash(server)
        server.start(port=server.port)
        assert server.ask("EXISTS kept") == [b":1"]
        assert b"noeviction" in (server.folder / "redis.conf").read_bytes()
        assert (server.folder / "redis.conf").stat().st_mode & 0o077 == 0


def test_redis_puts_files_aside_that_it_cannot_read(tmp_path: Path) -> None:
    """Redis only rings the bell: a queue that is lost costs time, a stack that does not start costs more."""
    server = Redis(tmp_path, password="p", log=tmp_path / "log")
    with started(server):
        assert server.ask("SET a b") == [b"+OK"]
    (base,) = (tmp_path / "appendonlydir").glob("*.base.rdb")
    base.write_bytes(b"REDIS9999" + base.read_bytes()[9:])
    with started(server):
        assert server.ask("EXISTS a") == [b":0"]
    assert (tmp_path / "appendonlydir.unreadable").is_dir()


def test_servers_that_a_lost_stack_left_are_ended(tmp_path: Path) -> None:
    server = Redis(tmp_path, password="p", log=tmp_path / "log")
    server.start()
    assert server.program is not None
    left: Trace = trace("redis", server.program.pid)
    assert end([left]) == ["redis"]
    assert server.program.wait(300) == 0


def test_a_machine_s_servers_must_be_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend(path: Path, answer: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{answer}'\n")
        path.chmod(0o755)

    root, bin_folder = tmp_path / "root", tmp_path / "bin"
    for major in (13, 14, 16):
        pretend(
            root / f"usr/lib/postgresql/{major}/bin/postgres", f"postgres (PostgreSQL) {major}.2 (Debian)"
        )
        (root / f"usr/lib/postgresql/{major}/bin/initdb").touch()
    pretend(root / "usr/lib/postgresql/17/bin/postgres", "postgres (PostgreSQL) 17.0")  # without initdb
    monkeypatch.setenv("PATH", str(bin_folder))
    assert [found.major for found in postgres_binaries.system(root)] == [16, 14]

    pretend(bin_folder / "redis-server", "Redis server v=6.0.16 sha=0")
    assert redis.find_binary().name == "valkey-server"  # the wheel's
    pretend(bin_folder / "redis-server", "Redis server v=7.0.15 sha=0")
    assert redis.find_binary() == bin_folder / "redis-server"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run a server as somebody else")
def test_programs_below_a_closed_folder_are_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = postgres_binaries.embedded()
    copies = tmp_path / "copies"
    monkeypatch.setattr(postgres_binaries, "COPIES", copies)
    monkeypatch.setattr(postgres_binaries, "_open_to_all", lambda _folder: False)
    copy = postgres_binaries.reachable_by_others(found)
    made = copy.folder.stat().st_ctime_ns
    assert copy.folder.is_relative_to(copies)
    answer = subprocess.run(
        [copy.folder / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    assert f" {copy.major}." in answer.stdout
    assert postgres_binaries.reachable_by_others(found).folder.stat().st_ctime_ns == made
