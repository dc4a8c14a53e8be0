"""Files with something taken out, and many files at once."""

import io
import json
import zipfile
from typing import Any

import httpx
import pytest

from shared.database import transaction
from shared.transcript import Role, Segment, Speaker
from shared.transcripts.repository import TranscriptRepository
from tests.integration.api.conftest import Api


async def done(api: Api, text: str = "Hi Anna, a@b.tw", **fields: Any) -> str:
    sent = await api.send(**fields)
    job = await api.claimed(sent)
    async with transaction(api.pool) as connection:
        assert await api.jobs.succeed(connection, job, warnings=[], model="m", language="en")
        await TranscriptRepository(api.pool).replace(
            connection, job.session_id, [Segment(0, 0, 2_000, text, 1)], [Speaker(1, "Anna", Role.COACH, 0.9)]
        )
    return str(job.session_id)


async def zipped(api: Api, query: Any) -> tuple[httpx.Response, zipfile.ZipFile]:
    answer = await api.http.get("/v1/exports", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return answer, archive


async def test_names_and_addresses_are_taken_out_on_demand_and_stay_stored(api: Api) -> None:
    session = await done(api, title="With Anna", phrases="Quinn")
    url = f"/v1/sessions/{session}/transcript"
    answer = await api.get(f"{url}?format=txt&redact=names,emails")
    assert "Hi [NAME 1], [EMAIL 1]" in answer.text
    assert "Anna" not in answer.text
    assert "Anna" not in answer.headers["Content-Disposition"]
    plain = await api.get(f"{url}?format=txt")
    assert "Hi Anna, a@b.tw" in plain.text
    assert plain.headers["ETag"] != answer.headers["ETag"]
    wrong = await api.get(f"{url}?redact=names,faces")
    assert (wrong.status_code, wrong.json()["errors"][0]["where"]) == (422, "the query parameter `redact`")


async def test_phrases_count_as_names(api: Api) -> None:
    session = await done(api, "Quinn said so.", phrases="Quinn")
    answer = await api.get(f"/v1/sessions/{session}/transcript?redact=names")
    assert answer.json()["segments"][0]["text"] == "[NAME 1] said so."
    assert "Quinn" not in answer.text


async def test_a_transcript_that_is_had_already_is_a_304(api: Api) -> None:
    session = await done(api)
    url = f"/v1/sessions/{session}/transcript?format=srt"
    first = await api.get(url)
    assert (await api.get(url, If_None_Match=first.headers["ETag"])).status_code == 304
    await api.http.patch(
        f"/v1/sessions/{session}/segments/0", json={"text": "x"}, headers={"If-Match": first.headers["ETag"]}
    )
    assert (await api.get(url, If_None_Match=first.headers["ETag"])).status_code == 200


async def test_captions_are_laid_out_as_asked(api: Api) -> None:
    session = await done(api, "twelve words are what it takes to fill more than just one line")
    url = f"/v1/sessions/{session}/transcript?format=srt"
    assert "00:00:00,000 --> 00:00:02,000" in (await api.get(url)).text
    assert (await api.get(f"{url}&max_lines=1")).text.count("-->") == 2
    for option in (
        "min_gap_ms=2000",
        "chars_per_second=1",
        "max_cue_ms=1",
        "min_cue_ms=0",
        "max_line_chars=9",
    ):
        assert (await api.get(f"{url}&{option}")).status_code == 422


async def test_many_sessions_come_as_one_zip(api: Api) -> None:
    """F28: in any script, and two of one title do not overwrite each other."""
    one, two = await done(api, title="會談"), await done(api, title="會談")
    waiting = (await api.send(title="later"))["session"]["id"]
    query = [("session_id", s) for s in (one, two, waiting, one)] + [("format", "srt"), ("format", "docx")]
    _, archive = await zipped(api, query)
    assert archive.namelist() == ["會談.srt", "會談.docx", "會談 (2).srt", "會談 (2).docx", "contents.json"]
    assert "Hi Anna" in archive.read("會談 (2).srt").decode()
    contents = json.loads(archive.read("contents.json"))
    assert [(each["session_id"], each["files"]) for each in contents] == [
        (one, ["會談.srt", "會談.docx"]), (two, ["會談 (2).srt", "會談 (2).docx"]), (waiting, []),
    ]  # fmt: skip
    assert "not ready" in contents[2]["reason"]
    made = (await api.get(f"/v1/sessions/{one}")).json()["created_at"]
    assert archive.getinfo("會談.srt").date_time[:3] == tuple(int(part) for part in made[:10].split("-"))


async def test_a_zip_of_what_a_filter_finds(api: Api) -> None:
    await done(api, title="First with Anna", language="en-US")
    await done(api, title="第二次", language="zh-TW")
    answer, archive = await zipped(api, {"format": "txt", "language": "en", "redact": "names"})
    assert archive.namelist() == ["First with [NAME 1].txt", "contents.json"]
    assert b"Anna" not in archive.read("First with [NAME 1].txt")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="transcripts.zip"'
    _, archive = await zipped(api, {"format": "txt", "q": "第二"})
    assert archive.namelist() == ["第二次.txt", "contents.json"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 422),
        ({"format": "exe"}, 422),
        ({"format": "txt"}, 404),
        ({"format": "txt", "session_id": "019ab5d0-7c00-7a3b-9d52-3f8a1c2b4d5e"}, 404),
        ({"format": "txt", "session_id": "x"}, 422),
        ({"format": "txt", "colour": "red"}, 422),
    ],
)
async def test_a_zip_of_nothing_is_refused(api: Api, query: dict[str, str], status: int) -> None:
    answer = await api.http.get("/v1/exports", params=query)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
