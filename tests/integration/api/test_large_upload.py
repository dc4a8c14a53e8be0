"""A recording of 2 GB whose line breaks half-way: it goes on, arrives whole, and costs the API no memory (F41)."""

import asyncio
import base64
import hashlib
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from shared.checksums import crc32c, crc32c_text
from tests.fixtures.api_process import ApiProcess
from tests.fixtures.audio import tone_wav

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SIZE = 2_000_000_000
MIB = 1024 * 1024
FLAT_KIB = 48 * 1024
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}
NOISE = hashlib.shake_128(b"two gigabytes").digest(MIB - 8)
HEAD = tone_wav(0.1)


def recording(start: int = 0) -> Iterator[bytes]:
    """The bytes from `start` on: no two blocks are the same, so that one in a wrong place is noticed."""
    for at in range(start - start % MIB, SIZE, MIB):
        block = (at.to_bytes(8, "big") + NOISE)[: SIZE - at]
        if at == 0:
            block = HEAD + block[len(HEAD) :]
        yield block[max(start - at, 0) :]


def send_half(url: str, path: str) -> None:
    """Begin to send all of it, and be gone in the middle of a block."""
    parts = urlsplit(url)
    headers = {**BYTES, "Host": parts.netloc, "Upload-Offset": "0", "Content-Length": str(SIZE)}
    lines = [f"PATCH {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as line:
        line.sendall("\r\n".join(lines).encode())
        sent = 0
        for block in recording():
            line.sendall(block[: SIZE // 2 - sent])
            sent += len(block)
            if sent >= SIZE // 2:
                return


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The objects' folder, which pytest would keep for a while: four gigabytes of it."""
    yield tmp_path
    shutil.rmtree(tmp_path / "objects", ignore_errors=True)


async def test_two_gigabytes_go_on_after_a_drop_at_half(
    database_url: str, redis_url: str, folder: Path
) -> None:
    sha256, sum_ = hashlib.sha256(), 0
    for block in recording():
        sha256.update(block)
        sum_ = crc32c(block, sum_)
    said = base64.b64encode(crc32c_text(sum_).encode()).decode()
    api = await ApiProcess(folder, database_url, redis_url).start()
    try:
        with httpx.Client(base_url=api.url, timeout=600) as http:
            announced = {**TUS, "Upload-Length": str(SIZE), "Upload-Metadata": f"crc32c {said}"}
            path = http.post("/v1/uploads", headers=announced).headers["Location"]
            small = http.post("/v1/uploads", headers={**TUS, "Upload-Length": str(MIB)}).headers["Location"]
            http.patch(small, headers={**BYTES, "Upload-Offset": "0"}, content=next(recording()))
            before = api.peak_kib()

            send_half(api.url, path)
            while path not in api.log.read_text():  # the line of the request that has ended
                await asyncio.sleep(0.1)
            reached = stands_at(http, path)
            assert SIZE // 2 - MIB <= reached <= SIZE // 2
            answer = http.patch(
                path,
                headers={**BYTES, "Upload-Offset": str(reached), "Content-Length": str(SIZE - reached)},
                content=recording(reached),
            )
            assert answer.status_code == 204, answer.text
            assert stands_at(http, path) == SIZE
            made = http.post("/v1/sessions", json={"upload_id": path.rpartition("/")[2]})
            assert made.status_code == 202, made.text
            session = made.json()["session"]
        grown = api.peak_kib() - before
    finally:
        await api.end()
    stored = folder / "objects" / "sessions" / session["id"] / "source"
    with stored.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").digest() == sha256.digest()
    assert (session["audio"]["size"], session["audio"]["sha256"]) == (SIZE, sha256.hexdigest())
    assert grown < FLAT_KIB, f"{grown} KiB more than with 1 MiB"
    assert not any((folder / "objects" / path.removeprefix("/v1/")).rglob("*-*")), "its parts are gone"


def stands_at(http: httpx.Client, path: str) -> int:
    return int(http.head(path, headers=TUS).headers["Upload-Offset"])
