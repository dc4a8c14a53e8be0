"""The fake's Cloud Storage, driven by the unmodified client of google-cloud-storage; and our signatures beside its."""

import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
import requests
from google.api_core.exceptions import BadRequest, NotFound, PreconditionFailed
from google.cloud.storage import Client
from google.cloud.storage.exceptions import DataCorruption
from google.oauth2 import service_account

from shared.storage.gcs_signing import signed_url
from shared.storage.google_identity import GoogleIdentity
from tests.fakes.google.process import FakeGoogle

pytest_plugins = ("tests.fakes.google.fixtures",)

QUANTUM = 256 * 1024
DATA = os.urandom(3 * QUANTUM + 777)


@pytest.fixture
def client(google: FakeGoogle) -> Iterator[Any]:
    google.settings(require_auth=True)
    key = google.service_account()
    credentials = service_account.Credentials.from_service_account_info(key)  # type: ignore[no-untyped-call]
    client = Client("p", credentials, client_options={"api_endpoint": google.storage_url})
    yield client
    client.close()


@pytest.fixture
def bucket(client: Any) -> Any:
    return client.bucket("recordings")


def uploaded(bucket: Any, name: str = "a/b c", data: bytes = DATA) -> Any:
    blob = bucket.blob(name)
    blob.upload_from_string(data, content_type="audio/flac")
    return blob


def sent_in_chunks(bucket: Any, name: str = "a/b c") -> None:
    """By the resumable protocol, which the client speaks where it does not know the length."""
    bucket.blob(name, chunk_size=QUANTUM).upload_from_file(io.BytesIO(DATA))


def test_an_object_goes_in_and_comes_out(bucket: Any) -> None:
    uploaded(bucket)
    blob = bucket.get_blob("a/b c")
    assert (blob.size, blob.content_type, blob.exists()) == (len(DATA), "audio/flac", True)
    assert blob.download_as_bytes() == DATA
    assert blob.download_as_bytes(start=100, end=199) == DATA[100:200]
    blob.delete()
    assert not blob.exists()
    with pytest.raises(NotFound):
        blob.download_as_bytes()


FAULTS = [{"code": 503, "every": 2, "times": 2}, {"do": "reset", "when": "after"}]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_resumable_upload_outlasts_faults(google: FakeGoogle, bucket: Any, fault: dict[str, Any]) -> None:
    google.fault("storage.put", **fault)
    sent_in_chunks(bucket)
    google.clear_faults()
    assert bucket.blob("a/b c").download_as_bytes() == DATA
    assert google.calls()["storage.start"] == {"200": 1}


def test_a_stream_of_unknown_length(bucket: Any) -> None:
    with bucket.blob("streamed", chunk_size=QUANTUM).open("wb") as file:
        for start in range(0, len(DATA), 100_000):
            file.write(DATA[start : start + 100_000])
    with bucket.blob("streamed").open("rb") as file:
        assert file.read() == DATA


