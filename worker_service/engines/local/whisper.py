"""Whisper on the CPU: loads a model once its weights are checked, and turns pieces of sound into words."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from faster_whisper import WhisperModel
from faster_whisper.vad import VadOptions

from shared.errors import EngineMisconfiguredError, UnsupportedOptionError
from shared.transcript import Word
from worker_service.engines.local.audio import Piece
from worker_service.engines.local.languages import UNSPACED
from worker_service.engines.local.weights import BUNDLED, is_folder, verify

# Where Whisper invents: it is unsure that anybody speaks and unsure of what it wrote, or it repeats itself.
_NO_SPEECH: Final = 0.6
_UNSURE_LOGPROB: Final = -0.8
_HOPELESS_LOGPROB: Final = -1.2
_REPETITIVE: Final = 2.4  # gzip's ratio of the text
_MIN_SILENCE_MS: Final = 2_000  # of a pause that is left out; cutting shorter ones out cost 1.4 points of WER
_SURE_OF_LANGUAGE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Heard:
    """What was recognised in one stretch: its words (times within the recording), and how far it reaches."""

    words: tuple[Word, ...]
    until_ms: int
    language: str
    doubtful: bool = False  # left out by the caller: more likely invented than said


class Whisper:
    """One loaded model; `name` is what results are labelled with."""

    def __init__(self, name: str, model: WhisperModel) -> None:
        self.name = name
        self._model = model

    @classmethod
    def load(cls, model: str, models_dir: Path, threads: int) -> "Whisper":
        """Load a bundled model by name (checked against its pinned hashes), a folder, or a hub's model.

        Raises EngineMisconfiguredError naming the fix.
        """
        local_only = os.environ.get("HF_HUB_OFFLINE") == "1"
        name = model
        if model in BUNDLED:
            source = str(verify(BUNDLED[model], models_dir))
        elif is_folder(model):
            source, name = str(Path(model)), Path(model).name
            if not (Path(model) / "model.bin").is_file():
                raise EngineMisconfiguredError(
                    f"There is no Whisper model in {model}: a folder with model.bin, config.json and "
                    "tokenizer.json (CTranslate2) is wanted. Set TRANSCRIPTS_WHISPER_MODEL to it."
                )
        else:
            source = model
        try:
            loaded = WhisperModel(
                source, device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=local_only
            )
        except Exception as error:
            raise EngineMisconfiguredError(
                f"The speech model {model!r} could not be loaded ({type(error).__name__}: {error}). Set "
                f"TRANSCRIPTS_WHISPER_MODEL to one of {', '.join(BUNDLED)}, to a folder, or, where there is "
                "internet, to a model's name on the hub."
            ) from error
        return cls(name, loaded)

    def settle_language(self, code: str | None) -> str | None:
        """The language to recognise: `code`, or English for a model that knows nothing else.

        Raises UnsupportedOptionError where the model does not know the language (F20).
        """
        if not self._model.model.is_multilingual:
            if code in (None, "en"):
                return "en"
            raise UnsupportedOptionError(
                f"The model {self.name} knows English only. Ask for the model base, or for English."
            )
        if code is not None and self._model.hf_tokenizer.token_to_id(f"<|{code}|>") is None:
            raise UnsupportedOptionError(f"The model {self.name} does not know the language {code!r}.")
        return code

    def hear(self, piece: Piece, *, language: str | None, phrases: Sequence[str]) -> Iterator[Heard]:
        """Recognise a piece, stretch by stretch as the model gets on; nothing where nobody speaks.

        `phrases` are expected names and terms. They stand before what is heard, and where Whisper understands
        nothing it may repeat them: a stretch that is nothing but them is doubtful.
        """
        expected = ", ".join(phrases)
        if not len(piece.samples):
            return
        segments, info = self._model.transcribe(
            piece.samples,
            language=language,
            word_timestamps=True,
            vad_filter=True,
            vad_parameters=VadOptions(min_silence_duration_ms=_MIN_SILENCE_MS),
            condition_on_previous_text=False,  # a mistake must not breed the next
            hotwords=expected or None,
        )
        if info.duration_after_vad == 0:
            return
        spoken = info.language if language or info.language_probability >= _SURE_OF_LANGUAGE else ""
        for segment in segments:
            yield Heard(
                words=tuple(_words(segment.words or (), piece.start_ms, info.language)),
                until_ms=min(piece.start_ms + _ms(segment.end), piece.start_ms + piece.length_ms),
                language=spoken,
                doubtful=_invented(segment) or (bool(expected) and _bare(segment.text) == _bare(expected)),
            )


def _invented(segment: Any) -> bool:
    unsure = segment.avg_logprob < _UNSURE_LOGPROB
    return bool(
        (segment.no_speech_prob > _NO_SPEECH and unsure)
        or segment.avg_logprob < _HOPELESS_LOGPROB
        or segment.compression_ratio > _REPETITIVE
    )


def _bare(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def _words(words: Iterable[Any], start_ms: int, language: str) -> Iterator[Word]:
    """Our words of theirs: a leading space is how Whisper says that a word begins."""
    for index, word in enumerate(words):
        text = word.word.strip()
        if not text:
            continue
        begins = word.word[0].isspace() or (index == 0 and language not in UNSPACED)
        yield Word(
            text=text,
            start_ms=start_ms + _ms(word.start),
            end_ms=start_ms + max(_ms(word.end), _ms(word.start)),
            confidence=round(min(1.0, max(0.0, float(word.probability))), 4),
            joined=not begins,
        )


def _ms(seconds: float) -> int:
    return round(float(seconds) * 1000)
