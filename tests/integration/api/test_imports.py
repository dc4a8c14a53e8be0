"""Captions that are put in place of a transcript, over HTTP."""

from typing import Any

import httpx
import pytest

from shared.errors import NoAudioError
from tests.integration.api.conftest import Api

VTT = """WEBVTT

00:00:00.000 --> 00:00:02.000
<v Coach>How are you?</v>

00:00:50.000 --> 00:00:59.999
<v Zoe>很好 &amp; you?</v>
"""
SRT = "1\n00:00:00,000 --> 00:00:02,000\nCoach: How are you?\n\n2\n00:00:02,500 --> 00:00:04,000\nFine.\n"


async def put(
    api: Api, session: str, text: str | bytes, kind: str = "text/vtt", **headers: str
) -> httpx.Response:
    return await api.http.put(
        f"/v1/sessions/{session}/transcript",
        content=text,
        headers={"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}},
    )


async def told(api: Api, session: str) -> list[tuple[int | None, str]]:
    body: dict[str, Any] = (await api.get(f"/v1/sessions/{session}/transcript")).json()
    return [(segment["speaker"], segment["text"]) for segment in body["segments"]]


async def done(api: Api) -> str:
    sent = await api.send()
    await api.succeed(await api.claimed(sent))
    return str(sent["session"]["id"])


async def test_an_import_replaces_and_can_be_undone(api: Api) -> None:
    """F30: names that are known keep their role, others are new; importing twice does not append."""
    session = await done(api)
    answer = await put(api, session, VTT, "text/vtt; charset=utf-8")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["revision"], answer.json()["edit"]["kind"]) == (2, "import")
    assert [(s["number"], s["name"], s["role"]) for s in answer.json()["speakers"]] == [
        (1, "Coach", "coach"), (2, "Zoe", "unknown"),
    ]  # fmt: skip
    assert await told(api, session) == [(1, "How are you?"), (2, "很好 & you?")]
    again = await put(api, session, VTT)
    assert (again.json()["revision"], again.json()["edit"]) == (2, None)
    undone = await api.http.post(f"/v1/sessions/{session}/transcript/undo", headers={"If-Match": '"2"'})
    assert undone.status_code == 200
    assert await told(api, session) == [(1, "How are you?"), (2, "Well. <b>")]


async def test_subrip_is_taken_too(api: Api) -> None:
    session = await done(api)
    assert (await put(api, session, SRT, "application/x-subrip")).status_code == 200
    assert await told(api, session) == [(1, "How are you? Fine.")]


async def test_a_session_without_a_transcript_gets_one(api: Api) -> None:
    sent = await api.send(title="By hand", language="zh-TW")
    session = sent["session"]["id"]
    active = await put(api, session, VTT)
    assert (active.status_code, active.json()["job_id"]) == (409, sent["job"]["id"])
    job = await api.claimed(sent)
    assert await api.jobs.fail(job.id, job.attempt, NoAudioError())
    assert (await put(api, session, VTT)).json()["revision"] == 1
    document = (await api.get(f"/v1/sessions/{session}/transcript")).json()
    assert (document["language"], document["duration_ms"], document["warnings"]) == ("zh-TW", 59_999, [])
    nothing = await api.http.post(f"/v1/sessions/{session}/transcript/undo", headers={"If-Match": '"1"'})
    assert nothing.status_code == 409
    hits = (await api.http.get("/v1/search", params={"q": "很好"})).json()["items"]
    assert [hit["name"] for hit in hits] == ["Zoe"]


async def test_an_import_can_say_what_it_replaces(api: Api) -> None:
    """F31."""
    session = await done(api)
    edit = {"If-Match": '"1"'}
    await api.http.patch(f"/v1/sessions/{session}/segments/0", json={"text": "Hi."}, headers=edit)
    assert (await put(api, session, VTT, If_Match='"1"')).status_code == 412
    assert (await put(api, session, VTT, If_Match='"2"')).status_code == 200


@pytest.mark.parametrize(
    ("text", "kind", "status", "code"),
    [
        ("WEBVTT\n\n", "text/vtt", 422, "invalid_request"),
        ("hello", "text/vtt", 422, "invalid_request"),
        (b"\xff\xfe", "application/x-subrip", 422, "invalid_request"),
        (VTT, "text/plain", 415, "unsupported_media"),
        (VTT, "", 415, "unsupported_media"),
        ("WEBVTT\n\n" + "x" * (8 * 1024 * 1024), "text/vtt", 413, "too_large"),
    ],
)
async def test_what_is_no_captions_is_refused(
    api: Api, text: str | bytes, kind: str, status: int, code: str
) -> None:
    session = await done(api)
    answer = await put(api, session, text, kind)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await told(api, session) == [(1, "How are you?"), (2, "Well. <b>")]


async def test_a_long_file_is_taken(api: Api) -> None:
    """More than a body may have elsewhere."""
    session = await done(api)
    cues = "\n".join(
        f"{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}.000 --> {n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}.900\n"
        f"<v {'Ann' if n % 20 < 10 else 'Bob'}>cue {n} and more.</v>\n"
        for n in range(4_000)
    )
    answer = await put(api, session, f"WEBVTT\n\n{cues}")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["speakers"]) == 2
