"""A recording comes in: stored, committed, rung for; or refused with a reason and nothing left."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from arq.connections import ArqRedis

from shared.queue.client import connect
from shared.queue.names import lane_queue
from tests.fixtures.rows import sign_on
from tests.fixtures.tcp_proxy import TcpProxy
from tests.integration.api.conftest import WAV, Api, StartApi

BOUNDARY = "frontier"
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="call.wav"\r\n\r\n'.encode()
    + WAV
)
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[ArqRedis]:
    client = connect(redis_url)
    yield client
    await client.aclose(close_connection_pool=True)


async def nothing_is_left(api: Api) -> None:
    """No file, no row, no ring."""
    assert api.stored() == []
    assert await api.pool.fetchval("SELECT count(*) FROM session") == 0


async def test_a_recording_becomes_a_session_with_a_queued_job(api: Api, redis: ArqRedis) -> None:
    await sign_on(api.pool)
    answer = await api.http.post(
        "/v1/sessions",
        files={"audio": ("first.wav", WAV, "application/x-lies")},
        data={
            "language": "zh-TW",
            "priority": "high",
            "metadata": '{"client": "安娜"}',
            "delete_after": "P30D",
        },
        headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "X-Request-Id": "mine-1"},
    )
    assert answer.status_code == 202, answer.text
    session, job = answer.json()["session"], answer.json()["job"]
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert answer.headers["Retry-After"] == "2"
    assert answer.headers["X-Request-Id"] == "mine-1"
    assert session["title"] == "first"
    assert session["metadata"] == {"client": "安娜"}
    assert session["audio"] == {
        "filename": "first.wav",
        "container": "wav",
        "media_type": "audio/wav",
        "size": len(WAV),
        "sha256": hashlib.sha256(WAV).hexdigest(),
    }
    assert (job["status"], job["queue_position"], job["language"], job["priority"]) == (
        "queued",
        1,
        "zh-TW",
        "high",
    )
    row = await api.pool.fetchrow("SELECT * FROM job")
    assert row is not None
    assert (row["request_id"], row["traceparent"]) == ("mine-1", f"00-{'ab' * 16}-{'cd' * 8}-01")
    assert [path.read_bytes() for path in api.stored()] == [WAV]
    assert await redis.zscore(lane_queue("transcripts", row["lane"]), job["id"])


async def test_traces_that_are_none_are_dropped_and_the_queue_is_the_one_that_was_set(
    start_api: StartApi, redis: ArqRedis
) -> None:
    """F37."""
    async with start_api(TRANSCRIPTS_QUEUE_NAME="another") as api:
        await sign_on(api.pool)
        answer = await api.http.post(
            "/v1/sessions", files={"audio": ("a.wav", WAV)}, headers={"traceparent": "00-nonsense"}
        )
        row = await api.pool.fetchrow("SELECT traceparent, lane FROM job")
        assert row is not None
        assert row["traceparent"] is None
        assert await redis.zscore(lane_queue("another", row["lane"]), answer.json()["job"]["id"])


async def test_what_was_answered_is_what_is_read_later(api: Api) -> None:
    sent = await api.send()
    assert (await api.http.get(f"/v1/jobs/{sent['job']['id']}")).json() == sent["job"]
    assert (await api.http.get(f"/v1/sessions/{sent['session']['id']}")).json() == sent["session"]


async def test_a_file_s_name_is_kept_and_never_used(api: Api) -> None:
    """F28."""
    for name in ("會談 №1.wav", 'quo"te.wav', "../../etc/passwd", "a\\b.wav", "naïve .wav", "x" * 255):
        sent = await api.send(name=name)
        assert sent["session"]["audio"]["filename"] == name
    assert {path.name for path in api.stored()} == {"source"}


async def test_a_redis_that_is_away_delays_the_job_and_loses_nothing(
    start_api: StartApi, redis_url: str
) -> None:
    """F2, F11: stored, committed, accepted; the sweep rings when Redis is back."""
    parts = urlsplit(redis_url)
    assert parts.port
    async with AsyncExitStack() as redis:
        proxy = await redis.enter_async_context(TcpProxy("127.0.0.1", parts.port))
        async with start_api(REDIS_URL=redis_url.replace(f":{parts.port}", f":{proxy.port}")) as api:
            await redis.aclose()
            sent = await api.send()
            assert sent["job"]["status"] == "queued"
            assert await api.pool.fetchval("SELECT status FROM job") == "queued"
            ready = await api.http.get("/readyz")
            assert ready.status_code == 503
            assert not ready.json()["checks"]["redis"]["ok"]
            assert ready.json()["checks"]["postgres"]["ok"]


async def test_a_commit_that_fails_leaves_nothing(api: Api) -> None:
    """F2: no session without a recording, no recording without a session."""
    await api.pool.execute("ALTER TABLE session ADD CONSTRAINT no_more CHECK (false) NOT VALID")
    answer = await api.http.post("/v1/sessions", files={"audio": ("first.wav", WAV)})
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "no_more" not in answer.text
    await nothing_is_left(api)


LOST_ANSWER = """
CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'terminating connection' USING ERRCODE = 'admin_shutdown'; END $$;
CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON session DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION lose();
"""


async def test_a_commit_in_doubt_keeps_the_recording(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """F2: the session may be there and need it; where it is not, the recording is an orphan, and goes as one."""
    monkeypatch.setattr("shared.database._OUTLAST_WAITS_S", ())
    await api.pool.execute(LOST_ANSWER)
    answer = await api.http.post("/v1/sessions", files={"audio": ("first.wav", WAV)})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert [path.read_bytes() for path in api.stored()] == [WAV]


# Refusals ----------------------------------------------------------------------------------------------


class Line:
    """A raw connection: says exactly what it is told to, when it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, api: Api) -> "Line":
        parts = urlsplit(api.server.url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def post(self, **headers: str) -> None:
        lines = {
            "Host": "127.0.0.1",
            **FORM,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        await self.say(f"POST /v1/sessions HTTP/1.1\r\n{text}\r\n".encode())

    async def answer(self) -> tuple[int, dict[str, Any]]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next(line for line in lines if line.startswith("content-length"))
        body = await self.reader.readexactly(int(length.partition(":")[2]))
        return int(lines[0].split()[1]), json.loads(body)

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def test_a_length_over_the_limit_is_refused_before_the_body_is_read(start_api: StartApi) -> None:
    """F41: a clear problem document at once; a client that waits for `100 Continue` sends nothing."""
    async with start_api(TRANSCRIPTS_MAX_UPLOAD_BYTES=50_000) as api:
        line = await Line.to(api)
        await line.post(Content_Length=str(10**9), Expect="100-continue")
        status, body = await line.answer()
        assert (status, body["code"], body["max_bytes"]) == (413, "too_large", 50_000)
        await line.close()
        await nothing_is_left(api)


async def test_a_client_that_just_sends_gets_the_refusal_too(start_api: StartApi) -> None:
    """F41: the connection is not reset under the answer."""
    async with start_api(TRANSCRIPTS_MAX_UPLOAD_BYTES=50_000) as api:
        answer = await api.http.post("/v1/sessions", files={"audio": ("big.wav", WAV + bytes(20_000_000))})
        assert answer.status_code == 413
        assert answer.json()["code"] == "too_large"
        assert answer.headers["Connection"] == "close"
        await nothing_is_left(api)


async def test_a_chunked_body_over_the_limit_is_refused_while_it_comes(start_api: StartApi) -> None:
    """F33: measured, not declared."""
    async with start_api(TRANSCRIPTS_MAX_UPLOAD_BYTES=200_000) as api:
        line = await Line.to(api)
        await line.post(Transfer_Encoding="chunked")
        for piece in (HEAD, *[bytes(65_536)] * 4):
            await line.say(b"%x\r\n%b\r\n" % (len(piece), piece))
        status, body = await line.answer()  # though the body has not ended
        assert (status, body["code"]) == (413, "too_large")
        await line.close()
        await nothing_is_left(api)


async def test_an_epilogue_without_end_is_refused_too(start_api: StartApi) -> None:
    async with start_api(TRANSCRIPTS_MAX_UPLOAD_BYTES=50_000) as api:
        line = await Line.to(api)
        await line.post(Transfer_Encoding="chunked")
        for piece in (HEAD + f"\r\n--{BOUNDARY}--\r\n".encode(), *[bytes(65_536)] * 6):
            await line.say(b"%x\r\n%b\r\n" % (len(piece), piece))
        status, _ = await line.answer()
        assert status == 413
        await line.close()
        await nothing_is_left(api)


async def test_a_client_that_goes_away_leaves_nothing(api: Api) -> None:
    line = await Line.to(api)
    await line.post(Content_Length="1000000")
    await line.say(HEAD + bytes(100_000))
    while not api.stored():  # the store has begun to write
        await asyncio.sleep(0.01)
    await line.close()
    while api.stored():
        await asyncio.sleep(0.01)
    await nothing_is_left(api)
    assert (await api.http.get("/healthz")).status_code == 200


async def test_a_form_that_is_cut_off_leaves_nothing(api: Api) -> None:
    answer = await api.http.post("/v1/sessions", content=HEAD, headers=FORM)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "cut off" in answer.json()["detail"]
    await nothing_is_left(api)


async def test_a_wrong_field_after_the_recording_leaves_nothing(api: Api) -> None:
    last = (
        f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="speakers"\r\n\r\n99\r\n--{BOUNDARY}--\r\n'
    )
    answer = await api.http.post("/v1/sessions", content=HEAD + last.encode(), headers=FORM)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"where": "the form field `speakers`", "detail": "input should be less than or equal to 8"}
    ]
    await nothing_is_left(api)


