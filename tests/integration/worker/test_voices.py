"""Voices that this worker tells apart for an engine that does not."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from shared.database import Pool, open_pool
from shared.errors import EngineMisconfiguredError, SetupError
from shared.jobs.operations import FREE
from shared.jobs.repository import JobRepository
from shared.settings import WorkerSettings
from shared.storage.disk import DiskStore
from shared.transcript import Notice, Word
from tests.fakes.google.known import spoken as timed
from tests.fixtures.rows import a_job, a_session, an_operation, put_bytes, stored_job
from worker_service.course import Hearing
from worker_service.engines.local.weights import VOICES, verify
from worker_service.engines.port import SpeechResult
from worker_service.voices import Voices, open_voices

RECORDINGS = Path(__file__).parents[3] / "deploy" / "local" / "recordings"
MODELS = Path(os.environ.get("TRANSCRIPTS_MODELS_DIR", ".local/models"))
UNAVAILABLE = Notice("diarization_unavailable", "none")
OTHER = Notice("language_approximated", "another")


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await open_pool(database_url, size=3, name="test") as pool:
        yield pool


@pytest.fixture
def voices(pool: Pool, tmp_path: Path) -> Voices:
    store = DiskStore(tmp_path / "objects")
    return Voices(
        pool, store, models_dir=MODELS, scratch_dir=tmp_path, max_audio_ms=10**6, slots=asyncio.Semaphore(1)
    )


def spoken() -> list[Word]:
    """The words of the bundled recording of two people, with their speakers."""
    turns = json.loads((RECORDINGS / "two_speakers.turns.json").read_text())
    lines = (RECORDINGS / "two_speakers.txt").read_text().splitlines()
    return [Word(w["text"], w["start_ms"], w["end_ms"], None, w["speaker"]) for w in timed(turns, lines)]


def hearing(words: list[Word], *operations: object) -> Hearing:
    result = SpeechResult(tuple(words), "zh-TW", "chirp_3", (Notice("diarization_failed", "none"), OTHER))
    return Hearing(result, 88_000, tuple((operation, FREE) for operation in operations))  # type: ignore[misc]


@pytest.mark.slow
@pytest.mark.models
async def test_words_without_speakers_get_them_from_the_sound(pool: Pool, voices: Voices) -> None:
    """F21: what was said to be missing is not said any more, and who has told the voices apart is."""
    try:
        verify(VOICES, MODELS)
    except EngineMisconfiguredError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(error.detail)
    session = a_session()
    await put_bytes(voices._store, session.audio_key, (RECORDINGS / "two_speakers.flac").read_bytes())
    job = await stored_job(pool, session=session)
    run = await JobRepository(pool).claim(job.id, "w")
    assert run is not None
    operation = replace(await an_operation(pool, run), notices=(UNAVAILABLE, OTHER))
    truth = spoken()
    heard = await voices.named(job, hearing([replace(word, speaker=None) for word in truth], operation))
    pairs = list(zip([word.speaker for word in heard.result.words], truth, strict=True))
    right = max(
        sum(order[word.speaker - 1] == speaker for speaker, word in pairs if word.speaker)
        for order in permutations((1, 2))
    )
    assert right >= 0.9 * len(truth)
    assert [word.text for word in heard.result.words] == [word.text for word in truth]
    assert [notice.code for notice in heard.result.warnings[:2]] == [OTHER.code, "speakers_by_voice"]
    assert heard.notices == [OTHER]


async def test_a_recording_that_is_gone_costs_no_word(pool: Pool, voices: Voices) -> None:
    """F25."""
    job = await stored_job(pool)
    heard = hearing([Word("a", 0, 400)])
    assert await voices.named(job, heard) is heard


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"diarization": False}, Word("a", 0, 400)),
        ({"speakers": 1}, Word("a", 0, 400)),
        ({}, Word("a", 0, 400, None, 2)),
    ],
)
async def test_what_nobody_asked_for_or_has_already_is_left(
    voices: Voices, changes: dict[str, object], word: Word
) -> None:
    heard = hearing([word])
    assert await voices.named(a_job(a_session(), **changes), heard) is heard


def settings(**changes: str) -> WorkerSettings:
    needed = {
        "DATABASE_URL": "postgresql://h/d",
        "REDIS_URL": "redis://h",
        "TRANSCRIPTS_STORAGE_URL": "file:///n",
    }
    return WorkerSettings(**{**needed, **changes})  # type: ignore[arg-type]


async def test_it_is_off_unless_it_is_asked_for_and_then_must_be_whole(pool: Pool, tmp_path: Path) -> None:
    """F37, F44: a worker that cannot do it does not start, and names the command."""
    store = DiskStore(tmp_path)
    assert open_voices(settings(), pool, store) is None
    asked = settings(TRANSCRIPTS_LOCAL_VOICES="true", TRANSCRIPTS_MODELS_DIR=str(tmp_path))
    with pytest.raises(SetupError, match=r"deploy\.local\.models"):
        open_voices(asked, pool, store)
