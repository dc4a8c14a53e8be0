"""Sessions whose recording is elsewhere: taken at once, fetched by a worker; what leads inside is refused."""

import httpx
import pytest

from shared.errors import SetupError
from tests.integration.api.conftest import Api, StartApi, eventually

URL = "https://recordings.example/2026/%E6%9C%83%E8%AB%87.m4a?X-Amz-Signature=hunter2"


async def test_an_address_becomes_a_session_whose_recording_is_to_come(api: Api) -> None:
    """The request does not wait for the source; F39: the address, which may be signed, is not given back."""
    answer = await api.http.post("/v1/sessions", json={"source_url": URL, "language": "zh-TW"})
    assert answer.status_code == 202, answer.text
    session, job = answer.json()["session"], answer.json()["job"]
    assert (session["title"], job["status"], job["language"]) == ("會談", "queued", "zh-TW")
    assert session["audio"] == {
        "filename": "會談.m4a", "container": None, "media_type": None, "size": None, "sha256": None
    }  # fmt: skip
    assert await api.pool.fetchval("SELECT audio_source FROM session") == URL
    for path in (f"/v1/sessions/{session['id']}", f"/v1/jobs/{job['id']}"):
        assert "hunter2" not in (await api.http.get(path)).text
    audio = await api.http.get(f"/v1/sessions/{session['id']}/audio")
    assert (audio.status_code, audio.json()["code"]) == (409, "not_ready")
    await api.http.post(f"/v1/jobs/{job['id']}/cancel")
    again = await api.http.post(f"/v1/jobs/{job['id']}/retry")
    assert again.status_code == 202, again.text


async def refused(api: Api, url: str) -> httpx.Response:
    answer = await api.http.post("/v1/sessions", json={"source_url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), url
    assert "hunter2" not in answer.text
    return answer


async def test_what_leads_inside_is_refused_at_once(api: Api) -> None:
    for url in (
        "http://169.254.169.254/computeMetadata/v1/",
        "http://127.0.0.1:6379/",
        "http://[::ffff:10.0.0.1]/a.wav",
        "https://user:hunter2@example.com/a.wav",
        "file:///etc/passwd",
        "ftp://example.com/a.wav",
    ):
        answer = await refused(api, url)
        assert answer.json()["errors"][0]["where"] == "the body's member `source_url`"
    assert await api.pool.fetchval("SELECT count(*) FROM session") == 0


async def test_one_place_is_named(api: Api) -> None:
    both = {"source_url": URL, "upload_id": "019ab5d0-7c00-7a3b-9d52-3f8a1c2b4d5e"}
    for body in ({}, both, {"source_url": URL, "gcs_uri": "gs://one/a.wav"}):
        answer = await api.http.post("/v1/sessions", json=body)
        assert answer.status_code == 422
        assert "either `upload_id`, `source_url` or `gcs_uri`" in answer.json()["detail"]


async def test_buckets_are_read_from_where_the_owner_lists_them(start_api: StartApi) -> None:
    """F37: TRANSCRIPTS_INGEST_BUCKETS; off by default, and then the problem says so."""
    async with start_api() as api:
        off = await api.http.post("/v1/sessions", json={"gcs_uri": "gs://one/a.wav"})
        assert (off.status_code, off.json()["code"], off.json()["field"]) == (
            422,
            "unsupported_option",
            "gcs_uri",
        )
        assert "TRANSCRIPTS_INGEST_BUCKETS" in off.json()["detail"]
    async with start_api(TRANSCRIPTS_INGEST_BUCKETS="one, two") as api:
        sent = await api.http.post("/v1/sessions", json={"gcs_uri": "gs://two/calls/會談 1.m4a"})
        assert sent.status_code == 202, sent.text
        assert (sent.json()["session"]["title"], sent.json()["job"]["status"]) == ("會談 1", "queued")
        assert await api.pool.fetchval("SELECT audio_source FROM session") == "gs://two/calls/會談 1.m4a"
        for uri in ("gs://three/a.wav", "gs://one/", "https://one/a.wav", "gs://one/a\nb"):
            refused = await api.http.post("/v1/sessions", json={"gcs_uri": uri})
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), uri
            assert refused.json()["errors"][0]["where"] == "the body's member `gcs_uri`"
        form = await api.http.post(
            "/v1/sessions", files={"audio": ("a.wav", b"x")}, data={"gcs_uri": "gs://one/a"}
        )
        assert "stands in a JSON body" in form.json()["detail"]


async def test_a_bucket_of_our_own_is_never_read_from(start_api: StartApi) -> None:
    with pytest.raises(SetupError, match="this service's own"):
        async with start_api(TRANSCRIPTS_STORAGE_URL="gs://ours/a", TRANSCRIPTS_INGEST_BUCKETS="ours"):
            pass


async def test_networks_may_be_opened_by_a_setting(start_api: StartApi) -> None:
    """F37: TRANSCRIPTS_FETCH_NETWORKS is read; it is for tests, and for those who know their network."""
    async with start_api(TRANSCRIPTS_FETCH_NETWORKS="10.1.0.0/16") as api:
        opened = await api.http.post("/v1/sessions", json={"source_url": "http://10.1.2.3/a.wav"})
        assert opened.status_code == 202
        await refused(api, "http://10.2.0.1/a.wav")


async def test_a_session_that_is_erased_forgets_its_address(api: Api) -> None:
    sent = (await api.http.post("/v1/sessions", json={"source_url": URL})).json()
    assert (await api.http.delete(f"/v1/sessions/{sent['session']['id']}")).status_code == 204

    async def gone() -> bool:
        return bool(await api.pool.fetchval("SELECT count(*) = 0 FROM session"))

    await eventually(gone)
