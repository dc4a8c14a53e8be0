"""The process that computes: one warm model, one recording at a time. Run by `worker_service.engines.local.engine`."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from shared.segments import mean_confidence
from shared.transcript import Notice, NoticeCode, Word
from worker_service.engines.local.audio import Piece, pieces
from worker_service.engines.local.languages import whisper_code
from worker_service.engines.local.orders import Order, Outcome
from worker_service.engines.local.speakers import Diarizer
from worker_service.engines.local.whisper import Whisper
from worker_service.serving import Emit, serve

_LISTENING: Final = 0.85  # of a piece's work is recognition, the rest is telling the voices apart
_LOW_CONFIDENCE: Final = 0.5

NO_SPEECH: Final = Notice(
    NoticeCode.NO_SPEECH, "Nobody was heard to speak in the recording: the transcript is empty."
)
LOW_CONFIDENCE: Final = Notice(
    NoticeCode.LOW_CONFIDENCE,
    "Much of the recording was hard to understand, so the transcript may be wrong. Noise, music, several people "
    "at once or a language other than the one asked for are the usual reasons.",
)
DIARIZATION_FAILED: Final = Notice(
    NoticeCode.DIARIZATION_FAILED,
    "The speakers could not be told apart because of a fault; the words are kept without speakers.",
)


class Desk:
    """Keeps the model that was loaded last; loading takes seconds, and jobs rarely differ."""

    def __init__(self) -> None:
        self._key: tuple[str, str, int] | None = None
        self._whisper: Whisper | None = None

    def handle(self, request: dict[str, Any], emit: Emit) -> dict[str, Any]:
        """Answer one order; raises TranscriptsError where it cannot be done."""
        order = Order.from_json(request)
        whisper = self._loaded(order)
        return Run(order, whisper, emit).outcome().as_json()

    def _loaded(self, order: Order) -> Whisper:
        key = (order.model, order.models_dir, order.threads)
        if self._whisper is None or self._key != key:
            self._whisper = None  # two models at once would double the memory
            self._whisper, self._key = Whisper.load(order.model, Path(order.models_dir), order.threads), key
        return self._whisper


class Run:
    """One recording from beginning to end."""

    def __init__(self, order: Order, whisper: Whisper, emit: Emit) -> None:
        self._order = order
        self._whisper = whisper
        self._emit = emit
        self._language = whisper.settle_language(whisper_code(order.language))
        self._words: list[Word] = []
        self._left_out = 0  # stretches that were more likely invented than said
        self._told_ms = 0
        self._warnings: list[Notice] = []
        self._diarizer: Diarizer | None = None
        if order.diarization and order.speakers > 1:
            with self._forgiven():
                self._diarizer = Diarizer.load(Path(order.models_dir), order.speakers, order.duration_ms)

    def outcome(self) -> Outcome:
        """Recognise everything, then name the voices."""
        for piece in pieces(Path(self._order.audio)):
            self._listen(piece)
            self._gather_voices(piece)
            self._tell(piece.start_ms + piece.length_ms)
        words = self._attributed()
        self._doubt()
        return Outcome(
            words=words,
            language=self._order.language or self._language,
            model=self._whisper.name,
            warnings=tuple(self._warnings),
        )

    def _listen(self, piece: Piece) -> None:
        share = _LISTENING if self._diarizer else 1.0
        for heard in self._whisper.hear(piece, language=self._language, phrases=self._order.phrases):
            if heard.doubtful:
                self._left_out += 1
            else:
                self._words += heard.words
                self._language = self._language or heard.language
            self._tell(piece.start_ms + int((heard.until_ms - piece.start_ms) * share))

    def _gather_voices(self, piece: Piece) -> None:
        if self._diarizer is not None:
            with self._forgiven():
                self._diarizer.gather(piece)

    def _attributed(self) -> tuple[Word, ...]:
        """The words with their speakers, as far as they were asked for and could be told apart (F21, F25)."""
        if self._order.diarization and self._order.speakers == 1:
            return tuple(replace(word, speaker=1) for word in self._words)
        if self._diarizer is not None:
            with self._forgiven():
                words, doubt = self._diarizer.attribute(self._words)
                self._warnings += [doubt] if doubt else []
                return words
        return tuple(self._words)

    @contextmanager
    def _forgiven(self) -> Iterator[None]:
        """A fault in telling voices apart must not cost the transcript (F25)."""
        try:
            yield
        except Exception:  # noqa: BLE001 - whatever it was, the words are good
            traceback.print_exc()  # into the worker's log
            self._diarizer = None
            self._warnings.append(DIARIZATION_FAILED)

    def _doubt(self) -> None:
        if not self._words:
            self._warnings = [NO_SPEECH]
        elif self._left_out or (mean_confidence(self._words) or 0) < _LOW_CONFIDENCE:
            self._warnings.append(LOW_CONFIDENCE)

    def _tell(self, done_ms: int) -> None:
        """Report how much of the audio is done; never less than before."""
        done_ms = min(done_ms, self._order.duration_ms)
        if done_ms > self._told_ms:
            self._told_ms = done_ms
            self._emit({"audio_ms": done_ms})


if __name__ == "__main__":
    serve(Desk().handle)
