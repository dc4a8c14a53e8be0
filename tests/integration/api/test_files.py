"""Files that come out: transcripts in every format, and the recording, whole or in part."""

import json
from urllib.parse import unquote

from shared.errors import NoAudioError
from shared.exports import FORMATS
from tests.integration.api.conftest import WAV, Api

MAGIC = {"docx": b"PK", "xlsx": b"PK", "pdf": b"%PDF-"}


async def test_a_transcript_comes_in_every_format(api: Api) -> None:
    """F28: a Chinese title does not crash the download."""
    sent = await api.send(title="會談 №1: “x/y”")
    await api.succeed(await api.claimed(sent))
    for kind, form in FORMATS.items():
        answer = await api.get(f"/v1/sessions/{sent['session']['id']}/transcript?format={kind}")
        assert answer.status_code == 200
        assert answer.content.startswith(MAGIC[kind]) if kind in MAGIC else "How are you?" in answer.text
        assert answer.headers["Content-Type"] == form.media_type
        name = answer.headers["Content-Disposition"].partition("filename*=UTF-8''")[2]
        assert answer.headers["Cache-Control"] == "no-store"
        assert unquote(name) == f"會談 №1 “x y”.{kind}"


async def test_json_is_the_default_and_leaves_words_out_on_demand(api: Api) -> None:
    sent = await api.send()
    await api.succeed(await api.claimed(sent))
    url = f"/v1/sessions/{sent['session']['id']}/transcript"
    whole, short = (await api.get(url)).json(), (await api.get(f"{url}?words=false")).json()
    assert "words" in whole["segments"][0]
    assert "words" not in short["segments"][0]
    assert whole["warnings"] == [{"code": "quiet", "detail": "The client is hard to hear."}]


async def test_a_transcript_that_is_not_there_says_where_to_look(api: Api) -> None:
    sent = await api.send()
    url = f"/v1/sessions/{sent['session']['id']}/transcript"
    answer = await api.get(url)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")
    assert answer.json()["job"] == f"/v1/jobs/{sent['job']['id']}"
    assert answer.json()["job_status"] == "queued"
    assert answer.headers["Retry-After"] == "2"
    job = await api.claimed(sent)
    assert await api.jobs.fail(job.id, job.attempt, NoAudioError())
    answer = await api.get(url)
    assert (answer.status_code, answer.json()["job_status"]) == (409, "failed")


async def test_a_recording_comes_back_as_it_was_sent(api: Api) -> None:
    sent = await api.send(name="第一次.mp3")
    url = f"/v1/sessions/{sent['session']['id']}/audio"
    answer = await api.get(url)
    assert (answer.status_code, answer.content) == (200, WAV)
    assert answer.headers["Content-Type"] == "audio/wav"  # F23: as it is, not as it is called
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Disposition"].startswith("inline;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    tag = answer.headers["ETag"]
    assert json.loads(tag) == sent["session"]["audio"]["sha256"]
    assert (await api.get(url, If_None_Match=tag)).status_code == 304


async def test_a_player_gets_the_part_that_it_asks_for(api: Api) -> None:
    sent = await api.send()
    url = f"/v1/sessions/{sent['session']['id']}/audio"
    size = len(WAV)
    for asked, start, end in [
        ("100-199", 100, 199),
        ("16000-", 16_000, size - 1),
        ("-44", size - 44, size - 1),
    ]:
        answer = await api.get(url, Range=f"bytes={asked}")
        assert (answer.status_code, answer.content) == (206, WAV[start : end + 1])
        assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{size}"
        assert answer.headers["Content-Length"] == str(end + 1 - start)
    outside = await api.get(url, Range=f"bytes={size}-")
    assert (outside.status_code, outside.headers["Content-Range"]) == (416, f"bytes */{size}")
    assert outside.json()["code"] == "range_not_satisfiable"
    tag = (await api.get(url)).headers["ETag"]
    assert (await api.get(url, Range="bytes=0-9", If_Range=tag)).status_code == 206
    assert (await api.get(url, Range="bytes=0-9", If_Range='"older"')).status_code == 200


async def test_a_recording_that_is_gone_says_so(api: Api) -> None:
    sent = await api.send()
    api.stored()[0].unlink()
    answer = await api.get(f"/v1/sessions/{sent['session']['id']}/audio")
    assert (answer.status_code, answer.json()["code"]) == (410, "object_missing")
