"""The local engine with its real weights: what it hears, whom it hears, and how it dies."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import pytest_asyncio

from benchmarks.scoring import Turn, diarization_error_rate, turns_of, word_error_rate
from shared.errors import EngineMisconfiguredError, EngineUnavailableError
from shared.jobs.operations import Cost
from shared.transcript import join_words
from tests.fixtures.loop_work import LoopWork
from tests.unit.worker_service.engines.local.sounds import write_flac
from worker_service.engines.local.engine import LocalEngine
from worker_service.engines.local.weights import BASE, VOICES, verify
from worker_service.engines.port import SpeechRequest, SpeechResult

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="module")]

ROOT = Path(__file__).parents[2]
MODELS = Path(os.environ.get("TRANSCRIPTS_MODELS_DIR", ROOT / ".local/models"))
DEMO = ROOT / "deploy/local/recordings"
CLIP = DEMO / "two_speakers.flac"
CLIP_MS = 88_230
SENTENCE = ROOT / "tests/fixtures/recordings/librivox_0870.flac"
SENTENCE_MS = 7_100


@pytest.fixture(scope="module", autouse=True)
def _models() -> None:
    for weights in (BASE, VOICES):
        try:
            verify(weights, MODELS)
        except EngineMisconfiguredError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(error.detail)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[LocalEngine]:
    """One engine for the module, so that the model is loaded once."""
    engine = LocalEngine(models_dir=MODELS, model="base", processes=1, threads=2)
    yield engine
    await engine.aclose()


def order(audio: Path = CLIP, duration_ms: int = CLIP_MS, **options: Any) -> SpeechRequest:
    request = SpeechRequest(uuid4(), 1, audio, duration_ms, language="en-US")
    return replace(request, **options)


async def run(engine: LocalEngine, request: SpeechRequest, told: list[int] | None = None) -> SpeechResult:
    engine.check(request)
    operation = await engine.submit(request, await engine.stage(request))
    assert operation == f"local/{request.job_id}/{request.attempt}"
    return await engine.follow(request, operation, (told if told is not None else []).append)


def reference() -> list[Turn]:
    turns = json.loads((DEMO / "two_speakers.turns.json").read_text())
    return [(round(start * 1000), round(end * 1000), 1 + (who == "client")) for start, end, who in turns]


async def test_two_people_are_understood_and_told_apart_while_the_loop_stays_free(
    engine: LocalEngine,
) -> None:
    """F17: in no turn of the loop is each word touched; F22: no word is lost, twice there, or out of order."""
    told: list[int] = []
    work = LoopWork()
    with work.counting():
        result = await run(engine, order(), told)
    assert work.most_calls < len(result.words) / 2, str(work)

    words = result.words
    assert word_error_rate((DEMO / "two_speakers.txt").read_text(), join_words(words)) < 0.12
    assert {word.speaker for word in words} == {1, 2}
    assert words[0].speaker == 1
    assert diarization_error_rate(reference(), turns_of(words)) < 0.10
    assert all(word.confidence is not None and 0 <= word.confidence <= 1 for word in words)
    assert [w.start_ms for w in words] == sorted(w.start_ms for w in words)
    assert words[0].start_ms < 300
    assert words[-1].end_ms <= CLIP_MS
    assert (result.language, result.model, result.warnings) == ("en-US", "base", ())
    assert result.cost == Cost(billed_ms=CLIP_MS)
    assert told == sorted(told)
    assert len(told) > 10
    assert told[-1] == CLIP_MS


async def test_one_person_is_not_made_two(engine: LocalEngine) -> None:
    """F21: whoever expected two people is told that only one was found."""
    result = await run(engine, order(SENTENCE, SENTENCE_MS, language=None))
    assert word_error_rate(
        "and mister john dashwood had then leisure to consider how much there might be prudently in his power to"
        " do for them",
        join_words(result.words),
    ) < 0.1  # fmt: skip
    assert {word.speaker for word in result.words} == {1}
    assert [notice.code for notice in result.warnings] == ["speakers_uncertain"]
    assert result.language == "en"


async def test_without_diarization_nobody_is_named(engine: LocalEngine) -> None:
    result = await run(engine, order(SENTENCE, SENTENCE_MS, diarization=False))
    assert {word.speaker for word in result.words} == {None}
    assert result.warnings == ()


@pytest.mark.parametrize("kind", ["silence", "hum", "noise"])
async def test_what_is_no_speech_makes_no_words(engine: LocalEngine, tmp_path: Path, kind: str) -> None:
    """Whisper writes "Thank you." into silence; nobody said that."""
    time_s = np.arange(16_000 * 20) / 16_000
    sound = {
        "silence": np.zeros_like(time_s),
        "hum": 0.2 * np.sin(2 * np.pi * 110 * time_s) + 0.1 * np.sin(2 * np.pi * 165 * time_s),
        "noise": np.random.default_rng(0).normal(0, 0.1, len(time_s)),
    }[kind]
    audio = write_flac(tmp_path / "a.flac", (sound * 32767).astype(np.int16))
    told: list[int] = []
    result = await run(engine, order(audio, 20_000), told)
    assert result.words == ()
    assert [notice.code for notice in result.warnings] == ["no_speech"]
    assert told[-1] == 20_000


async def test_a_fault_in_diarization_keeps_the_transcript(tmp_path: Path) -> None:
    """F25: weights of voices that are not the pinned ones cost the speakers, not the words."""
    models = tmp_path / "models"
    models.mkdir()
    (models / BASE.folder).symlink_to(MODELS.resolve() / BASE.folder)
    (models / VOICES.folder).mkdir()
    (models / VOICES.folder / "pretrained.pt").write_bytes(b"something else")
    engine = LocalEngine(models_dir=models, model="base", processes=1, threads=2)
    try:
        result = await run(engine, order(SENTENCE, SENTENCE_MS))
    finally:
        await engine.aclose()
    assert len(result.words) > 15
    assert {word.speaker for word in result.words} == {None}
    assert [notice.code for notice in result.warnings] == ["diarization_failed"]


async def test_weights_that_are_not_the_pinned_ones_are_not_loaded(tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(MODELS / BASE.folder, models / BASE.folder)
    with (models / BASE.folder / "model.bin").open("r+b") as file:
        file.seek(100_000_000)
        file.write(b"\x00\x01")
    engine = LocalEngine(models_dir=models, model="base", processes=1, threads=2)
    try:
        with pytest.raises(EngineMisconfiguredError, match=r"not loaded.*deploy\.local\.models"):
            await run(engine, order())
        shutil.rmtree(models)
        with pytest.raises(EngineMisconfiguredError, match=r"deploy\.local\.models"):
            await run(engine, order())
    finally:
        await engine.aclose()


async def begun(engine: LocalEngine, request: SpeechRequest) -> tuple[asyncio.Task[SpeechResult], int]:
    """A run that has made progress, and the pid of the child that works on it."""
    started = asyncio.Event()
    follow = asyncio.create_task(engine.follow(request, f"local/{request.job_id}/1", lambda _: started.set()))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({follow, waiting}, return_when=asyncio.FIRST_COMPLETED)
    assert not follow.done(), follow
    (pid,) = engine.working()
    return follow, pid


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_a_cancelled_run_leaves_no_child(engine: LocalEngine) -> None:
    """F12: whether the run is cancelled or the operation is."""
    follow, pid = await begun(engine, order())
    follow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await follow
    assert gone(pid)
    request = order()
    follow, pid = await begun(engine, request)
    await engine.cancel(f"local/{request.job_id}/1", CLIP_MS)
    assert gone(pid)
    with pytest.raises(EngineUnavailableError):
        await follow


async def test_a_killed_child_is_an_error_that_is_tried_again(engine: LocalEngine) -> None:
    """F7, F8: told by what happened, and transient; the next run gets a child of its own."""
    follow, pid = await begun(engine, order())
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineUnavailableError, match="-9") as caught:
        await follow
    assert caught.value.transient
    assert (await run(engine, order(SENTENCE, SENTENCE_MS))).words
