"""Our client's resumable uploads against the real API, over connections that break."""

import asyncio
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from client.aio import AsyncClient
from client.calls.uploads import FileChangedError
from client.command.pending import Pending
from client.errors import NotARecordingError
from client.models import Order
from client.sync import Client
from shared.storage import open_store
from tests.fixtures.audio import tone_wav
from tests.fixtures.command_line import CommandLine, CommandServer
from tests.fixtures.cut_stream import CutStream
from tests.integration.api.conftest import Api

HALF = 4_000_000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "lange Sitzung.wav"
    path.write_bytes(tone_wav(1.0) + b"\0" * 9_000_000)
    return path


class BreakingLine(httpx.AsyncHTTPTransport):
    """Connections that break after so many bytes of each upload's request; `offsets` are where these began.

    Who sent is told of a break once the API has kept what had arrived, however slow the machine.
    """

    def __init__(self, *after: int) -> None:
        super().__init__()
        self.offsets: list[int] = []
        self._after = list(after)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            self.offsets.append(int(request.headers["Upload-Offset"]))
            if self._after:
                request.stream = CutStream(request.stream, self._after.pop(0), httpx.WriteError)
        try:
            return await super().handle_async_request(request)
        except httpx.WriteError:
            await self._kept(request)
            raise

    async def _kept(self, request: httpx.Request) -> None:
        asked = httpx.Request("HEAD", request.url, headers={"Tus-Resumable": "1.0.0"})
        while True:
            answer = await super().handle_async_request(asked)
            await answer.aread()
            if int(answer.headers.get("Upload-Offset", "0")) > self.offsets[-1]:
                return
            await asyncio.sleep(0.01)


async def stored(api: Api, session_id: UUID) -> bytes:
    key = await api.pool.fetchval("SELECT audio_key FROM session WHERE id = $1", session_id)
    return b"".join([chunk async for chunk in open_store(api.settings.storage_url).read(key)])


async def test_a_line_that_breaks_costs_what_was_under_way(
    api: Api, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F41: what had arrived is not sent again, and the recording is whole."""
    monkeypatch.setattr("client.retries.random.random", lambda: 0.0)  # the shorter pauses
    line = BreakingLine(HALF, 1_000_000)
    told: list[UUID] = []
    sent: list[int] = []
    async with AsyncClient(api.server.url, transport=line) as client:
        made = await client.sessions.submit(
            recording,
            Order(language="en", metadata={"a": 1}),
            on_upload=told.append,
            on_sent=lambda done, _: sent.append(done),
        )
        assert (await client.uploads.get(told[0])).session_id == made.session.id
    assert line.offsets[0] == 0
    assert line.offsets == sorted(set(line.offsets))
    assert line.offsets[1] > 0
    assert await stored(api, made.session.id) == recording.read_bytes()
    assert (made.session.title, made.session.language, made.session.metadata) == (
        "lange Sitzung",
        "en",
        {"a": 1},
    )
    assert sent[-1] == recording.stat().st_size


async def test_an_upload_that_was_used_already_gives_what_was_made_of_it(api: Api, recording: Path) -> None:
    """F45: the answer got lost, and the key with it."""
    told: list[UUID] = []
    async with AsyncClient(api.server.url) as client:
        made = await client.sessions.submit(recording, on_upload=told.append)
        again = await client.sessions.submit(recording, upload_id=told[0])
    assert (again.session.id, again.job.id) == (made.session.id, made.job.id)
    assert await api.pool.fetchval("SELECT count(*) FROM session") == 1


async def test_small_recordings_go_in_one_request(api: Api, tmp_path: Path) -> None:
    small = tmp_path / "small.wav"
    small.write_bytes(tone_wav(1.0))
    told: list[UUID] = []
    async with AsyncClient(api.server.url) as client:
        await client.sessions.submit(small, on_upload=told.append)
        assert await client.uploads.offered()
    assert told == []


async def test_what_is_no_recording_and_what_has_changed_is_refused(api: Api, recording: Path) -> None:
    async with AsyncClient(api.server.url) as client:
        upload = await client.uploads.create(recording)
        recording.write_bytes(b"words " * 2_000_000)
        with pytest.raises(FileChangedError):
            await client.uploads.send(upload.id, recording)
        with pytest.raises(NotARecordingError):
            await client.sessions.submit(recording)
        await client.uploads.delete(upload.id)


async def test_the_command_goes_on_where_an_earlier_one_stopped(
    api: Api, recording: Path, command_server: CommandServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F41, F45."""
    shell = CommandLine(command_server, tmp_path, api.server.url)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    async with AsyncClient(api.server.url) as client:
        upload = await client.uploads.create(recording)
    began = await api.http.patch(
        f"/v1/uploads/{upload.id}",
        content=recording.read_bytes()[:HALF],
        headers={
            "Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"
        },
    )  # fmt: skip
    assert began.status_code == 204
    pending = Pending.of(api.server.url, recording, {"title": "Eins"})
    pending.keep(upload.id)
    ended = await shell.run("submit", recording, "--title", "Eins", "--no-wait", "--json")
    assert ended.code == 0
    assert ended.json["session"]["title"] == "Eins"
    assert await stored(api, UUID(ended.json["session"]["id"])) == recording.read_bytes()
    assert not pending.path.exists()
    # One that has expired meanwhile is begun anew.
    pending.keep(UUID(int=7))
    again = await shell.run("submit", recording, "--title", "Eins", "--no-wait", "--json")
    assert again.code == 0


async def test_the_blocking_client_sends_the_same(api: Api, recording: Path) -> None:
    def send() -> UUID:
        with Client(api.server.url) as client:
            return client.sessions.submit(recording).session.id

    session_id = await asyncio.to_thread(send)
    assert await stored(api, session_id) == recording.read_bytes()
