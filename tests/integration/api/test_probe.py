"""The probe of the API's image."""

import asyncio

import pytest

from api_service import probe
from deploy.local.processes import free_port
from tests.integration.api.conftest import StartApi


async def test_the_probe_says_what_the_api_says(
    start_api: StartApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """F36: healthy is the API that can do its work, not the process that is there."""
    async with start_api() as api:
        monkeypatch.setenv("PORT", str(api.http.base_url.port))
        assert await asyncio.to_thread(probe.main) == 0
        assert '"status":"ready"' in capsys.readouterr().out
        await api.pool.execute("ALTER TABLE alembic_version RENAME TO gone")
        assert await asyncio.to_thread(probe.main) == 1
        assert '"code":"unavailable"' in capsys.readouterr().out


def test_the_probe_of_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PORT", str(free_port()))
    assert probe.main() == 1
    assert "does not answer" in capsys.readouterr().out
