"""F17: what is done to a transcript of three hours is done off the event loop, so that nobody else waits for it.

What a loop is free of is told by what it calls: whoever calls something for each segment works through the transcript,
and must not do so on the loop's thread.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.database import transaction
from shared.transcript import Role, Segment, Speaker, Word
from shared.transcripts.repository import TranscriptRepository
from tests.fixtures.loop_work import LoopWork
from tests.integration.api.conftest import Api

SEGMENTS, WORDS, WORD_MS = 1_000, 14, 760
SPEAKERS = [Speaker(1, "Ana", Role.COACH, 0.8), Speaker(2, "Ben", Role.CLIENT, 0.8)]
CAPTIONS = "WEBVTT\n\n" + "\n\n".join(
    f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000 --> 09:00:00.000\n<v Ana>caption {second}"
    for second in range(0, 5 * SEGMENTS, 5)
)


def three_hours() -> Iterator[Segment]:
    for n in range(SEGMENTS):
        start = n * WORDS * WORD_MS
        times = range(start, start + WORDS * WORD_MS, WORD_MS)
        words = tuple(Word(f"word{n}", at, at + 300, 0.9, 1 + n % 2) for at in times)
        text = " ".join(word.text for word in words)
        yield Segment(n, start, words[-1].end_ms, text, 1 + n % 2, 0.9, words)


@pytest.fixture
async def url(api: Api) -> str:
    sent = await api.send()
    job = await api.claimed(sent)
    async with transaction(api.pool) as connection:
        assert await api.jobs.succeed(connection, job, warnings=[], model="m1", language="en")
        heard = list(three_hours())
        await TranscriptRepository(api.pool).replace(connection, job.session_id, heard, SPEAKERS)
    return f"/v1/sessions/{sent['session']['id']}"


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "transcript?format=json", {}),
    ("GET", "segments/7", {}),
    ("PATCH", "segments/500", {"json": {"text": "Another text."}}),
    ("PATCH", "segments", {"json": {"segments": list(range(900)), "speaker": 2}}),
    ("POST", "segments/10/split", {"json": {"at": 5}}),
    ("POST", "segments/10/merge", {}),
    ("DELETE", "segments/5", {}),
    ("PUT", "transcript", {"content": CAPTIONS, "headers": {"Content-Type": "text/vtt"}}),
    ("POST", "transcript/undo", {}),
    ("POST", "transcript/redo", {}),
    ("GET", "transcript/history/7", {}),
]


async def test_three_hours_are_worked_through_off_the_loop(api: Api, url: str) -> None:
    """API and test share this thread, so what is counted is all that the loop does."""
    for method, path, sent in REQUESTS:
        headers = {"If-Match": "*", **sent.get("headers", {})}
        work = LoopWork()
        with work.counting():
            answer = await api.http.request(method, f"{url}/{path}", **{**sent, "headers": headers})
        assert answer.status_code == 200, (method, path, answer.text[:300])
        assert work.most_calls < SEGMENTS / 10, f"{method} {path}: {work}"
        assert work.longest_json < SEGMENTS * WORDS, f"{method} {path}: {work}"


async def test_one_segment_is_one_row(api: Api, url: str) -> None:
    """The words of the others are not even read."""
    await api.pool.execute("UPDATE transcript_segment SET words = '\"no list\"' WHERE n <> 7")
    answer = await api.get(f"{url}/segments/7")
    assert answer.json()["words"][0]["text"] == "word7"


async def test_an_edit_reads_the_words_that_it_changes(api: Api, url: str) -> None:
    """Hours of words take tenths of a second to read, and nobody waits for those for one segment's text."""
    await api.pool.execute("UPDATE transcript_segment SET words = '\"no list\"' WHERE n NOT IN (7, 8)")
    for method, path, sent in (
        ("PATCH", "segments/7", {"text": "Another text."}),
        ("PATCH", "segments/7", {"speaker": 1}),
        ("POST", "segments/7/merge", {}),
        ("POST", "transcript/undo", None),
        ("PUT", "speakers", {"speakers": [{"number": n, "name": f"{n}", "role": "unknown"} for n in (1, 2)]}),
    ):
        answer = await api.http.request(method, f"{url}/{path}", json=sent, headers={"If-Match": "*"})
        assert answer.status_code == 200, (path, answer.text[:300])
