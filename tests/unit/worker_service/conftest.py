"""Recordings prepared as a run prepares them."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.media import prepared
from worker_service.media.preparing import PreparedAudio, prepare

HOUR_MS = 3_600_000

Prepare = Callable[..., Awaitable[PreparedAudio]]


@pytest.fixture
def run(tmp_path: Path) -> Prepare:
    """Prepares a recording; whatever comes of it, nothing half-written is left."""
    folder = tmp_path / "scratch"
    folder.mkdir()

    async def run(source: Path, **options: Any) -> PreparedAudio:
        target = folder / "audio.flac"
        try:
            audio = await prepare(source, target, **{"max_duration_ms": HOUR_MS, **options})
        except BaseException:
            assert list(folder.iterdir()) == []
            raise
        assert list(folder.iterdir()) == [target]
        assert audio.path == target
        assert len(prepared(target)) * 1000 // 16_000 == audio.duration_ms
        return audio

    return run


def codes(audio: PreparedAudio) -> list[str]:
    return [notice.code for notice in audio.warnings]
