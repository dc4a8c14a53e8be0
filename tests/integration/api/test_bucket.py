"""The API over a bucket of Cloud Storage: uploads straight to it, uploads through us, files out of it."""

import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from shared.scopes import Scope
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.integration.api.conftest import WAV, Api, StartApi

pytest_plugins = ("tests.fakes.google.fixtures",)

TUS = {"Tus-Resumable": "1.0.0"}
QUANTUM = 256 * 1024
LONG = WAV + os.urandom(700_000)

Start = Callable[..., AbstractAsyncContextManager[Api]]


@pytest.fixture
def start(start_api: StartApi, google: FakeGoogle) -> Start:
    google.settings(require_auth=True)
    settings = {
        "TRANSCRIPTS_STORAGE_URL": "gs://recordings/of-coaches",
        "TRANSCRIPTS_GCS_ENDPOINT": google.storage_url,
        "GOOGLE_APPLICATION_CREDENTIALS_JSON": json.dumps(google.service_account()),
    }
    return lambda **more: start_api(**(settings | more))


@pytest.fixture
async def api(start: Start) -> AsyncIterator[Api]:
    async with start() as running:
        yield running


def names(google: FakeGoogle) -> list[str]:
    """The names of all objects, as the bucket has them."""
    google.settings(require_auth=False)
    answer = httpx.get(f"{google.storage_url}/storage/v1/b/recordings/o")
    google.settings(require_auth=True)
    return [item["name"] for item in answer.json().get("items", [])]


