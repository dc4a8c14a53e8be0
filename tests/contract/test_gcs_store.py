"""The bucket store against the fake of Google: what it sends, what it outlasts, what it signs, what it never logs."""

import asyncio
import base64
import hashlib
import json
import logging
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import requests
from google.auth import compute_engine
from requests.adapters import HTTPAdapter

from shared.errors import (
    ObjectExistsError,
    ObjectMissingError,
    SetupError,
    StorageError,
    StorageMisconfiguredError,
)
from shared.ports import StoredObject
from shared.storage import open_store
from shared.storage.gcs import GcsStore
from shared.storage.gcs_http import CloudStorage
from shared.storage.google_identity import Anonymous, GoogleIdentity, Identity, identify
from tests.fakes.google.process import FakeGoogle

pytest_plugins = ("tests.fakes.google.fixtures",)

KEY = "sessions/1/source"
QUANTUM = 256 * 1024
DATA = os.urandom(5 * QUANTUM + 12_345)  # with a buffer of two quanta: three chunks
SUMS = hashlib.sha256(DATA).hexdigest()

Open = Callable[..., GcsStore]


@pytest.fixture
async def opened(google: FakeGoogle, tmp_path: Path) -> AsyncIterator[Open]:
    clouds = []

    def open_(identity: Identity | None = None, *, buffer_bytes: int = 2 * QUANTUM) -> GcsStore:
        clouds.append(CloudStorage(identity or Anonymous(), endpoint=google.storage_url, wait_s=0.001))
        return GcsStore(clouds[-1], "recordings", scratch_dir=tmp_path, buffer_bytes=buffer_bytes)

    yield open_
    for cloud in clouds:
        await cloud.aclose()


@pytest.fixture
def store(opened: Open) -> GcsStore:
    return opened()


async def pieces(data: bytes = DATA, size: int = 50_001) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def content(store: GcsStore, key: str = KEY) -> bytes:
    return b"".join([block async for block in store.read(key)])


async def whole(store: GcsStore, stored: StoredObject) -> None:
    assert (stored.size, stored.sha256) == (len(DATA), SUMS)
    assert await content(store) == DATA


# Going in --------------------------------------------------------------------------------------------------


async def test_an_upload_takes_as_few_requests_as_it_can(google: FakeGoogle, store: GcsStore) -> None:
    await whole(store, await store.put(KEY, pieces()))
    calls = google.calls()
    assert calls["storage.start"] == {"200": 1}
    assert calls["storage.put"] == {"308": 2, "200": 1}
    assert "storage.query" not in calls


async def test_a_last_chunk_is_never_empty(google: FakeGoogle, store: GcsStore) -> None:
    data = DATA[: 4 * QUANTUM]  # exactly two buffers
    assert (await store.put(KEY, pieces(data))).size == len(data)
    assert google.calls()["storage.put"] == {"308": 1, "200": 1}


