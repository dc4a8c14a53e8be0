"""Resumable uploads by tus 1.0, over real connections that break, and real processes that are killed."""

import asyncio
import base64
import gc
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import google_crc32c
import httpx
import pytest
from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

from tests.fixtures.api_process import ApiProcess
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.integration.api.conftest import WAV, Api, StartApi, eventually

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}
LONG = WAV + os.urandom(500_000)  # still a WAV by its first bytes


def described(**pairs: str) -> dict[str, str]:
    """An Upload-Metadata header."""
    encoded = (f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
    return {"Upload-Metadata": ",".join(encoded)}


async def announce(api: Api, data: bytes = LONG, **metadata: str) -> str:
    """Announce an upload; returns its path."""
    headers = {**TUS, "Upload-Length": str(len(data)), **(described(**metadata) if metadata else {})}
    answer = await api.http.post("/v1/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


async def send(api: Api, path: str, offset: int, data: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.http.patch(path, content=data, headers={**BYTES, "Upload-Offset": str(offset), **named})


async def received(api: Api, path: str) -> int:
    answer = await api.http.head(path, headers=TUS)
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


async def session_of(api: Api, path: str, **said: Any) -> httpx.Response:
    return await api.http.post("/v1/sessions", json={"upload_id": path.rpartition("/")[2], **said})


async def nothing_is_left(api: Api) -> None:
    assert api.stored() == []
    assert await api.pool.fetchval("SELECT count(*) FROM session") == 0


# By a client that is not ours -------------------------------------------------------------------------------


async def test_a_tus_client_sends_a_recording(api: Api, tmp_path: Path) -> None:
    """F41: tuspy as it is, in pieces with checksums."""
    (tmp_path / "會談.wav").write_bytes(LONG)

    def upload() -> str:
        with (tmp_path / "會談.wav").open("rb") as file:
            uploader = TusClient(f"{api.server.url}/v1/uploads").uploader(
                file_stream=file,
                chunk_size=100_000,
                metadata={"filename": "會談.wav", "filetype": "audio/wav"},
                upload_checksum=True,
            )
            uploader.upload()
            return str(uploader.url)

    url = await asyncio.to_thread(upload)
    assert (await api.http.get(url)).json()["complete"]
    answer = await session_of(api, url, language="zh-TW", title="第三次")
    assert answer.status_code == 202, answer.text
    session, job = answer.json()["session"], answer.json()["job"]
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (session["title"], job["language"], job["status"]) == ("第三次", "zh-TW", "queued")
    assert session["audio"] == {
        "filename": "會談.wav",
        "container": "wav",
        "media_type": "audio/wav",
        "size": len(LONG),
        "sha256": hashlib.sha256(LONG).hexdigest(),
    }
    assert [path.read_bytes() for path in api.stored()] == [LONG]  # and no part is left
    assert (await api.http.get(f"/v1/sessions/{session['id']}/audio")).content == LONG


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # tuspy leaves its files open
async def test_a_tus_client_goes_on_where_it_was_stopped(api: Api, tmp_path: Path) -> None:
    """It asks us how much we have; a new client does so from what it wrote down."""
    (tmp_path / "a.wav").write_bytes(LONG)
    client = TusClient(f"{api.server.url}/v1/uploads")

    def upload(stop_at: int | None) -> str:
        urls = FileStorage(str(tmp_path / "urls.json"))  # type: ignore[no-untyped-call]
        path = str(tmp_path / "a.wav")
        uploader = client.uploader(path, chunk_size=64_000, store_url=True, url_storage=urls)
        uploader.upload(stop_at=stop_at)
        urls.close()  # type: ignore[no-untyped-call]
        return str(uploader.url)

    first = await asyncio.to_thread(upload, 250_000)
    assert 250_000 <= await received(api, urlsplit(first).path) < len(LONG)
    assert await asyncio.to_thread(upload, None) == first
    gc.collect()  # here, where the warning is expected
    session = (await session_of(api, first)).json()["session"]
    assert session["audio"]["sha256"] == hashlib.sha256(LONG).hexdigest()


# By the protocol ---------------------------------------------------------------------------------------------


async def test_what_is_spoken_is_told(api: Api) -> None:
    answer = await api.http.options("/v1/uploads")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Tus-Version"] == "1.0.0"
    extensions = {"creation", "creation-with-upload", "checksum", "expiration", "termination"}
    assert set(answer.headers["Tus-Extension"].split(",")) == extensions
    assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")
    assert int(answer.headers["Tus-Max-Size"]) == api.settings.max_upload_bytes


async def test_an_upload_is_announced_sent_and_looked_at(api: Api) -> None:
    metadata = described(odd="", filename="a.wav")
    answer = await api.http.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(LONG)), **metadata})
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "0")
    path = answer.headers["Location"]
    body = answer.json()
    assert (body["size"], body["received"], body["complete"], body["direct"]) == (len(LONG), 0, False, None)
    sent = await send(api, path, 0, LONG[:200_000])
    assert (sent.status_code, sent.headers["Upload-Offset"]) == (204, "200000")
    assert sent.headers["Upload-Expires"].endswith("GMT")
    head = await api.http.head(path, headers=TUS)
    assert (head.status_code, head.content) == (200, b"")
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("200000", str(len(LONG)))
    assert head.headers["Upload-Metadata"] == metadata["Upload-Metadata"]
    assert head.headers["Cache-Control"] == "no-store"
    assert (await send(api, path, 200_000, b"")).headers["Upload-Offset"] == "200000"
    assert (await send(api, path, 200_000, LONG[200_000:])).headers["Upload-Offset"] == str(len(LONG))
    for each in (answer, sent, head):
        assert each.headers["Tus-Resumable"] == "1.0.0"


