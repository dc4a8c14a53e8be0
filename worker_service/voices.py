"""Tells voices apart where an engine did not: the local voice encoder over the recording; off unless it is set up.

The recording is decoded once more, so that nothing of it has to be kept while an engine works elsewhere.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from shared.database import Pool
from shared.errors import EngineMisconfiguredError, SetupError, TranscriptsError
from shared.observation.logs import get_logger
from shared.ports import ObjectStore
from shared.records import JobRecord
from shared.sessions import SessionRepository
from shared.settings import WorkerSettings
from shared.transcript import Notice, NoticeCode, Word
from worker_service import scratch
from worker_service.children import ask_once
from worker_service.course import Hearing
from worker_service.engines.local.weights import VOICES, verify
from worker_service.media.preparing import prepare

log = get_logger(__name__)

_CHILD: Final = "worker_service.engines.local.voices_child"
_NEEDS: Final = ("numpy", "faster_whisper")
_MENDED: Final = frozenset({NoticeCode.DIARIZATION_UNAVAILABLE, NoticeCode.DIARIZATION_FAILED})
_SAID: Final = Notice(
    NoticeCode.SPEAKERS_BY_VOICE,
    "The engine told no voices apart; this server's own voice encoder did, from the sound alone.",
)


class Voices:
    """Names the speakers of words that have none."""

    def __init__(
        self,
        pool: Pool,
        store: ObjectStore,
        *,
        models_dir: Path,
        scratch_dir: Path | None,
        max_audio_ms: int,
        slots: asyncio.Semaphore,
    ) -> None:
        """`slots` bounds how many recordings are computed at once: it takes 40 s of a processor for an hour."""
        self._sessions = SessionRepository(pool)
        self._store = store
        self._models_dir = models_dir
        self._scratch_dir = scratch_dir
        self._max_audio_ms = max_audio_ms
        self._slots = slots

    async def named(self, job: JobRecord, heard: Hearing) -> Hearing:
        """What was heard, with speakers where they were asked for and the engine has none.

        A failure costs no word: then what the engine has said of the missing speakers stays said (F21, F25).
        """
        words = heard.result.words
        if not words or not job.diarization or job.speakers < 2 or any(word.speaker for word in words):
            return heard
        try:
            named, doubts = await self._told_apart(job, words)
        except TranscriptsError as error:
            log.warning("voices were not told apart", job_id=str(job.id), reason=error.detail)
            return heard
        kept = [notice for notice in heard.result.warnings if notice.code not in _MENDED]
        result = replace(heard.result, words=named, warnings=(*kept, _SAID, *doubts))
        return replace(heard, result=result, mended=_MENDED)

    async def _told_apart(
        self, job: JobRecord, words: Sequence[Word]
    ) -> tuple[tuple[Word, ...], tuple[Notice, ...]]:
        session = await self._sessions.get(job.session_id, job.tenant_id)
        with await asyncio.to_thread(scratch.make, self._scratch_dir) as folder:
            async with self._slots, self._store.local_file(session.audio_key) as source:
                audio = await prepare(source, Path(folder) / "audio.flac", max_duration_ms=self._max_audio_ms)
                request = {
                    "audio": str(audio.path),
                    "duration_ms": audio.duration_ms,
                    "models_dir": str(self._models_dir),
                    "speakers": job.speakers,
                    "words": [[word.start_ms, word.end_ms] for word in words],
                }
                found = await ask_once(_CHILD, request, secrets=False)
        speakers, doubt = found["speakers"], found["doubt"]
        named = (replace(word, speaker=speaker) for word, speaker in zip(words, speakers, strict=True))
        return tuple(named), () if doubt is None else (Notice(*doubt),)


def open_voices(settings: WorkerSettings, pool: Pool, store: ObjectStore) -> Voices | None:
    """What the settings ask for; SetupError, naming the fix, where packages or weights are missing."""
    if not settings.local_voices:
        return None
    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        raise SetupError(
            f"TRANSCRIPTS_LOCAL_VOICES needs {' and '.join(missing)}: install the extra `speech` "
            "(pip install 'coaching-transcripts[speech]'), or leave the setting out."
        )
    try:
        verify(VOICES, settings.models_dir)
    except EngineMisconfiguredError as error:
        raise SetupError(f"TRANSCRIPTS_LOCAL_VOICES: {error.detail}") from error
    return Voices(
        pool,
        store,
        models_dir=settings.models_dir,
        scratch_dir=settings.scratch_dir,
        max_audio_ms=int(settings.max_audio_hours * 3_600_000),
        slots=asyncio.Semaphore(settings.cpu_jobs),
    )
