"""What the fake hears: a script or a recorded answer where one is set, else words made from the length."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from google.cloud.speech_v2.types import cloud_speech
from tests.fakes.google.state import State

_ENGLISH: Final = (
    "So what would you like to look at today.",
    "I keep coming back to the same decision.",
    "What makes it come back?",
    "Perhaps I am afraid of what I would lose.",
)
_CHINESE: Final = ("今天 想 談 什麼 呢?", "我 一直 在 想 同 一個 決定。")
_WORD_MS: Final = 400
_SPOKEN_MS: Final = 320
_SAME_LENGTH_MS: Final = 500  # decoding may add or cut a frame
_PIECE: Final = re.compile(r"/(\d+)-(\d+)\.flac$")  # a file that is named after its stretch of a recording


@dataclass(frozen=True, slots=True)
class Heard:
    """One word as the fake hears it."""

    text: str
    start_ms: int
    end_ms: int
    speaker: int
    ends_sentence: bool


def recognise(
    state: State, uri: str, audio_ms: int, config: cloud_speech.RecognitionConfig, billed_ms: int
) -> str:
    """The JSON of a `BatchRecognizeResults`, as Google writes it into the bucket.

    A script set for this file is used first: `result` is served as it was recorded, `words` are put into the
    shape that the request's features ask for. Of a piece of a recording its stretch of the words is heard, a little
    differently: see `_of_piece`.
    """
    piece = _PIECE.search(uri)
    start_ms, end_ms = (int(piece[1]), int(piece[2])) if piece else (0, audio_ms)
    for row in state.rows("SELECT document FROM scripts ORDER BY id DESC"):
        script = json.loads(row["document"])
        lasts_ms = script.get("audio_ms", end_ms)
        fits = lasts_ms >= end_ms - _SAME_LENGTH_MS if piece else abs(lasts_ms - audio_ms) <= _SAME_LENGTH_MS
        if script.get("match", "") in uri and fits:
            if "result" in script:
                return json.dumps(script["result"], ensure_ascii=False)
            words = _scripted(script["words"])
            break
    else:
        words = list(_invented(end_ms, config))
    if piece:
        words = list(_of_piece(words, start_ms, end_ms, state.settings.piece_jitter_ms))
    return _results(words, config, audio_ms, billed_ms, state)


def _of_piece(words: Sequence[Heard], start_ms: int, end_ms: int, jitter_ms: int) -> Iterator[Heard]:
    """The words of a stretch, as another run of the recogniser would have them, the same for every run.

    Times are a little off, voices are numbered in another order, and of a word that an end of the piece cuts in two a
    fragment is heard.
    """
    chance = random.Random(start_ms)  # noqa: S311  (the same for every run)
    labels = sorted({word.speaker for word in words})
    other = dict(zip(labels, chance.sample(labels, len(labels)), strict=True))
    length = end_ms - start_ms
    for word in words:
        if word.end_ms <= start_ms or word.start_ms >= end_ms:
            continue
        cut = word.start_ms < start_ms or word.end_ms > end_ms
        text = word.text[: len(word.text) // 2] if cut else word.text
        off = -start_ms + chance.randint(-jitter_ms, jitter_ms)
        start, end = (min(max(0, at + off), length) for at in (word.start_ms, word.end_ms))
        yield replace(word, text=text or "-", start_ms=start, end_ms=end, speaker=other[word.speaker])


def _scripted(words: Sequence[dict[str, Any]]) -> list[Heard]:
    return [
        Heard(w["text"], w["start_ms"], w["end_ms"], w.get("speaker", 1), w["text"].endswith((".", "?", "!")))
        for w in words
    ]


def _invented(audio_ms: int, config: cloud_speech.RecognitionConfig) -> Iterator[Heard]:
    """A word every 400 ms from 0 on, two speakers taking turns by the sentence: the same for every run."""
    chinese = config.language_codes[0].startswith("cmn")
    sentences = [sentence.split() for sentence in (_CHINESE if chinese else _ENGLISH)]
    start, turn = 0, 0
    while start + _SPOKEN_MS <= audio_ms:
        for n, text in enumerate(sentence := sentences[turn % len(sentences)]):
            if start + _SPOKEN_MS > audio_ms:
                return
            yield Heard(text, start, start + _SPOKEN_MS, turn % 2 + 1, n == len(sentence) - 1)
            start += _WORD_MS
        turn += 1


def _results(
    words: list[Heard], config: cloud_speech.RecognitionConfig, audio_ms: int, billed_ms: int, state: State
) -> str:
    diarized = "diarization_config" in config.features
    repeats = diarized and state.settings.repeat_words and bool(words)
    language = config.language_codes[0].replace("auto", "en-US")
    results = [
        _result(sentence, config, language, labelled=diarized and not repeats) for sentence in _split(words)
    ]
    # A stretch in which nothing was said is a result with an end and no alternative.
    results.append(_tail(audio_ms, language))
    if repeats:
        results.append(_result(words, config, language, labelled=True, silent=True))
    document = cloud_speech.BatchRecognizeResults(
        results=results,
        metadata=cloud_speech.RecognitionResponseMetadata(
            total_billed_duration=timedelta(milliseconds=billed_ms)
        ),
    )
    text: str = cloud_speech.BatchRecognizeResults.to_json(
        document, always_print_fields_with_no_presence=False
    )
    return text


def _split(words: Sequence[Heard]) -> Iterator[list[Heard]]:
    sentence: list[Heard] = []
    for word in words:
        sentence.append(word)
        if word.ends_sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _result(
    words: list[Heard],
    config: cloud_speech.RecognitionConfig,
    language: str,
    *,
    labelled: bool,
    silent: bool = False,
) -> cloud_speech.SpeechRecognitionResult:
    joint = "" if language.startswith(("cmn", "ja")) else " "
    said = "" if silent else joint.join(word.text for word in words)
    detailed = labelled or config.features.enable_word_time_offsets or config.features.enable_word_confidence
    first = cloud_speech.SpeechRecognitionAlternative(
        transcript=said,
        confidence=0.9,
        words=[_word(word, config, labelled) for word in words] if detailed else [],
    )
    others = [
        cloud_speech.SpeechRecognitionAlternative(transcript=f"{said} or so", confidence=0.4)
        for _ in range(1, max(1, config.features.max_alternatives))
    ]
    return cloud_speech.SpeechRecognitionResult(
        alternatives=[first, *others],
        result_end_offset=timedelta(milliseconds=words[-1].end_ms),
        language_code=language,
    )


def _word(word: Heard, config: cloud_speech.RecognitionConfig, labelled: bool) -> cloud_speech.WordInfo:
    info = cloud_speech.WordInfo(word=word.text)
    if labelled or config.features.enable_word_time_offsets:
        if word.start_ms:  # a start of zero is left out, as proto3 leaves out zeros
            info.start_offset = timedelta(milliseconds=word.start_ms)
        info.end_offset = timedelta(milliseconds=word.end_ms)
    if config.features.enable_word_confidence:
        info.confidence = 0.9
    if labelled:
        info.speaker_label = str(word.speaker)
    return info


def _tail(audio_ms: int, language: str) -> cloud_speech.SpeechRecognitionResult:
    return cloud_speech.SpeechRecognitionResult(
        result_end_offset=timedelta(milliseconds=audio_ms), language_code=language
    )
