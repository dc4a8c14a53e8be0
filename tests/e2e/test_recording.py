"""The bundled conversation through the whole service, from the upload to every export."""

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import httpx
import openpyxl
import pypdf
import pytest
import pytest_asyncio

from benchmarks.scoring import Turn, diarization_error_rate, plain_words, turns_of, word_error_rate
from shared.exports import FORMATS
from shared.transcript import Word
from tests.e2e.conftest import Service
from tests.fixtures.processes import descendants, libraries

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="module")]

RECORDING = Path(__file__).parents[2] / "deploy/local/recordings/two_speakers.flac"
DURATION_MS = 88_230
MOST_WRONG_WORDS = 0.05
MOST_WRONG_TIME = 0.06


def _pdf(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def _docx(content: bytes) -> str:
    return "\n".join(paragraph.text for paragraph in docx.Document(io.BytesIO(content)).paragraphs)


def _xlsx(content: bytes) -> str:
    sheets = openpyxl.load_workbook(io.BytesIO(content)).worksheets
    return "\n".join(str(cell) for sheet in sheets for row in sheet.values for cell in row)


READERS: dict[str, Callable[[bytes], str]] = {"pdf": _pdf, "docx": _docx, "xlsx": _xlsx}
"""How text is got out of what is no text."""


class Course:
    """A job as it went: every state that was told, and its session's id."""

    def __init__(self, session_id: str, states: list[dict[str, Any]]) -> None:
        self.session_id = session_id
        self.states = states


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def course(service: Service) -> Course:
    """The recording sent, and its job followed to the end by server-sent events."""
    async with httpx.AsyncClient(base_url=service.url, timeout=300) as http:
        sent = await http.post(
            "/v1/sessions",
            files={"audio": ("Gespräch.flac", RECORDING.read_bytes())},
            data={"title": "兩個人在講電話", "language": "en-US", "speakers": "2"},
        )
        assert sent.status_code == 202, sent.text
        async with http.stream("GET", f"/v1/jobs/{sent.json()['job']['id']}/events") as events:
            lines = [line async for line in events.aiter_lines()]
    states = [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]
    return Course(sent.json()["session"]["id"], states)


async def get(service: Service, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=service.url, timeout=300) as http:
        answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return answer


def reference() -> list[Turn]:
    turns = json.loads(RECORDING.with_name("two_speakers.turns.json").read_text())
    return [(round(start * 1000), round(end * 1000), 1 + (who == "client")) for start, end, who in turns]


def said() -> str:
    return RECORDING.with_name("two_speakers.txt").read_text()


async def test_progress_is_told_as_it_is(course: Course) -> None:
    """F15: it never goes back, it moves while the sound is worked through, and it follows what is really done."""
    states = course.states
    assert states[-1]["status"] == "succeeded", states[-1]
    for field in ("progress", "audio_ms_done", "attempt"):
        told = [state[field] for state in states]
        assert told == sorted(told), field
    order = ["queued", "running", "succeeded"]
    assert [s for n, s in enumerate(x["status"] for x in states) if n == 0 or s != states[n - 1]["status"]] in (
        order, order[1:],
    )  # fmt: skip
    listening = [
        state for state in states if state["phase"] == "transcribing" and state["status"] == "running"
    ]
    done = {state["audio_ms_done"] for state in listening}
    assert len(done) >= 5
    for state in listening:
        # From 11 to 97 per cent the scale is the recording's.
        assert state["progress"] == pytest.approx(11 + 86 * state["audio_ms_done"] / DURATION_MS, abs=1)
    last = states[-1]
    assert (last["progress"], last["audio_ms_done"], last["audio_duration_ms"]) == (
        100,
        DURATION_MS,
        DURATION_MS,
    )
    assert (last["attempt"], last["failures"], last["error"], last["warnings"]) == (1, 0, None, [])
    assert (last["engine"], last["model"], last["language"]) == ("local", "base", "en-US")


async def test_sound_is_worked_through_by_other_processes(service: Service, course: Course) -> None:
    """F17: what has not even loaded the libraries of media and speech cannot hold up its event loop with them."""
    assert course.states[-1]["status"] == "succeeded"
    heavy = {"av", "numpy", "ctranslate2"}
    children = descendants(service.worker.pid)
    assert any(heavy <= libraries(pid) for pid in children), children
    for service_itself in (service.api.pid, service.worker.pid):
        assert not heavy & libraries(service_itself)


async def test_the_words_and_the_speakers_are_right(service: Service, course: Course) -> None:
    """F22, F24: the words, their times, who said them; roles only where there is evidence for them."""
    document = (
        await get(service, f"/v1/sessions/{course.session_id}/transcript?format=json&words=true")
    ).json()
    segments = document["segments"]
    words = [
        Word(word["text"], word["start_ms"], word["end_ms"], speaker=word.get("speaker", segment["speaker"]))
        for segment in segments
        for word in segment["words"]
    ]
    assert document["duration_ms"] == DURATION_MS
    assert word_error_rate(said(), " ".join(segment["text"] for segment in segments)) <= MOST_WRONG_WORDS
    assert diarization_error_rate(reference(), turns_of(words)) <= MOST_WRONG_TIME
    starts = [word.start_ms for word in words]
    assert starts == sorted(starts)
    assert {speaker["number"] for speaker in document["speakers"]} == {1, 2}
    # It is read out, not talked: nobody asks, so nobody is the coach.
    assert {speaker["role"] for speaker in document["speakers"]} == {"unknown"}


@pytest.mark.parametrize("name", FORMATS)
async def test_every_export_has_all_words_in_their_order(service: Service, course: Course, name: str) -> None:
    """F28: under the session's title, whatever its alphabet."""
    where = f"/v1/sessions/{course.session_id}/transcript"
    document = (await get(service, f"{where}?format=json")).json()
    answer = await get(service, f"{where}?format={name}")
    assert answer.headers["content-type"] == FORMATS[name].media_type
    assert "filename*=UTF-8''%E5%85%A9" in answer.headers["content-disposition"]
    rest = iter(plain_words(READERS.get(name, bytes.decode)(answer.content)))
    missing = [
        word for segment in document["segments"] for word in plain_words(segment["text"]) if word not in rest
    ]
    assert missing == []


async def test_what_was_kept_is_whole(service: Service, course: Course) -> None:
    """F32, F33: one row of the ledger, measured; the recording byte for byte; nothing left of the run."""
    (usage,) = await service.rows("SELECT * FROM usage WHERE session_id = $1", course.session_id)
    assert (usage["attempt"], usage["audio_ms"], usage["micro_dollars"]) == (1, DURATION_MS, 0)
    assert (await get(service, f"/v1/sessions/{course.session_id}/audio")).content == RECORDING.read_bytes()
    await asyncio.wait_for(service.idle(), 300)
    assert service.scratch == []
    assert service.decoders == []
