"""Recordings that are none, or odd ones, over HTTP: a clear answer each, nothing left running, nothing half-written."""

import io
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest

from benchmarks.scoring import word_error_rate
from tests.e2e.conftest import MAX_UPLOAD_BYTES, Service, finished
from tests.fixtures.media import encode, make, silence, tone, video, wav

pytestmark = pytest.mark.models

SPEECH = Path(__file__).parents[1] / "fixtures/recordings/librivox_0880.flac"
SAID = "he was not an ill disposed young man"


@pytest.fixture(autouse=True)
async def _nothing_left(service: Service) -> AsyncIterator[None]:
    """After each test: no decoder, no temporary file, no job that is not over, an empty queue."""
    yield
    await service.idle()
    assert service.decoders == []
    assert service.scratch == []
    assert await service.rows("SELECT id FROM job WHERE status IN ('queued', 'running')") == []
    # Every object belongs to a session, and every session has its recording, whole.
    kept = {row["audio_key"]: row["audio_size"] for row in await service.rows("SELECT * FROM session")}
    assert service.objects == set(kept)
    for key, size in kept.items():
        assert (service.folder / "objects" / key).stat().st_size == size


async def post(client: httpx.AsyncClient, data: bytes, name: str, **fields: Any) -> httpx.Response:
    return await client.post("/v1/sessions", files={"audio": (name, data)}, data=fields)


async def refused(
    service: Service, client: httpx.AsyncClient, data: bytes, name: str = "call.wav", **fields: Any
) -> dict[str, Any]:
    """The problem document of a request that must leave nothing behind."""
    before = service.objects, await service.rows("SELECT id FROM session")
    answer = await post(client, data, name, **fields)
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert (service.objects, await service.rows("SELECT id FROM session")) == before
    return problem


async def ran(client: httpx.AsyncClient, data: bytes, name: str, **fields: Any) -> dict[str, Any]:
    """The job of a recording that was taken, once it has ended."""
    answer = await post(client, data, name, **fields)
    assert answer.status_code == 202, answer.text
    return await finished(client, answer.json()["job"]["id"])


async def failed(
    service: Service, client: httpx.AsyncClient, data: bytes, name: str = "call.wav"
) -> dict[str, Any]:
    """The error of a job that must fail at its first attempt, keep the recording and write nothing else."""
    job = await ran(client, data, name)
    assert (job["status"], job["attempt"]) == ("failed", 1), job
    session, job_id = job["session_id"], job["id"]
    assert await service.rows("SELECT 1 FROM transcript_segment WHERE session_id = $1", session) == []
    assert await service.rows("SELECT 1 FROM usage WHERE job_id = $1", job_id) == []
    assert (await client.get(f"/v1/sessions/{session}/audio")).content == data
    transcript = await client.get(f"/v1/sessions/{session}/transcript")
    assert transcript.status_code == 409
    assert transcript.headers["content-type"] == "application/problem+json"
    error: dict[str, Any] = job["error"]
    assert error["transient"] is False
    return error


async def transcript(client: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    assert job["status"] == "succeeded", job
    answer = await client.get(f"/v1/sessions/{job['session_id']}/transcript")
    document: dict[str, Any] = answer.json()
    return document


def text_of(document: dict[str, Any]) -> str:
    return " ".join(segment["text"] for segment in document["segments"])


def speech(
    rate: int, arrange: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]] = lambda one: one
) -> bytes:
    """The spoken sentence as a WAV of this rate; `arrange` makes (n, channels) of (n, 1)."""
    with av.open(str(SPEECH)) as container:
        resampler = av.AudioResampler("s16", "mono", rate)
        frames = [ready for frame in container.decode(audio=0) for ready in resampler.resample(frame)]
        frames += resampler.resample(None)
    sound = arrange(np.concatenate([frame.to_ndarray().reshape(-1, 1) for frame in frames]))
    target = io.BytesIO()
    with wave.open(target, "wb") as out:
        out.setnchannels(sound.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(sound.astype("<i2").tobytes())
    return target.getvalue()


# Refused at the door ----------------------------------------------------------------------------------


async def test_an_empty_file(service: Service, client: httpx.AsyncClient) -> None:
    problem = await refused(service, client, b"")
    assert (problem["status"], problem["code"]) == (422, "empty_upload")
    assert "empty" in problem["detail"]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"Dear coach, this is what was said.\n" * 100, "a text file"),
        (b"%PDF-1.7\n" + bytes(3000), "a PDF document"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "a playlist"),
        (bytes(5000), "a file of unknown kind"),
    ],
    ids=["text", "pdf", "playlist", "zeros"],
)
async def test_what_is_no_recording_whatever_its_name(
    service: Service, client: httpx.AsyncClient, data: bytes, what: str
) -> None:
    """F23"""
    problem = await refused(service, client, data, "call.wav")
    assert (problem["status"], problem["code"]) == (415, "unsupported_media")
    assert f"The file is {what}" in problem["detail"]


@pytest.mark.parametrize(
    "language", ["klingon", "xx", "english please", "e", "en-US-x-very-long-subtag-indeed"]
)
async def test_a_language_that_there_is_not(
    service: Service, client: httpx.AsyncClient, language: str
) -> None:
    """F20: before anything is stored or spent."""
    problem = await refused(service, client, speech(16_000), language=language)
    assert problem["status"] == 422
    assert "language" in str(problem)


