"""Our client's large files against the real API: recordings and zips out of it, recordings straight to a bucket."""

import io
import json
import logging
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from client.aio import AsyncClient
from client.calls.bucket import BucketError
from client.errors import NotFoundError
from client.models import Order
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.audio import tone_wav
from tests.fixtures.command_line import CommandLine, CommandServer
from tests.fixtures.cut_stream import CutStream
from tests.integration.api.conftest import Api, StartApi

pytest_plugins = ("tests.fakes.google.fixtures",)

LONG = tone_wav(1.0) + b"\7" * 9_000_000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "Übung 1.wav"
    path.write_bytes(LONG)
    return path


class Line(httpx.AsyncHTTPTransport):
    """Keeps what was sent; answers with `parts` left break after so many bytes."""

    def __init__(self, *parts: int) -> None:
        super().__init__()
        self.requests: list[httpx.Request] = []
        self._parts = list(parts)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        response = await super().handle_async_request(request)
        if request.url.path.endswith("/audio") and self._parts:
            response.stream = CutStream(response.stream, self._parts.pop(0), httpx.ReadError)
        return response


async def test_a_recording_comes_back_over_a_line_that_breaks(
    api: Api, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had come is not asked for again, and a file with the name is a whole one."""
    monkeypatch.setattr("client.retries.random.random", lambda: 0.0)  # the shorter pauses
    sent = await api.send(LONG, name="a.wav")
    line, back = Line(5_000_000, 1_000_000), tmp_path / "back.wav"
    steps: list[tuple[int, int]] = []
    async with AsyncClient(api.server.url, transport=line) as client:
        session = UUID(sent["session"]["id"])
        await client.sessions.audio(session, back, on_received=lambda *step: steps.append(step))
        with pytest.raises(NotFoundError):
            await client.sessions.audio(uuid4(), tmp_path / "none.wav")
    assert back.read_bytes() == LONG
    asked = [request.headers.get("Range") for request in line.requests[:3]]
    assert asked == [None, "bytes=5000000-", "bytes=6000000-"]
    assert steps[-1] == (len(LONG), len(LONG))
    assert not (tmp_path / "none.wav").exists()


async def test_commands_write_recordings_and_zips(
    api: Api, command_server: CommandServer, tmp_path: Path
) -> None:
    shell = CommandLine(command_server, tmp_path, api.server.url)
    sent = await api.send(tone_wav(0.5), name="Sitzung mit Ana.wav", title="Ana")
    session = sent["session"]["id"]
    ended = await shell.run("audio", sent["job"]["id"], "-o", tmp_path)
    assert ended.code == 0, ended.err
    assert (tmp_path / "Sitzung mit Ana.wav").read_bytes() == tone_wav(0.5)
    ended = await shell.run("archive", session, "-f", "txt", "-f", "srt", "-o", tmp_path / "all.zip")
    assert ended.code == 0, ended.err
    contents = json.loads(
        zipfile.ZipFile(io.BytesIO((tmp_path / "all.zip").read_bytes())).read("contents.json")
    )
    assert session in json.dumps(contents)
    assert (await shell.run("archive", "-f", "gif", "-o", tmp_path / "x.zip")).code == 2


async def test_an_address_is_sent_instead_of_a_file(
    api: Api, command_server: CommandServer, tmp_path: Path
) -> None:
    """What may be secret in it is sent, and shown to nobody."""
    shell = CommandLine(command_server, tmp_path, api.server.url)
    address = "https://recordings.example/a/session.m4a?signature=hush"
    ended = await shell.run("submit", address, "--no-wait", "--json")
    assert ended.code == 0, ended.err
    assert "hush" not in ended.out + ended.err
    session = UUID(ended.json["session"]["id"])
    assert await api.pool.fetchval("SELECT audio_source FROM session WHERE id = $1", session) == address
    told = await shell.run("submit", address, "--no-wait", "--webhook-url", "https://hooks.example/done")
    assert (told.code, "hush" in told.err) == (1, False)
    assert "webhook_url" in told.err or "Webhooks are off" in told.err, told.err
    missing = await shell.run("submit", "no-such.m4a")
    assert (missing.code, "is not there" in missing.err) == (2, True)


@pytest.fixture
async def bucket_api(start_api: StartApi, google: FakeGoogle) -> AsyncIterator[Api]:
    google.settings(require_auth=True)
    settings = {
        "TRANSCRIPTS_STORAGE_URL": "gs://recordings/of-coaches",
        "TRANSCRIPTS_GCS_ENDPOINT": google.storage_url,
        "GOOGLE_APPLICATION_CREDENTIALS_JSON": json.dumps(google.service_account()),
    }
    async with start_api(**settings) as running:
        yield running


async def test_a_recording_goes_straight_to_the_bucket(
    bucket_api: Api,
    google: FakeGoogle,
    recording: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No byte of it passes through the service, no key of ours reaches the bucket, and a broken line costs little."""
    monkeypatch.setattr("client.retries.random.random", lambda: 0.0)
    google.fault("storage.put", do="cut", size=4 * 1024 * 1024)
    line, sent = Line(), list[int]()
    with caplog.at_level(logging.INFO, logger="httpx"):
        async with AsyncClient(bucket_api.server.url, key="ours", transport=line) as client:
            made = await client.sessions.submit(
                recording, Order(language="en"), on_sent=lambda done, _: sent.append(done)
            )
    assert made.session.audio is not None
    assert (made.session.audio.size, made.session.audio.container) == (len(LONG), "wav")
    ours: list[httpx.Request] = []
    theirs: list[httpx.Request] = []
    for request in line.requests:
        (ours if str(request.url).startswith(bucket_api.server.url) else theirs).append(request)
    assert [request.method for request in ours if request.method == "PATCH"] == []
    assert [request.method for request in theirs] == ["POST", "PUT", "PUT", "PUT"]
    assert [r for r in theirs if "Authorization" in r.headers] == []
    assert sent[-1] == len(LONG)
    assert "Signature" in str(theirs[0].url)
    assert "Signature" not in caplog.text
    assert "upload_id" not in caplog.text.partition("PUT")[2]


async def test_a_bucket_that_cannot_be_reached_is_gone_round(
    bucket_api: Api, google: FakeGoogle, recording: Path
) -> None:
    class Walled(Line):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if str(request.url).startswith(google.storage_url):
                raise httpx.ConnectError("a wall", request=request)
            return await super().handle_async_request(request)

    line = Walled()
    async with AsyncClient(bucket_api.server.url, transport=line) as client:
        made = await client.sessions.submit(recording)
    assert made.session.audio is not None
    assert made.session.audio.size == len(LONG)
    assert "PATCH" in {request.method for request in line.requests}


async def test_a_bucket_that_refuses_says_so(bucket_api: Api, google: FakeGoogle, recording: Path) -> None:
    google.fault("storage.put", code=403, times=-1)
    async with AsyncClient(bucket_api.server.url) as client:
        with pytest.raises(BucketError) as refused:
            await client.sessions.submit(recording)
    assert "403" in refused.value.detail
    assert "http" not in refused.value.detail
