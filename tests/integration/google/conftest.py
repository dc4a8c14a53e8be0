"""The engine google on the fake."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shared.errors import EngineUnavailableError
from shared.settings import WorkerSettings
from tests.fakes.google.calls import connect, submit
from tests.fakes.google.calls import order as an_order
from tests.fakes.google.environment import google_settings
from tests.fakes.google.process import FakeGoogle
from tests.fakes.google.recordings import flac
from worker_service.engines.google.engine import GoogleEngine
from worker_service.engines.google.opening import open_google
from worker_service.engines.port import SpeechRequest, Waited

Order = Callable[..., SpeechRequest]


def open_engine(
    google: FakeGoogle,
    redis: Any = None,
    *,
    settle_s: float = 0.5,
    waited: Waited = lambda _where, _quota, _seconds: None,
    **changes: str,
) -> GoogleEngine:
    """An engine as a worker opens it, that settles sooner what is unclear."""
    needed = {
        "DATABASE_URL": "postgresql://h/d",
        "REDIS_URL": "redis://h",
        "TRANSCRIPTS_STORAGE_URL": "file:///none",
    }
    settings = WorkerSettings(**{**needed, **google_settings(google), **changes})  # type: ignore[arg-type]
    return open_google(settings, redis, settle_s=settle_s, waited=waited)


@pytest.fixture
async def engine(google: FakeGoogle) -> AsyncIterator[GoogleEngine]:
    google.settings(operation_ms=0, require_auth=True)
    engine = open_engine(google)
    yield engine
    await engine.aclose()


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """Makes requests, each of a job of its own."""

    def make(ms: int = 30_500, **changes: Any) -> SpeechRequest:
        audio = tmp_path / f"{ms}.flac"
        audio.write_bytes(flac(ms))
        values: dict[str, Any] = {"language": "en-US", **changes}
        return SpeechRequest(uuid4(), 1, audio, ms, **values)

    return make


async def started(engine: GoogleEngine, request: SpeechRequest) -> str:
    """The operation of a request, as an attempt starts it."""
    engine.check(request)
    return await engine.submit(request, await engine.stage(request))


async def heard(engine: GoogleEngine, request: SpeechRequest) -> Any:
    """All of an attempt."""
    return await engine.follow(request, await started(engine, request), lambda _: None)


async def lost(google: FakeGoogle, engine: GoogleEngine, request: SpeechRequest) -> str:
    """Start an operation whose answer gets lost; returns its name."""
    google.fault("BatchRecognize", when="after", code="UNAVAILABLE")
    with pytest.raises(EngineUnavailableError):
        await started(engine, request)
    return str(google.operations()[-1]["name"])


async def twin(google: FakeGoogle, request: SpeechRequest, location: str = "us") -> str:
    """Another operation with the same prefix, as a proxy that repeats a request would make it."""
    client = connect(google)
    again = an_order(
        f"gs://recordings/speech/staged/{request.job_id}/1/us/audio.flac",
        f"speech/{request.prefix}", location=location, model="chirp_3",
    )  # fmt: skip
    again.recognizer = f"projects/fake-project/locations/{location}/recognizers/_"
    name = (await submit(client, again)).name
    await client.transport.close()  # type: ignore[no-untyped-call]
    return str(name)