REFUSED: list[tuple[str, dict[str, Any], int, str, str]] = [
    ("a PDF", {"files": {"audio": ("call.wav", b"%PDF-1.7 ...")}}, 415, "unsupported_media", "a PDF document"),
    ("nothing in it", {"files": {"audio": ("call.wav", b"")}}, 422, "empty_upload", "empty"),
    ("no audio", {"files": {"file": ("call.wav", WAV)}}, 422, "invalid_request", "`file`"),
    ("no form", {"content": b"x", "headers": {"Content-Type": "audio/wav"}}, 415, "unsupported_media",
     "multipart/form-data"),
    ("no JSON", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 422, "invalid_request",
     "the body: invalid JSON"),
    ("no id", {"json": {"upload_id": "1"}}, 422, "invalid_request", "`upload_id`"),
    ("no place", {"json": {"title": "x"}}, 422, "invalid_request", "`upload_id`, `source_url` or `gcs_uri`"),
    ("a place beside a file", {"files": {"audio": ("a.wav", WAV)}, "data": {"source_url": "https://x"}}, 422,
     "invalid_request", "stands in a JSON body"),
    ("no body", {}, 415, "unsupported_media", "multipart/form-data"),
    ("no boundary", {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 422,
     "invalid_request", "boundary"),
    ("another boundary", {"content": HEAD, "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 422,
     "invalid_request", "boundary"),
    ("an unknown engine", {"files": {"audio": ("a.wav", WAV)}, "data": {"engine": "ears"}}, 422,
     "unsupported_option", "no engine 'ears'"),
    ("an unknown language", {"files": {"audio": ("a.wav", WAV)}, "data": {"engine": "local", "language": "tlh"}},
     422, "unsupported_option", "'tlh'"),
    ("a webhook", {"files": {"audio": ("a.wav", WAV)}, "data": {"webhook_url": "https://x.example"}}, 422,
     "unsupported_option", "`webhook_url`"),
]  # fmt: skip


async def test_what_is_refused_says_why_and_leaves_nothing(api: Api) -> None:
    """F20, F21, F23, F41."""
    for what, request, status, code, words in REFUSED:
        answer: httpx.Response = await api.http.post("/v1/sessions", **request)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (status, code), what
        assert words in problem["detail"], what
        assert answer.headers["Content-Type"] == "application/problem+json", what
        assert problem["request_id"] == answer.headers["X-Request-Id"], what
    await nothing_is_left(api)