async def announce(api: Api, data: bytes = LONG) -> dict[str, Any]:
    headers = {**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": "filetype YXVkaW8vd2F2"}
    body: dict[str, Any] = (await api.http.post("/v1/uploads", headers=headers)).json()
    return body


async def session_of(api: Api, upload: dict[str, Any]) -> httpx.Response:
    return await api.http.post("/v1/sessions", json={"upload_id": upload["id"]})


async def test_a_recording_goes_straight_to_the_bucket(api: Api, google: FakeGoogle) -> None:
    """No byte of it passes through the API; dropped halfway, it goes on."""
    upload = await announce(api)
    direct = upload["direct"]
    assert direct["headers"]["content-type"] == "audio/wav"
    assert direct["headers"]["x-goog-content-length-range"] == f"{len(LONG)},{len(LONG)}"
    async with httpx.AsyncClient() as http:
        begun = await http.request(direct["method"], direct["url"], headers=direct["headers"])
        there = begun.headers["Location"]
        google.fault("storage.put", do="cut", size=QUANTUM + 1000)
        with pytest.raises(httpx.TransportError):
            await http.put(there, content=LONG)
        asked = await http.put(there, headers={"Content-Range": f"bytes */{len(LONG)}"})
        assert (asked.status_code, asked.headers["Range"]) == (308, f"bytes=0-{QUANTUM - 1}")
        assert (await session_of(api, upload)).json()["code"] == "upload_incomplete"
        span = f"bytes {QUANTUM}-{len(LONG) - 1}/{len(LONG)}"
        done = await http.put(there, content=LONG[QUANTUM:], headers={"Content-Range": span})
        assert done.status_code == 200
    seen = (await api.http.get(f"/v1/uploads/{upload['id']}")).json()
    assert (seen["received"], seen["complete"], seen["direct"]) == (len(LONG), True, None)
    answer = await session_of(api, upload)
    assert answer.status_code == 202, answer.text
    audio = answer.json()["session"]["audio"]
    assert (audio["container"], audio["size"], audio["sha256"]) == ("wav", len(LONG), None)
    assert names(google) == [f"of-coaches/sessions/{answer.json()['session']['id']}/source"]


async def test_every_look_gives_a_fresh_start_until_bytes_came(api: Api) -> None:
    """F27: a signed start that has expired is no dead end."""
    upload = await announce(api)
    again = (await api.http.get(f"/v1/uploads/{upload['id']}")).json()["direct"]
    assert again["headers"] == upload["direct"]["headers"]
    headers = {**TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    await api.http.patch(f"/v1/uploads/{upload['id']}", content=LONG[:QUANTUM], headers=headers)
    assert (await api.http.get(f"/v1/uploads/{upload['id']}")).json()["direct"] is None


async def test_a_key_that_only_reads_is_given_no_way_to_write(start: Start) -> None:
    """F43: the signed start is itself a permission."""
    async with start(TRANSCRIPTS_PEPPER=PEPPER) as api:
        _, writes = await made_key(api.pool)
        _, reads = await made_key(api.pool, scopes=[Scope.SESSIONS_READ])
        api.http.headers.update(bearer(writes))
        url = f"/v1/uploads/{(await announce(api))['id']}"
        assert (await api.http.get(url)).json()["direct"]["url"]
        assert (await api.http.get(url, headers=bearer(reads))).json()["direct"] is None


async def test_what_was_sent_straight_is_measured_and_looked_at(api: Api, google: FakeGoogle) -> None:
    """F23, F33: its type is in its bytes."""
    upload = await announce(api, b"%PDF-1.7 " + bytes(9000))
    direct = upload["direct"]
    begun = httpx.request(direct["method"], direct["url"], headers=direct["headers"])
    assert httpx.put(begun.headers["Location"], content=bytes(9010)).status_code == 400  # a byte too many
    begun = httpx.request(direct["method"], direct["url"], headers=direct["headers"])
    assert httpx.put(begun.headers["Location"], content=b"%PDF-1.7 " + bytes(9000)).status_code == 200
    answer = await session_of(api, upload)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")
    assert "a PDF document" in answer.json()["detail"]
    assert names(google) == [f"of-coaches/uploads/{upload['id']}/whole"]
    assert (await api.http.delete(f"/v1/uploads/{upload['id']}", headers=TUS)).status_code == 204
    assert names(google) == []


async def test_a_recording_comes_through_the_api_in_pieces_too(api: Api, google: FakeGoogle) -> None:
    """Where clients speak tus and nothing else: parts become one object without coming back to us."""
    google.fault("storage.put", code=503, every=3, times=-1)
    upload = await announce(api)
    path = f"/v1/uploads/{upload['id']}"
    for start in range(0, len(LONG), 200_000):
        headers = {**TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": str(start)}
        sent = await api.http.patch(path, content=LONG[start : start + 200_000], headers=headers)
        assert sent.status_code == 204, sent.text
    answer = await session_of(api, upload)
    session = answer.json()["session"]
    assert (session["audio"]["size"], session["audio"]["container"]) == (len(LONG), "wav")
    assert "storage.read" in google.calls()  # its first bytes, to see what it is
    heard = await api.http.get(f"/v1/sessions/{session['id']}/audio", follow_redirects=True)
    assert heard.content == LONG
    assert names(google) == [f"of-coaches/sessions/{session['id']}/source"]


async def test_a_form_works_as_on_a_disk(api: Api, google: FakeGoogle) -> None:
    sent = await api.send(LONG, language="en")
    assert sent["session"]["audio"]["sha256"] == hashlib.sha256(LONG).hexdigest()
    assert names(google) == [f"of-coaches/sessions/{sent['session']['id']}/source"]
    refused = await api.http.post("/v1/sessions", files={"audio": ("a.wav", b"%PDF")})
    assert refused.status_code == 415
    assert (await api.http.delete(f"/v1/sessions/{sent['session']['id']}")).status_code == 204
    assert names(google) == []


async def test_a_player_is_sent_to_the_bucket(api: Api) -> None:
    """The recording does not pass through the API again; the address is a secret for some hours."""
    sent = await api.send(LONG, name="會談.wav")
    url = f"/v1/sessions/{sent['session']['id']}/audio"
    answer = await api.http.get(url, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (307, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    part = httpx.get(answer.headers["Location"], headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, LONG[100:200])
    assert part.headers["Content-Type"] == "audio/wav"
    assert part.headers["Content-Disposition"].startswith("inline;")
    assert "filename*=UTF-8''%E6%9C%83%E8%AB%87.wav" in part.headers["Content-Disposition"]
    tag = f'"{sent["session"]["audio"]["sha256"]}"'
    assert (await api.http.get(url, headers={"If-None-Match": tag})).status_code == 304


async def test_without_a_key_to_sign_with_everything_goes_through_us(
    start: Start, google: FakeGoogle
) -> None:
    """Ambient credentials without the permission to sign: slower, not broken."""
    async with start(GOOGLE_APPLICATION_CREDENTIALS_JSON=None) as api:
        google.settings(require_auth=False)
        assert (await announce(api))["direct"] is None
        sent = await api.send(LONG)
        url = f"/v1/sessions/{sent['session']['id']}/audio"
        part = await api.http.get(url, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, LONG[100:200])


async def test_a_bucket_that_is_away_is_told_and_nothing_is_left(api: Api, google: FakeGoogle) -> None:
    google.fault("storage.start", code=403, message="No permission.", times=-1)
    answer = await api.http.post("/v1/sessions", files={"audio": ("a.wav", WAV)})
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_misconfigured")
    assert "roles/storage.objectUser" in answer.json()["detail"]
    assert await api.pool.fetchval("SELECT count(*) FROM session") == 0
    assert names(google) == []