FAULTS: dict[str, dict[str, Any]] = {
    "every second chunk is refused": {"on": "storage.put", "code": 503, "every": 2, "times": -1},
    "too many requests": {"on": "storage.put", "code": 429, "times": 3},
    "the start is refused": {"on": "storage.start", "code": 503, "times": 2},
    "the question is refused too": {"on": "*", "code": 502, "skip": 2, "times": 3},
    "a dropped connection": {"on": "storage.put", "do": "cut", "size": QUANTUM + 5000, "skip": 1},
    "a connection dropped at once": {"on": "storage.put", "do": "reset", "times": 2},
    "the last chunk is cut": {"on": "storage.put", "do": "cut", "size": QUANTUM + 1, "skip": 2},
    "the reply to a chunk is lost": {"on": "storage.put", "do": "reset", "when": "after", "skip": 1},
    "the last reply is lost": {"on": "storage.put", "do": "reset", "when": "after", "skip": 2},
    "the last reply is an error": {"on": "storage.put", "code": 500, "when": "after", "skip": 2},
    "only a part is kept": {"on": "storage.put", "do": "keep", "size": QUANTUM, "times": 2},
    "nothing is kept, twice": {"on": "storage.put", "do": "keep", "size": 100, "times": 2},
    "a session that is gone at the start": {"on": "storage.put", "code": 410},
    "a session that is unknown at the start": {"on": "storage.put", "code": 404, "times": 2},
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_upload_outlasts(google: FakeGoogle, store: GcsStore, fault: str) -> None:
    google.fault(**FAULTS[fault])
    await whole(store, await store.put(KEY, pieces()))


async def test_no_byte_is_sent_twice_for_a_lost_reply(google: FakeGoogle, store: GcsStore) -> None:
    google.fault("storage.put", do="reset", when="after", times=-1)
    await whole(store, await store.put(KEY, pieces()))
    calls = google.calls()
    assert sum(calls["storage.put"].values()) == 3
    assert calls["storage.query"] == {"308": 2, "200": 1}


async def test_a_session_that_is_gone_after_its_last_reply_was_lost(
    google: FakeGoogle, store: GcsStore
) -> None:
    """The object is there, and is known again by its size and checksum."""
    google.fault("storage.put", do="reset", when="after", skip=2)
    google.fault("storage.query", code=410, times=-1)
    stored = await store.put(KEY, pieces(), if_absent=True)
    google.clear_faults()
    await whole(store, stored)


async def test_a_session_that_is_gone_in_the_middle_of_a_stream(google: FakeGoogle, store: GcsStore) -> None:
    """Of a stream the first bytes are gone: it must be sent again. A file is sent again by itself."""
    google.fault("storage.put", code=410, skip=1)
    with pytest.raises(StorageError, match="send the recording again") as raised:
        await store.put(KEY, pieces())
    assert raised.value.transient
    assert await store.size(KEY) is None


async def test_a_file_is_sent_again_from_its_beginning(
    google: FakeGoogle, store: GcsStore, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(DATA)
    google.fault("storage.put", code=410, skip=1, every=3, times=2)
    await whole(store, await store.put_file(KEY, tmp_path / "file"))
    assert google.calls()["storage.start"] == {"200": 3}


async def test_a_service_that_stays_away_is_given_up(google: FakeGoogle, store: GcsStore) -> None:
    google.fault("storage.put", code=503, skip=1, times=-1)
    google.fault("storage.query", code=503, times=-1)
    with pytest.raises(StorageError, match="503") as raised:
        await store.put(KEY, pieces())
    assert raised.value.transient
    google.clear_faults()
    assert await store.size(KEY) is None


async def test_what_is_damaged_on_the_way_is_noticed(google: FakeGoogle, store: GcsStore) -> None:
    google.fault("storage.put", do="damage", skip=1)
    with pytest.raises(StorageError):
        await store.put(KEY, pieces())
    google.clear_faults()
    assert await store.size(KEY) is None
    assert "storage.delete" not in google.calls(), "the sum goes along: it was never an object"


class _Forgetful(CloudStorage):
    """Cloud Storage behind something that drops the header with our sum."""

    async def ask(self, method: str, url: str, **request: Any) -> httpx.Response:
        request["headers"] = {
            name: value for name, value in request["headers"].items() if name != "X-Goog-Hash"
        }
        return await super().ask(method, url, **request)


async def test_what_is_damaged_is_noticed_where_cloud_storage_was_not_told_the_sum(
    google: FakeGoogle,
) -> None:
    """What it says that it has is compared here, too."""
    store = GcsStore(_Forgetful(Anonymous(), endpoint=google.storage_url, wait_s=0.01), "recordings")
    google.fault("storage.put", do="damage")
    with pytest.raises(StorageError, match="damaged on its way"):
        await store.put(KEY, pieces())
    google.clear_faults()
    assert await store.size(KEY) is None
    await store.aclose()


async def test_a_cancel_in_the_last_moment_leaves_nothing(google: FakeGoogle, store: GcsStore) -> None:
    """The object was whole already, and nobody had been told."""
    google.fault("storage.put", do="hang", when="after", skip=2)
    task = asyncio.create_task(store.put(KEY, pieces()))
    while not await store.size(KEY):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.size(KEY) is None


async def test_an_upload_that_is_given_up_is_called_off(google: FakeGoogle, store: GcsStore) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        async for piece in pieces():
            yield piece
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await store.put(KEY, breaks())
    assert google.calls()["storage.cancel"] == {"499": 1}


async def test_creating_is_safe_to_repeat_after_a_lost_reply(google: FakeGoogle, store: GcsStore) -> None:
    google.fault("storage.put", do="reset", when="after", skip=2)
    assert (await store.put(KEY, pieces(), if_absent=True)).size == len(DATA)
    with pytest.raises(ObjectExistsError):
        await store.put(KEY, pieces(), if_absent=True)


# Coming out ------------------------------------------------------------------------------------------------


async def test_a_broken_read_goes_on_where_it_broke(google: FakeGoogle, store: GcsStore) -> None:
    await store.put(KEY, pieces())
    google.fault("storage.read", do="cut", size=400_000, times=3)
    google.fault("storage.read", code=503, skip=1)
    assert await content(store) == DATA
    assert b"".join([block async for block in store.read(KEY, 100_000, 900_000)]) == DATA[100_000:1_000_000]


async def test_an_object_that_is_replaced_is_not_mixed_with_its_successor(
    google: FakeGoogle, store: GcsStore
) -> None:
    await store.put(KEY, pieces())
    google.fault("storage.read", do="cut", size=400_000)
    reading = store.read(KEY)
    await anext(reading)
    await store.put(KEY, pieces(bytes(len(DATA))))
    with pytest.raises(ObjectMissingError):
        async for _ in reading:
            pass


async def test_what_is_damaged_on_the_way_out_is_noticed(google: FakeGoogle, store: GcsStore) -> None:
    await store.put(KEY, pieces())
    google.fault("storage.read", do="damage")
    with pytest.raises(StorageError, match="damaged"):
        async with store.local_file(KEY):
            pass


async def test_a_copy_is_deleted_after_its_use(store: GcsStore, tmp_path: Path) -> None:
    await store.put(KEY, pieces())
    async with store.local_file(KEY) as path:
        assert path.read_bytes() == DATA
        assert tmp_path in path.parents
        assert f"-{os.getpid()}-" in path.parent.name  # by which a later start finds what a dead one left
    assert not path.parent.exists()


async def test_listing_and_deleting_go_on_over_pages_and_faults(google: FakeGoogle, store: GcsStore) -> None:
    for n in range(7):
        await store.put(f"sessions/1/{n}", pieces(b"x"))
    google.settings(list_page_size=3)
    google.fault("storage.list", code=503, skip=1)
    google.fault("storage.delete", code=503, when="after")  # done; the second try finds nothing
    assert [item.key async for item in store.listing("sessions")] == [f"sessions/1/{n}" for n in range(7)]
    assert await store.delete_prefix("sessions") in (6, 7)
    assert [item.key async for item in store.listing("sessions")] == []


# Who we are ------------------------------------------------------------------------------------------------


async def test_a_service_account_s_key_works_plain_and_in_base64(google: FakeGoogle, opened: Open) -> None:
    google.settings(require_auth=True)
    key = json.dumps(google.service_account())
    for text in (key, base64.b64encode(key.encode()).decode(), f" {key}\n"):
        store = opened(identify(text))
        await whole(store, await store.put(KEY, pieces()))
    with pytest.raises(StorageError, match="refuses our access token"):
        await opened().size(KEY)


async def test_a_token_that_is_refused_is_renewed(google: FakeGoogle, opened: Open) -> None:
    google.settings(require_auth=True)
    store = opened(identify(json.dumps(google.service_account())))
    await store.put(KEY, pieces())
    before = google.calls()["token"]["200"]
    google.fault("storage.get", code=401)
    assert await store.size(KEY) == len(DATA)
    google.fault("storage.read", code=401)
    assert await content(store) == DATA
    assert google.calls()["token"] == {"200": before + 2}, "a new one after each refusal"


@pytest.fixture
def _on_a_machine_of_google(google: FakeGoogle, monkeypatch: pytest.MonkeyPatch) -> None:
    """As GCE_METADATA_HOST does it, which google-auth reads when it is imported."""
    host = urlsplit(google.storage_url).netloc
    monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", host)
    monkeypatch.setenv("GCE_METADATA_IP", host)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nonexistent")


@pytest.mark.usefixtures("_on_a_machine_of_google")
async def test_ambient_credentials_come_from_the_metadata_server(google: FakeGoogle, opened: Open) -> None:
    """Cloud Run and GKE: no key anywhere; tokens and the account's name come from the machine."""
    google.settings(require_auth=True)
    store = opened(identify(None))
    await whole(store, await store.put(KEY, pieces()))


class _ToTheFake(HTTPAdapter):
    """Sends what goes to https://iamcredentials.googleapis.com to the fake."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = self._base + urlsplit(request.url or "").path
        return super().send(request, *args, **kwargs)


@pytest.mark.usefixtures("_on_a_machine_of_google")
async def test_without_a_key_iam_signs(google: FakeGoogle, opened: Open) -> None:
    session = requests.Session()
    session.mount("https://iamcredentials.googleapis.com", _ToTheFake(google.storage_url))
    store = opened(GoogleIdentity(compute_engine.Credentials(), session))  # type: ignore[no-untyped-call]
    await store.put(KEY, pieces())
    url = await store.download_url(KEY, seconds=60, disposition="inline", media_type="audio/wav")
    assert url is not None
    assert httpx.get(url).content == DATA


@pytest.mark.usefixtures("_on_a_machine_of_google")
async def test_no_credentials_at_all(
    google: FakeGoogle, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("google.auth.compute_engine._metadata._NO_GCE_CHECK", True)
    with pytest.raises(StorageMisconfiguredError, match="There are no Google credentials"):
        await opened(identify(None)).size(KEY)


async def test_without_an_account_nothing_is_signed(store: GcsStore) -> None:
    with pytest.raises(StorageMisconfiguredError, match="service account"):
        await store.download_url(KEY, seconds=60, disposition="inline", media_type="audio/wav")


@pytest.mark.parametrize(
    "text", ["{}", "{", "no key", base64.b64encode(b"[]").decode(), '{"type": "hunter2"}']
)
def test_what_is_no_key_is_refused_at_start_and_not_shown(text: str) -> None:
    """F39."""
    with pytest.raises(SetupError, match="GOOGLE_APPLICATION_CREDENTIALS_JSON is not") as raised:
        open_store("gs://recordings", google_credentials=text)
    assert "hunter2" not in raised.value.detail
    assert raised.value.__cause__ is None


async def test_a_key_that_is_refused_says_so(google: FakeGoogle, opened: Open) -> None:
    account = google.service_account() | {"client_email": "someone@else.iam.gserviceaccount.com"}
    with pytest.raises(StorageMisconfiguredError, match="credentials are refused"):
        await opened(identify(json.dumps(account))).size(KEY)


async def test_what_is_set_up_wrongly_is_named_with_the_fix(google: FakeGoogle, opened: Open) -> None:
    """F26."""
    cloud = CloudStorage(Anonymous(), endpoint=google.storage_url)
    with pytest.raises(StorageMisconfiguredError, match=r"does not exist.*TRANSCRIPTS_GOOGLE_BUCKET"):
        await GcsStore(cloud, "elsewhere").put(KEY, pieces())
    await cloud.aclose()
    google.fault("storage.start", code=403, message="transcripts@x has no storage.objects.create.")
    with pytest.raises(
        StorageMisconfiguredError, match=r"has no storage.objects.create.*objectUser"
    ) as raised:
        await opened().put(KEY, pieces())
    assert not raised.value.transient


@pytest.mark.parametrize("url", ["gs://", "gs:///folder", "gs://bucket?x=1", "gs://user@bucket"])
def test_urls_that_name_no_bucket_are_refused(url: str) -> None:
    with pytest.raises(SetupError, match="name a bucket"):
        open_store(url)


# Signed URLs -----------------------------------------------------------------------------------------------


@pytest.fixture
def signing(google: FakeGoogle, opened: Open) -> GcsStore:
    google.settings(require_auth=True)
    return opened(identify(json.dumps(google.service_account())))


async def test_a_download_url_needs_no_token_and_says_what_the_file_is(signing: GcsStore) -> None:
    await signing.put("sessions/會談 1/a+b", pieces())
    disposition = "inline; filename*=UTF-8''%E6%9C%83%E8%AB%87.wav"
    url = await signing.download_url(
        "sessions/會談 1/a+b", seconds=60, disposition=disposition, media_type="audio/wav"
    )
    assert url is not None
    answer = httpx.get(url)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.headers["Content-Disposition"] == disposition
    part = httpx.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, DATA[10:20])
    assert httpx.get(url.replace("bytes", "b").replace("source", "other") + "0").status_code == 403


async def test_a_direct_upload_is_held_to_what_was_signed(signing: GcsStore) -> None:
    """F27, F33: type and length are pinned; the session lives on when the URL has expired."""
    order = await signing.direct_upload(KEY, size=len(DATA), media_type="audio/flac", seconds=60)
    assert order is not None
    assert "X-Goog-Signature" not in repr(order)
    for wrong in (
        {"content-type": "text/html"},
        {"x-goog-content-length-range": "0,99999999"},
        {"x-goog-if-generation-match": "1"},
    ):
        refused = httpx.request(order.method, order.url, headers={**order.headers, **wrong})
        assert refused.status_code == 403, wrong
    begun = httpx.request(order.method, order.url, headers=order.headers)
    assert begun.status_code == 201
    session = begun.headers["Location"]
    too_much = httpx.put(session, content=DATA + b"x")
    assert too_much.status_code == 400
    begun = httpx.request(order.method, order.url, headers=order.headers)
    sent = httpx.put(begun.headers["Location"], content=DATA)
    assert sent.status_code == 200
    assert await content(signing) == DATA
    again = httpx.request(order.method, order.url, headers=order.headers)
    assert again.status_code == 412  # what is there is not replaced
    assert parse_qs(urlsplit(order.url).query)["X-Goog-Expires"] == ["60"]


async def test_secrets_of_urls_stay_out_of_logs(
    google: FakeGoogle, signing: GcsStore, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """F39: an upload session's URI and a signature are as good as passwords; not even at DEBUG are they written."""
    from shared.observation.logs import configure, get_logger  # noqa: PLC0415

    before = logging.getLogger().handlers[:]
    try:
        configure("DEBUG", "json", "test")
        google.fault("storage.put", code=410, skip=1)
        with pytest.raises(StorageError):
            await signing.put(KEY, pieces())
        await signing.put(KEY, pieces())
        url = await signing.download_url(KEY, seconds=60, disposition="inline", media_type="a/b")
        try:
            json.loads(f"GET {url} failed, and https://x/y?upload_id=hunter2&a=b")
        except ValueError as error:
            get_logger("test").exception("told", url=url, text=error.args, doc=error.doc)  # type: ignore[attr-defined]
    finally:
        logging.getLogger().handlers[:] = before
    written = capfd.readouterr().err
    assert "told" in written
    assert "X-Goog-Signature=[hidden]" in written
    assert "upload_id=[hidden]" in written
    assert "hunter2" not in written
    assert not [line for line in written.splitlines() if "upload_id=" in line and "[hidden]" not in line]
    assert "ya29" not in written