async def test_a_recording_over_the_size_limit(service: Service, client: httpx.AsyncClient) -> None:
    """F41: told by its length, and where a stream tells none, as soon as it is too much."""
    data = wav(bytes(MAX_UPLOAD_BYTES + 1))
    problem = await refused(service, client, data)
    assert (problem["status"], problem["code"]) == (413, "too_large")
    assert "7.63 MiB" in problem["detail"]

    async def stream() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n'
        for at in range(0, len(data), 65_536):
            yield data[at : at + 65_536]
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await client.post("/v1/sessions", content=stream(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


# Failed by the worker -----------------------------------------------------------------------------------


async def test_a_recording_over_the_length_limit(service: Service, client: httpx.AsyncClient) -> None:
    error = await failed(service, client, wav(bytes(2 * 8_000 * 190), rate=8_000))
    assert error["code"] == "media_too_long"
    assert "longer than the 0.05 hours" in error["detail"]


async def test_an_m4a_that_lacks_its_end(service: Service, client: httpx.AsyncClient, tmp_path: Path) -> None:
    error = await failed(service, client, make(tmp_path, "a.m4a").read_bytes()[:8_000], "call.m4a")
    assert error["code"] == "media_unreadable"
    assert "cut off" in error["detail"]


async def test_a_film_without_sound(service: Service, client: httpx.AsyncClient, tmp_path: Path) -> None:
    error = await failed(
        service, client, video(tmp_path / "a.mp4", with_sound=False).read_bytes(), "call.mp4"
    )
    assert error["code"] == "media_no_audio"


async def test_a_recording_of_no_length(service: Service, client: httpx.AsyncClient) -> None:
    error = await failed(service, client, wav(b""))
    assert error["code"] == "media_empty"


async def test_a_wav_of_noise_in_an_unknown_coding(service: Service, client: httpx.AsyncClient) -> None:
    error = await failed(service, client, wav(bytes(2_000), coding=0x1234))
    assert error["code"] == "media_unreadable"


async def test_a_header_that_promises_what_no_file_holds(service: Service, client: httpx.AsyncClient) -> None:
    error = await failed(service, client, wav(bytes(2_000), channels=65))
    assert error["code"] == "media_unreadable"
    assert "65 channels" in error["detail"]


# Odd, and understood --------------------------------------------------------------------------------------


async def test_silence(client: httpx.AsyncClient, tmp_path: Path) -> None:
    data = encode(tmp_path / "a", "wav", "pcm_s16le", 16_000, seconds=10, wave=silence()).read_bytes()
    job = await ran(client, data, "call.wav")
    assert [warning["code"] for warning in job["warnings"]] == ["silence", "no_speech"]
    document = await transcript(client, job)
    assert document["segments"] == []
    assert document["duration_ms"] == 10_000


async def test_music(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """A chord that changes every second: nobody speaks, and nothing is invented."""

    def chords(seconds: np.ndarray[Any, np.dtype[np.float64]]) -> list[Any]:
        root = 220 * 2 ** (np.array([0, 5, 7, 0, -3, 5, 7, 12])[seconds.astype(int) % 8] / 12)
        return [sum(0.1 * np.sin(2 * np.pi * root * step * seconds) for step in (1, 1.26, 1.5, 2))]

    data = encode(tmp_path / "a", "mp3", "libmp3lame", 44_100, seconds=16, wave=chords).read_bytes()
    job = await ran(client, data, "song.mp3")
    assert [warning["code"] for warning in job["warnings"]] == ["no_speech"]
    assert (await transcript(client, job))["segments"] == []


async def test_eight_channels_with_a_voice_on_one(client: httpx.AsyncClient) -> None:
    def arrange(sound: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.concatenate([sound if n == 3 else np.zeros_like(sound) for n in range(8)], axis=1)

    job = await ran(client, speech(16_000, arrange), "call.wav", language="en")
    assert word_error_rate(SAID, text_of(await transcript(client, job))) <= 0.2


async def test_two_channels_in_opposite_phase(client: httpx.AsyncClient) -> None:
    job = await ran(client, speech(16_000, lambda sound: np.concatenate([sound, -sound], axis=1)), "call.wav")
    assert word_error_rate(SAID, text_of(await transcript(client, job))) <= 0.2


async def test_a_telephone_s_rate(client: httpx.AsyncClient) -> None:
    job = await ran(client, speech(8_000), "call.wav", language="en")
    assert word_error_rate(SAID, text_of(await transcript(client, job))) <= 0.2


async def test_a_recording_that_is_cut_off_in_the_middle_of_a_word(client: httpx.AsyncClient) -> None:
    data = speech(16_000)
    job = await ran(client, data[: len(data) // 2], "call.wav", language="en")
    assert "media_truncated" in [warning["code"] for warning in job["warnings"]]
    assert (await transcript(client, job))["segments"]


async def test_a_tone_is_not_taken_for_speech(client: httpx.AsyncClient, tmp_path: Path) -> None:
    data = encode(
        tmp_path / "a", "webm", "libopus", 48_000, seconds=5, wave=tone(), unseekable=True
    ).read_bytes()
    job = await ran(client, data, "call.webm")
    assert [warning["code"] for warning in job["warnings"]] == ["no_speech"]
