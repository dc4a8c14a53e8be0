"""Pauses of the client that are noted and not made."""

import pytest


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the client would have made, in seconds; the part left to chance is at its longest."""
    made: list[float] = []

    async def sleep(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr("client.drivers.asyncio.sleep", sleep)
    monkeypatch.setattr("client.drivers.time.sleep", made.append)
    monkeypatch.setattr("client.retries.random.random", lambda: 1.0)
    return made