async def test_the_first_bytes_may_come_with_the_announcement(api: Api) -> None:
    headers = {**BYTES, "Upload-Length": str(len(LONG))}
    answer = await api.http.post("/v1/uploads", content=LONG[:1000], headers=headers)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "1000")
    whole = await api.http.post("/v1/uploads", content=LONG, headers=headers)
    assert whole.json()["complete"]
    assert (await session_of(api, whole.headers["Location"])).status_code == 202


async def test_clients_that_can_only_post_name_the_method(api: Api) -> None:
    path = await announce(api)
    headers = {**BYTES, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    answer = await api.http.post(path, content=LONG[:10], headers=headers)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "10")
    answer = await api.http.post(path, headers={**TUS, "X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code == 204
    assert (await api.http.post(path, headers=TUS)).status_code == 405


async def test_an_upload_that_is_given_up_is_erased(api: Api) -> None:
    path = await announce(api)
    await send(api, path, 0, LONG[:9000])
    assert len(api.stored()) == 1
    answer = await api.http.delete(path, headers=TUS)
    assert answer.status_code == 204
    assert (await api.http.head(path, headers=TUS)).status_code == 404
    await nothing_is_left(api)


async def test_bytes_that_do_not_follow_are_refused_with_where_it_stands(api: Api) -> None:
    path = await announce(api)
    await send(api, path, 0, LONG[:9000])
    for offset in (0, 8999, 9001):
        answer = await send(api, path, offset, LONG[offset:])
        assert (answer.status_code, answer.json()["code"]) == (409, "upload_offset")
        assert answer.json()["received"] == 9000
        assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert await received(api, path) == 9000


REFUSED: list[tuple[str, dict[str, str], int, str]] = [
    ("no version", {"Upload-Length": "5"}, 412, "tus_version"),
    ("another version", {"Tus-Resumable": "0.2.2", "Upload-Length": "5"}, 412, "tus_version"),
    ("no length", TUS, 422, "invalid_request"),
    ("no number", {**TUS, "Upload-Length": "-5"}, 422, "invalid_request"),
    ("no end", {**TUS, "Upload-Length": "9" * 30}, 422, "invalid_request"),
    ("nothing", {**TUS, "Upload-Length": "0"}, 422, "empty_upload"),
    ("too much", {**TUS, "Upload-Length": str(3 * 1024**3)}, 413, "too_large"),
    ("no base64", {**TUS, "Upload-Length": "5", "Upload-Metadata": "filename a.wav"}, 422, "invalid_request"),
    ("one key twice", {**TUS, "Upload-Length": "5", "Upload-Metadata": "a YQ==,a YQ=="}, 422, "invalid_request"),
    ("no UTF-8", {**TUS, "Upload-Length": "5", "Upload-Metadata": "filename /w=="}, 422, "invalid_request"),
    ("no media type", {**TUS, "Upload-Length": "5", **described(filetype="a\r\nb: c")}, 422, "invalid_request"),
    ("no checksum", {**TUS, "Upload-Length": "5", **described(crc32c="AAA=")}, 422, "invalid_request"),
]  # fmt: skip


async def test_what_cannot_be_announced(api: Api) -> None:
    for what, headers, status, code in REFUSED:
        answer = await api.http.post("/v1/uploads", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), what
        assert answer.headers["Tus-Version"] == "1.0.0", what
    assert await api.pool.fetchval("SELECT count(*) FROM upload") == 0


async def test_what_cannot_be_sent(api: Api) -> None:
    path = await announce(api)
    kinds = {"Content-Type": "audio/wav"}
    answer = await api.http.patch(path, content=b"x", headers={**TUS, **kinds, "Upload-Offset": "0"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")
    answer = await api.http.patch(path, content=b"x", headers=BYTES)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    answer = await api.http.patch("/v1/uploads/1", content=b"x", headers={**BYTES, "Upload-Offset": "0"})
    assert answer.status_code == 404
    for wrong in ("sha1", "sha9 AAAA", "sha1 ?", "crc32 AAAA"):
        answer = await send(api, path, 0, LONG[:10], Upload_Checksum=wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), wrong
    await nothing_is_left(api)


async def test_more_than_was_announced_is_refused(api: Api) -> None:
    """F33: what is announced is a promise, not a measure."""
    path = await announce(api, LONG[:9000])
    answer = await send(api, path, 0, LONG)
    assert (answer.status_code, answer.json()["code"], answer.json()["max_bytes"]) == (413, "too_large", 9000)
    assert await received(api, path) == 0

    async def chunks() -> AsyncIterator[bytes]:
        yield LONG[:5000]
        yield LONG[5000:20_000]

    answer = await api.http.patch(path, content=chunks(), headers={**BYTES, "Upload-Offset": "0"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert await received(api, path) == 9000
    assert sum(file.stat().st_size for file in api.stored()) == 9000


async def test_what_is_no_recording_is_refused_at_its_first_bytes(api: Api) -> None:
    """F23, F41: not after two gigabytes."""
    path = await announce(api, bytes(10_000_000), filename="call.wav", filetype="audio/wav")
    answer = await send(api, path, 0, b"%PDF-1.7" + bytes(5000))
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")
    assert "a PDF document" in answer.json()["detail"]
    await nothing_is_left(api)
    tiny = await announce(api, b"%PDF-1.7")
    assert (await send(api, tiny, 0, b"%PD")).status_code == 204  # too little to tell
    assert (await send(api, tiny, 3, b"F-1.7")).status_code == 204
    answer = await session_of(api, tiny)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")
    assert await api.pool.fetchval("SELECT count(*) FROM session") == 0


SUMS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("sha1", lambda data: hashlib.sha1(data, usedforsecurity=False).digest()),
    ("sha256", lambda data: hashlib.sha256(data).digest()),
    ("md5", lambda data: hashlib.md5(data, usedforsecurity=False).digest()),
    ("crc32c", lambda data: google_crc32c.value(data).to_bytes(4, "big")),
]


@pytest.mark.parametrize(("name", "sum_of"), SUMS)
async def test_bytes_are_checked_before_they_are_kept(
    api: Api, name: str, sum_of: Callable[[bytes], bytes]
) -> None:
    path = await announce(api)
    piece = LONG[:300_000]
    header = f"{name} {base64.b64encode(sum_of(piece)).decode()}"
    wrong = await send(api, path, 0, piece[:-1] + b"?", Upload_Checksum=header)
    assert (wrong.status_code, wrong.json()["code"]) == (460, "checksum_mismatch")
    assert await received(api, path) == 0
    await nothing_is_left(api)
    right = await send(api, path, 0, piece, Upload_Checksum=header)
    assert (right.status_code, right.headers["Upload-Offset"]) == (204, "300000")


# Lines that break ----------------------------------------------------------------------------------------------


async def half_a_patch(url: str, path: str, data: bytes, upto: int, **headers: str) -> asyncio.StreamWriter:
    """Begin to send all of `data` from the start, and stop after `upto` bytes with the connection open."""
    parts = urlsplit(url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    lines = {**BYTES, "Host": parts.netloc, "Upload-Offset": "0", "Content-Length": str(len(data)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    writer.write(f"PATCH {path} HTTP/1.1\r\n{head}\r\n".encode() + data[:upto])
    await writer.drain()
    return writer


async def test_what_came_before_the_line_broke_is_kept(api: Api) -> None:
    """F41: dropped halfway, it goes on from the last byte that arrived."""
    path = await announce(api)
    line = await half_a_patch(api.server.url, path, LONG, 250_000)
    line.close()
    await line.wait_closed()

    async def kept() -> bool:
        return await received(api, path) == 250_000

    await eventually(kept)
    assert (await send(api, path, 250_000, LONG[250_000:])).status_code == 204
    session = (await session_of(api, path)).json()["session"]
    assert session["audio"]["sha256"] == hashlib.sha256(LONG).hexdigest()


async def test_with_a_checksum_a_part_of_a_piece_is_not_kept(api: Api) -> None:
    path = await announce(api)
    digest = base64.b64encode(hashlib.sha256(LONG).digest()).decode()
    line = await half_a_patch(api.server.url, path, LONG, 250_000, Upload_Checksum=f"sha256 {digest}")
    while not api.stored():
        await asyncio.sleep(0.01)
    line.close()
    await line.wait_closed()
    while api.stored():
        await asyncio.sleep(0.01)
    assert await received(api, path) == 0


async def test_of_two_who_send_the_same_bytes_one_is_kept(api: Api) -> None:
    """A client that lost its line comes again while the old request is still being read."""
    path = await announce(api)
    stale = await half_a_patch(api.server.url, path, LONG, 200_000)
    while not api.stored():
        await asyncio.sleep(0.01)
    assert (await send(api, path, 0, LONG[:300_000])).status_code == 204
    stale.write(LONG[200_000:])  # and now the old one is whole
    await stale.drain()
    assert (await send(api, path, 300_000, LONG[300_000:])).status_code == 204
    stale.close()
    await stale.wait_closed()
    session = (await session_of(api, path)).json()["session"]
    assert session["audio"]["sha256"] == hashlib.sha256(LONG).hexdigest()

    async def alone() -> bool:
        return len(api.stored()) == 1  # the loser's object went too

    await eventually(alone)


async def test_a_restart_loses_nothing(start_api: StartApi) -> None:
    async with start_api() as api:
        path = await announce(api, filename="a.wav")
        assert (await send(api, path, 0, LONG[:300_000])).status_code == 204
    async with start_api() as api:
        assert await received(api, path) == 300_000
        assert (await send(api, path, 300_000, LONG[300_000:])).status_code == 204
        session = (await session_of(api, path)).json()["session"]
    assert session["audio"]["sha256"] == hashlib.sha256(LONG).hexdigest()
    assert session["title"] == "a"


async def test_a_killed_api_keeps_what_it_stored_in_flat_memory(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    """What one request sent is kept in parts while it is read: a kill -9 in the middle costs the last part."""
    size = 64 * 1024 * 1024
    block = os.urandom(1024 * 1024)
    head = WAV + block[len(WAV) :]
    api = await ApiProcess(tmp_path, database_url, redis_url).start()
    try:
        before = api.peak_kib()

        async def body(start: int, end: int) -> AsyncIterator[bytes]:
            for at in range(start, end, len(block)):
                yield head if at == 0 else block

        async with httpx.AsyncClient(base_url=api.url, timeout=300) as http:
            answer = await http.post("/v1/uploads", headers={**TUS, "Upload-Length": str(size)})
            path = answer.headers["Location"]

            async def until_killed() -> AsyncIterator[bytes]:
                async for piece in body(0, 40 * len(block)):
                    yield piece
                while len(list((tmp_path / "objects" / "uploads").rglob("*-*"))) < 2:
                    await asyncio.sleep(0.01)
                await api.end(signal.SIGKILL)
                async for piece in body(40 * len(block), size):
                    yield piece

            headers = {**BYTES, "Upload-Offset": "0", "Content-Length": str(size)}
            with pytest.raises(httpx.TransportError):
                await http.patch(path, content=until_killed(), headers=headers)
        await api.start()
        async with httpx.AsyncClient(base_url=api.url, timeout=300) as http:
            offset = int((await http.head(path, headers=TUS)).headers["Upload-Offset"])
            assert offset in {16 * 1024**2, 32 * 1024**2}
            before = api.peak_kib()
            headers = {**BYTES, "Upload-Offset": str(offset), "Content-Length": str(size - offset)}
            answer = await http.patch(path, content=body(offset, size), headers=headers)
            assert answer.status_code == 204, answer.text
            answer = await http.post("/v1/sessions", json={"upload_id": path.rpartition("/")[2]})
            assert answer.status_code == 202, answer.text
        expected = hashlib.sha256(head)
        for _ in range(63):
            expected.update(block)
        audio = answer.json()["session"]["audio"]
        assert (audio["size"], audio["sha256"]) == (size, expected.hexdigest())
        assert api.peak_kib() - before < 24 * 1024, "a part has 16 MiB: nothing of its size is to be held"
    finally:
        await api.end(signal.SIGKILL)


# Becoming a session ----------------------------------------------------------------------------------------------


async def whole(api: Api, data: bytes = LONG, **metadata: str) -> str:
    path = await announce(api, data, **metadata)
    assert (await send(api, path, 0, data)).status_code == 204
    return path


async def test_an_upload_that_is_not_whole_makes_no_session(api: Api) -> None:
    path = await announce(api)
    await send(api, path, 0, LONG[:9000])
    answer = await session_of(api, path)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_incomplete")
    assert (answer.json()["received"], answer.json()["size"]) == (9000, len(LONG))


async def test_an_upload_makes_one_session(api: Api) -> None:
    """F45, F9: the answer that got lost is found again; the same recording is not paid twice."""
    path = await whole(api)
    first = (await session_of(api, path)).json()
    again = await session_of(api, path)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert again.json()["session_id"] == first["session"]["id"]
    assert again.json()["job_id"] == first["job"]["id"]
    assert (await api.http.get(path)).json()["session_id"] == first["session"]["id"]
    assert (await send(api, path, 0, b"x")).status_code == 409


async def test_of_two_who_ask_at_once_one_gets_a_session(api: Api) -> None:
    path = await whole(api)
    answers = await asyncio.gather(*(session_of(api, path) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409]
    assert len(api.stored()) == 1
    assert await api.pool.fetchval("SELECT count(*) FROM session") == 1


async def test_a_wrong_order_keeps_the_upload(api: Api) -> None:
    path = await whole(api)
    answer = await session_of(api, path, engine="ears")
    assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_option")
    answer = await session_of(api, path, speakers=99)
    assert answer.json()["errors"] == [
        {"where": "the body's member `speakers`", "detail": "input should be less than or equal to 8"}
    ]
    assert (await session_of(api, path)).status_code == 202


async def test_a_recording_that_is_not_what_was_announced(api: Api) -> None:
    def announced(data: bytes) -> str:
        return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()

    wrong = await whole(api, crc32c=announced(LONG + b"?"))
    answer = await session_of(api, wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "upload_damaged")
    right = await whole(api, crc32c=announced(LONG))
    assert (await session_of(api, right)).status_code == 202
    assert await api.pool.fetchval("SELECT count(*) FROM session") == 1


async def test_what_was_damaged_in_the_store_is_noticed(api: Api) -> None:
    path = await whole(api)
    (part,) = api.stored()
    part.write_bytes(LONG[:-1] + b"?")
    answer = await session_of(api, path)
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_failed")
    assert api.stored() == [part]


async def test_time_runs_out_and_is_given_anew_with_every_byte(start_api: StartApi) -> None:
    """F37: TRANSCRIPTS_UPLOAD_HOURS is read."""
    async with start_api(TRANSCRIPTS_UPLOAD_HOURS=2) as api:
        path = await announce(api)
        lasts = "SELECT extract(epoch FROM expires_at - now())::int FROM upload"
        assert 7100 < await api.pool.fetchval(lasts) <= 7200
        await api.pool.execute("UPDATE upload SET expires_at = now() + interval '5 seconds'")
        await send(api, path, 0, LONG[:1000])
        assert 7100 < await api.pool.fetchval(lasts) <= 7200
        await api.pool.execute("UPDATE upload SET expires_at = now() - interval '1 second'")
        for answer in (
            await api.http.get(path),
            await send(api, path, 1000, LONG[1000:]),
            await session_of(api, path),
        ):
            assert (answer.status_code, answer.json()["code"]) == (410, "upload_expired")


async def test_uploads_of_others_are_not_there(start_api: StartApi) -> None:
    """F43."""
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        mine = bearer((await made_key(api.pool, tenant="mine"))[1])
        other = bearer((await made_key(api.pool, tenant="other"))[1])
        headers = {**TUS, "Upload-Length": "5", **mine}
        path = (await api.http.post("/v1/uploads", headers=headers)).headers["Location"]
        assert (await api.http.get(path, headers=mine)).status_code == 200
        assert (await api.http.get(path, headers=other)).status_code == 404
        patch = await api.http.patch(path, content=b"x", headers={**BYTES, "Upload-Offset": "0", **other})
        assert patch.status_code == 404
        assert (await api.http.delete(path, headers={**TUS, **other})).status_code == 404
        order = {"upload_id": path.rpartition("/")[2]}
        assert (await api.http.post("/v1/sessions", json=order, headers=other)).status_code == 404