def test_conditions_hold(bucket: Any) -> None:
    blob = bucket.blob("once")
    blob.upload_from_string(b"1", if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        blob.upload_from_string(b"2", if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        blob.delete(if_generation_match=blob.generation + 1)
    assert blob.download_as_bytes(if_generation_match=blob.generation) == b"1"


def test_damage_is_noticed_on_both_ways(google: FakeGoogle, bucket: Any) -> None:
    google.fault("storage.put", do="damage")
    with pytest.raises(BadRequest, match="crc32c doesn't match"):
        sent_in_chunks(bucket)
    uploaded(bucket)
    google.fault("storage.read", do="damage")
    with pytest.raises(DataCorruption):
        bucket.blob("a/b c").download_to_file(io.BytesIO())


def test_listings_come_in_pages_and_folders(google: FakeGoogle, client: Any, bucket: Any) -> None:
    google.settings(list_page_size=2)
    for name in ("a/1", "a/2", "a/b/3", "a/b/4", "c"):
        uploaded(bucket, name, b"x")
    assert [blob.name for blob in client.list_blobs(bucket)] == ["a/1", "a/2", "a/b/3", "a/b/4", "c"]
    found = client.list_blobs(bucket, prefix="a/", delimiter="/")
    assert [blob.name for blob in found] == ["a/1", "a/2"]
    assert found.prefixes == {"a/b/"}


def test_objects_are_joined_and_copied(google: FakeGoogle, bucket: Any) -> None:
    parts = [uploaded(bucket, f"part {n}", DATA[n * QUANTUM : (n + 1) * QUANTUM]) for n in range(4)]
    whole = bucket.blob("whole")
    whole.compose(parts)
    assert whole.download_as_bytes() == DATA
    google.settings(rewrite_bytes=QUANTUM)
    copy, token, calls = bucket.blob("copy"), None, 0
    while calls == 0 or token:
        token, done, total = copy.rewrite(whole, token=token)
        calls += 1
    assert (done, total, calls) == (len(DATA), len(DATA), 4)
    assert copy.download_as_bytes() == DATA


def test_buckets_keep_their_rules(google: FakeGoogle, client: Any) -> None:
    bucket = client.get_bucket("recordings")
    bucket.add_lifecycle_delete_rule(age=8, matches_prefix=["uploads/"])
    bucket.patch()
    (rule,) = client.get_bucket("recordings").lifecycle_rules
    assert (rule["action"]["type"], rule["condition"]["age"]) == ("Delete", 8)
    with pytest.raises(NotFound):
        client.get_bucket("elsewhere")


def test_signed_urls_are_verified(google: FakeGoogle, bucket: Any) -> None:
    blob = uploaded(bucket)
    how = {"version": "v4", "expiration": timedelta(minutes=1), "api_access_endpoint": google.storage_url}
    read = blob.generate_signed_url(method="GET", response_type="audio/x", **how)
    answer = requests.get(read, timeout=300)
    assert (answer.content, answer.headers["Content-Type"]) == (DATA, "audio/x")
    assert requests.delete(read, timeout=300).status_code == 403
    write = bucket.blob("sent").generate_signed_url(
        method="PUT", content_type="audio/flac", headers={"x-goog-content-length-range": "1,9"}, **how
    )
    headers = {"content-type": "audio/flac", "x-goog-content-length-range": "1,9"}
    assert requests.put(write, b"0123456789", headers=headers, timeout=300).status_code == 400
    assert requests.put(write, b"012", headers={"content-type": "audio/flac"}, timeout=300).status_code == 403
    assert requests.put(write, b"012345678", headers=headers, timeout=300).status_code == 200
    start = bucket.blob("long").generate_signed_url(method="RESUMABLE", content_type="audio/flac", **how)
    headers = {"content-type": "audio/flac", "x-goog-resumable": "start"}
    begun = requests.post(start, headers=headers, timeout=300)
    assert requests.put(begun.headers["Location"], DATA, timeout=300).status_code == 200
    assert bucket.blob("long").download_as_bytes() == DATA


@pytest.mark.parametrize(
    ("method", "headers", "query"),
    [
        ("GET", {}, {}),
        (
            "GET",
            {},
            {"response-content-disposition": "inline; filename=\"a b\"; filename*=UTF-8''%E6%9C%83"},
        ),
        ("PUT", {"Content-Type": "audio/flac", "x-goog-content-length-range": "1,99"}, {"userProject": "p"}),
        ("POST", {"content-type": "a/b", "x-goog-resumable": "start", "x-goog-if-generation-match": "0"}, {}),
    ],
)
async def test_our_signed_urls_are_those_of_google_s_own_client(
    google: FakeGoogle, bucket: Any, method: str, headers: dict[str, str], query: dict[str, str]
) -> None:
    key = google.service_account()
    credentials = service_account.Credentials.from_service_account_info(key)  # type: ignore[no-untyped-call]
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    name = "sessions/會談 №1/a+b~c'd(e).flac"
    ours = await signed_url(
        GoogleIdentity(credentials),
        endpoint=google.storage_url,
        bucket="recordings",
        name=name,
        method=method,
        seconds=90,
        headers=headers,
        query=query,
        now=now,
    )
    with patch("google.cloud.storage._signing._NOW", return_value=now):
        theirs = bucket.blob(name).generate_signed_url(
            version="v4",
            expiration=timedelta(seconds=90),
            api_access_endpoint=google.storage_url,
            method=method,
            headers=dict(headers),
            query_parameters=dict(query),
            credentials=credentials,
        )
    assert ours == theirs
