"""How the API starts, refuses to, and stops."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.local.processes import free_port
from deploy.local.redis import Redis
from shared.errors import SetupError
from shared.settings import known_settings
from tests.fixtures.keys import PEPPER
from tests.fixtures.tcp_proxy import TcpProxy
from tests.integration.api.conftest import WAV, StartApi, eventually

ROOT = Path(__file__).parents[3]


async def refused(start_api: StartApi, **settings: Any) -> str:
    """What the API says where it refuses to start."""
    with pytest.raises(SetupError) as caught:
        async with start_api(**settings):
            pass
    return caught.value.detail


async def test_a_redis_that_evicts_is_refused(start_api: StartApi, redis_server: Redis) -> None:
    """F4."""
    assert redis_server.ask("CONFIG SET maxmemory-policy allkeys-lru") == [b"+OK"]
    try:
        said = await refused(start_api)
    finally:
        redis_server.ask("CONFIG SET maxmemory-policy noeviction")
    assert "allkeys-lru" in said
    assert "CONFIG SET maxmemory-policy noeviction" in said


async def test_a_redis_that_begins_to_evict_makes_the_api_unready(
    start_api: StartApi, redis_server: Redis
) -> None:
    """F4, F36."""
    async with start_api() as api:
        assert (await api.get("/readyz")).json()["status"] == "ready"
        redis_server.ask("CONFIG SET maxmemory-policy volatile-lru")
        try:
            answer = await api.get("/readyz")
        finally:
            redis_server.ask("CONFIG SET maxmemory-policy noeviction")
        assert answer.status_code == 503
        assert "volatile-lru" in answer.json()["checks"]["redis_policy"]["detail"]
        assert "redis_policy" in answer.json()["detail"]


async def test_a_database_without_our_tables_is_refused(start_api: StartApi, empty_database_url: str) -> None:
    assert "python -m deploy.migrations upgrade" in await refused(start_api, DATABASE_URL=empty_database_url)


async def test_stores_that_do_not_answer_are_refused_by_name(start_api: StartApi, tmp_path: Path) -> None:
    closed = free_port(0)
    assert "DATABASE_URL" in await refused(
        start_api, DATABASE_URL=f"postgresql://u:hunter2@127.0.0.1:{closed}/d"
    )
    said = await refused(start_api, REDIS_URL=f"redis://:hunter2@127.0.0.1:{closed}/0")
    assert "REDIS_URL" in said
    assert "hunter2" not in said
    (tmp_path / "file").touch()
    assert "cannot be used" in await refused(
        start_api, TRANSCRIPTS_STORAGE_URL=(tmp_path / "file" / "x").as_uri()
    )


async def test_an_engine_that_does_not_exist_is_refused(start_api: StartApi) -> None:
    """F37."""
    said = await refused(start_api, TRANSCRIPTS_DEFAULT_ENGINE="ears")
    assert "TRANSCRIPTS_DEFAULT_ENGINE" in said
    assert "local" in said


async def test_an_address_beyond_loopback_needs_a_yes(start_api: StartApi) -> None:
    """F43: without keys, nobody but this machine."""
    everywhere = {"TRANSCRIPTS_HOST": "0.0.0.0"}  # noqa: S104
    said = await refused(start_api, **everywhere)
    assert "TRANSCRIPTS_ALLOW_ANONYMOUS=true" in said
    assert "python -m api_service keys create" in said
    async with start_api(TRANSCRIPTS_ALLOW_ANONYMOUS="true", **everywhere) as api:
        assert (await api.get("/v1/sessions", Host="transcripts.example")).status_code == 200
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER, **everywhere) as api:
        assert (await api.get("/v1/sessions")).status_code == 401


async def test_asking_for_keys_and_for_none_is_refused(start_api: StartApi) -> None:
    """F43."""
    said = await refused(start_api, TRANSCRIPTS_PEPPER=PEPPER, TRANSCRIPTS_ALLOW_ANONYMOUS="true")
    assert "Unset one of them" in said


async def test_a_port_that_is_taken_is_told(start_api: StartApi) -> None:
    async with start_api() as api:
        taken = urlsplit(api.server.url).port
        assert f"127.0.0.1:{taken} cannot be bound" in await refused(start_api, PORT=taken)


async def test_answers_are_not_held_back(start_api: StartApi) -> None:
    """Nagle's algorithm would hold each answer for the 40 ms of a delayed acknowledgement."""
    async with start_api() as api:
        await api.get("/healthz")
        (connection,) = api.server.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_lost_database_is_told_by_readyz_alone(start_api: StartApi, database_url: str) -> None:
    """F36, F19: health says what it checked; no answer is empty; liveness looks at nothing."""
    port = urlsplit(database_url).port
    assert port
    async with AsyncExitStack() as database:
        proxy = await database.enter_async_context(TcpProxy("127.0.0.1", port))
        async with start_api(DATABASE_URL=database_url.replace(f":{port}", f":{proxy.port}")) as api:
            job = (await api.send())["job"]["id"]
            await database.aclose()
            assert (await api.get("/healthz")).status_code == 200
            ready = (await api.get("/readyz")).json()
            assert (ready["code"], ready["checks"]["postgres"]["ok"]) == ("unavailable", False)
            assert ready["checks"]["redis"]["ok"]
            poll = await api.get(f"/v1/jobs/{job}")
            assert (poll.status_code, poll.json()["code"]) == (503, "unavailable")
            assert poll.headers["Retry-After"] == "5"
            assert database_url not in ready["detail"] + poll.text


