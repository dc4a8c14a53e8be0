"""Recordings from the web: fetched within bounds, from where they may be, and stored whole or not at all."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.errors import (
    EmptyUploadError,
    SourceRefusedError,
    SourceUnavailableError,
    TooLargeError,
    TranscriptsError,
    UnsupportedMediaError,
)
from shared.sources.addresses import networks_of
from shared.storage.disk import DiskStore
from tests.fixtures.audio import tone_wav
from worker_service.sources.fetching import Fetcher, FetchLimits

WAV = tone_wav(0.2) + os.urandom(300_000)
HERE = networks_of("127.0.0.0/8")
KEY = "sessions/1/source"

Reply = Callable[[asyncio.StreamWriter, str], Awaitable[None]]


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "objects")


@asynccontextmanager
async def web(reply: Reply) -> AsyncIterator[str]:
    """A server on this machine that answers as it is told; yields its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        try:
            await reply(writer, head)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def answers(status: str, body: bytes = b"", *headers: str) -> Reply:
    async def reply(writer: asyncio.StreamWriter, _: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    return reply


def fetcher(
    store: DiskStore, *, max_bytes: int = 10**7, max_s: float = 20.0, allowed: object = HERE
) -> Fetcher:
    return Fetcher(store, FetchLimits(max_bytes, max_s, allowed))  # type: ignore[arg-type]


async def refusal(store: DiskStore, url: str, **limits: float) -> TranscriptsError:
    """What a fetch is refused with; nothing is stored."""
    with pytest.raises(TranscriptsError) as refused:
        await fetcher(store, **limits).fetch(url, KEY)  # type: ignore[arg-type]
    assert await store.size(KEY) is None
    assert url not in refused.value.detail
    return refused.value


async def test_a_recording_is_fetched(store: DiskStore) -> None:
    async with web(answers("200 OK", WAV, "Content-Type: text/plain")) as url:
        stored, container = await fetcher(store).fetch(f"{url}/a.mp3?signature=hunter2", KEY)
    assert (stored.size, stored.sha256) == (len(WAV), hashlib.sha256(WAV).hexdigest())
    assert container.name == "wav"  # F23: neither its name nor its declared type


async def test_redirects_are_followed_some_of_the_way(store: DiskStore) -> None:
    hops = 0

    async def reply(writer: asyncio.StreamWriter, head: str) -> None:
        nonlocal hops
        hops += 1
        if "/5" in head.splitlines()[0]:
            await answers("200 OK", WAV)(writer, head)
        else:
            await answers("302 Found", b"moved", f"Location: /{hops}")(writer, head)

    async with web(reply) as url:
        await fetcher(store).fetch(f"{url}/0", KEY)
        assert hops == 6
    await store.delete_prefix(KEY)
    async with web(answers("302 Found", b"", "Location: /again")) as url:
        assert isinstance(await refusal(store, url), SourceRefusedError)


@pytest.mark.parametrize(
    "where",
    ["http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://[::1]/", "file:///etc/passwd",
     "http://localhost.localdomain:22/"],
)  # fmt: skip
async def test_a_redirect_to_the_inside_is_not_followed(store: DiskStore, where: str) -> None:
    async with web(answers("302 Found", b"", f"Location: {where}")) as url:
        assert isinstance(await refusal(store, url), SourceRefusedError)


async def test_a_name_that_leads_inside_is_refused_before_a_connection(store: DiskStore) -> None:
    """Judged is the address that a name resolves to, and that very address is connected to."""
    called = False

    async def reply(writer: asyncio.StreamWriter, head: str) -> None:
        nonlocal called
        called = True
        await answers("200 OK", WAV)(writer, head)

    async with web(reply) as url:
        port = url.rpartition(":")[2]
        limits = FetchLimits(10**7, 20.0)
        with pytest.raises(SourceRefusedError, match="private network"):
            await Fetcher(store, limits).fetch(f"http://localhost:{port}/", KEY)
        assert not called


REFUSALS: list[tuple[Reply, type[TranscriptsError], str]] = [
    (answers("404 Not Found", b"no"), SourceRefusedError, "404"),
    (answers("403 Forbidden"), SourceRefusedError, "403"),
    (answers("206 Partial Content", WAV), SourceRefusedError, "206"),
    (answers("503 Busy"), SourceUnavailableError, "503"),
    (answers("429 Slower"), SourceUnavailableError, "429"),
    (answers("200 OK", b"<html>sign in"), UnsupportedMediaError, "a web page"),
    (answers("200 OK", b"%PDF-1.7" + bytes(9000)), UnsupportedMediaError, "a PDF document"),
    (answers("200 OK"), EmptyUploadError, "empty"),
    (answers("200 OK", WAV, "Content-Encoding: gzip"), SourceRefusedError, "compressed"),
]


@pytest.mark.parametrize(("reply", "error", "words"), REFUSALS)
async def test_what_is_no_recording_says_why(
    store: DiskStore, reply: Reply, error: type[TranscriptsError], words: str
) -> None:
    async with web(reply) as url:
        found = await refusal(store, url)
    assert type(found) is error
    assert words in found.detail


async def test_a_recording_that_is_too_large_is_not_read_to_its_end(store: DiskStore) -> None:
    """F33: declared or not."""
    async with web(answers("200 OK", WAV)) as url:
        assert isinstance(await refusal(store, url, max_bytes=200_000), TooLargeError)

    async def endless(writer: asyncio.StreamWriter, _: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + WAV)
        while True:
            writer.write(bytes(65_536))
            await writer.drain()

    async with web(endless) as url:
        assert isinstance(await refusal(store, url, max_bytes=1_000_000), TooLargeError)


async def test_what_breaks_off_is_tried_again_later(store: DiskStore) -> None:
    async def breaks(writer: asyncio.StreamWriter, _: str) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {2 * len(WAV)}\r\n\r\n".encode() + WAV)

    async with web(breaks) as url:
        found = await refusal(store, url)
    assert isinstance(found, SourceUnavailableError)
    assert found.transient
    assert isinstance(await refusal(store, url), SourceUnavailableError)  # nobody listens any more


async def test_a_source_that_drips_is_given_up(store: DiskStore) -> None:
    async def drips(writer: asyncio.StreamWriter, _: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + WAV[:9000])
        await writer.drain()
        await asyncio.sleep(60)

    async with web(drips) as url:
        found = await refusal(store, url, max_s=0.5)
    assert isinstance(found, SourceUnavailableError)
    assert "within 0.5 s" in found.detail
