"""The probe of the worker's image."""

import asyncio
import socket

import asyncpg
import pytest

from worker_service import probe
from worker_service.observation import health
from worker_service.observation.health import HealthServer, Pulse

ROW = "INSERT INTO worker (id, host, pid, version, max_jobs, seen_at) VALUES ($1, $2, 1, '1', 1, now() - $3::interval)"


async def test_the_probe_looks_for_this_hosts_heartbeat(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """F36: a process that is there and does not work is not alive."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(ROW.replace("$3", "'0 s'"), "elsewhere", "another-host")
        await connection.execute(ROW.replace("$3", "'1 min'"), "stuck", socket.gethostname())
        assert await asyncio.to_thread(probe.main) == 1
        assert "was seen lately" in capsys.readouterr().out
        await connection.execute("UPDATE worker SET seen_at = now() WHERE id = 'stuck'")
        assert await asyncio.to_thread(probe.main) == 0
        await connection.execute("UPDATE worker SET stopped_at = now() WHERE id = 'stuck'")
        assert await asyncio.to_thread(probe.main) == 1
    finally:
        await connection.close()


def test_a_probe_without_a_database_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """F39: and shows no URL."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/x")
    assert probe.main() == 1
    assert capsys.readouterr().out == "The worker's heartbeat cannot be read: ConnectionRefusedError\n"


async def test_a_web_service_is_asked_on_the_port_that_the_platform_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """F36, F40."""
    pulse = Pulse(lambda _: None)
    server = HealthServer(pulse=pulse, takes_jobs=lambda: True, metrics=lambda: b"")
    async with server.listening("127.0.0.1", 0) as port:
        monkeypatch.setenv("PORT", str(port))
        assert await asyncio.to_thread(probe.main, ["--as-web-service"]) == 0
        monkeypatch.setattr(health, "STALE_S", 0.0)
        assert await asyncio.to_thread(probe.main, ["--as-web-service"]) == 1
        assert "no heartbeat" in capsys.readouterr().out
    for named, said in ((str(port), "does not answer"), ("http", "is not a port")):
        monkeypatch.setenv("PORT", named)
        assert probe.main(["--as-web-service"]) == 1
        assert said in capsys.readouterr().out