async def test_readyz_tells_of_workers_and_does_not_need_them(start_api: StartApi) -> None:
    """F36."""
    async with start_api() as api:
        found = (await api.get("/readyz")).json()["checks"]["workers"]
        assert not found["ok"]
        await api.pool.execute(
            "INSERT INTO worker (id, host, pid, version, max_jobs, running) VALUES ('w', 'h', 1, '1', 4, 3)"
        )
        found = (await api.get("/readyz")).json()["checks"]["workers"]
        assert found == {"ok": True, "detail": "1 seen in the last 15 s, running 3 of 4 jobs"}


# As a process ------------------------------------------------------------------------------------------


@asynccontextmanager
async def process(folder: Path, *arguments: str, **env: str) -> AsyncIterator[asyncio.subprocess.Process]:
    inherited = {name: value for name, value in os.environ.items() if name not in known_settings()}
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api_service", *arguments,
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def test_a_wrong_set_up_is_told_in_sentences_with_exit_code_2(tmp_path: Path) -> None:
    """F37."""
    async with process(tmp_path, TRANSCRIPTS_MAX_UPLOAD_BYTE="5") as api:
        said, _ = await api.communicate()
    assert api.returncode == 2
    assert said.decode().splitlines() == [
        "TRANSCRIPTS_MAX_UPLOAD_BYTE is not a setting. Did you mean TRANSCRIPTS_MAX_UPLOAD_BYTES?"
    ]


async def test_a_stop_lets_an_upload_finish_and_ends_with_0(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    port = free_port(0)
    env = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TRANSCRIPTS_STORAGE_URL": (tmp_path / "objects").as_uri(),
    }
    read, more = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n' + WAV
        read.set()
        await more.wait()
        yield b"\r\n--b--\r\n"

    async with process(tmp_path, "--port", str(port), **env) as api, httpx.AsyncClient(timeout=300) as http:

        async def up() -> bool:
            try:
                return (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(up)
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        url = f"http://127.0.0.1:{port}/v1/sessions"
        sending = asyncio.create_task(http.post(url, content=body(), headers=headers))
        await read.wait()
        while not list((tmp_path / "objects" / ".incoming").iterdir()):
            await asyncio.sleep(0.01)
        api.send_signal(signal.SIGTERM)
        assert api.stdout is not None
        while b"Shutting down" not in (line := await api.stdout.readline()):
            assert line
        more.set()
        assert (await sending).status_code == 202
        assert await api.wait() == 0
