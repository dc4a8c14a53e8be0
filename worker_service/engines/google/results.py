"""What Google heard, read from the JSON that it writes into the bucket; pure.

The traps, each seen in real answers: a start of zero is left out; only the first alternative counts; with
diarization the last result may say every word again, with speakers; a result may have no alternative, words may
have no times, and the whole may be empty (F22).
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from shared.transcript import Notice, NoticeCode, Word, is_unspaced

_NO_SPEECH: Final = Notice(
    NoticeCode.NO_SPEECH,
    "Google heard no words in this recording: silence, noise or music. The transcript is empty.",
)
_ESTIMATED_TIMES: Final = Notice(
    NoticeCode.WORD_TIMES_ESTIMATED,
    "Google gave no times of single words for a recording of this length: they are spread over the stretch in which "
    "they were said.",
)
_SPEAKERS_MISSING: Final = Notice(
    NoticeCode.DIARIZATION_FAILED,
    "Google was asked to tell the voices apart and did not: the words have no speakers.",
)
_Json = dict[str, Any]
_Labelled = tuple[Word, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """Words in order of time, speakers numbered from 1 by first speech; the language in which most were said."""

    words: tuple[Word, ...]
    language: str | None
    notices: tuple[Notice, ...]
    billed_ms: int | None  # None where the file does not say


def read(text: str | bytes, *, duration_ms: int, diarization: bool) -> Heard:
    """Read a results file; ValueError where it is not one. Eight hours take a second: call it on a thread (F17)."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  (a value from outside)
    results: list[_Json] = document.get("results") or []
    spoken = [result for result in results if _best(result)]
    repeated = spoken[-1] if _last_repeats_all(spoken) else None
    parts = [_words(*stretch) for stretch in _stretches(results, duration_ms) if stretch[0] is not repeated]
    labelled = [word for part, _ in parts for word in part]
    guessed = any(is_guess for _, is_guess in parts)
    if repeated is not None:
        labelled = _labelled(labelled, _infos(repeated), duration_ms)
    words = _numbered(labelled)
    billed = (document.get("metadata") or {}).get("totalBilledDuration")
    return Heard(
        words=words,
        language=_language(spoken),
        notices=tuple(_notices(words, guessed=guessed, diarization=diarization)),
        billed_ms=None if billed is None else milliseconds(billed),
    )


def _notices(words: Sequence[Word], *, guessed: bool, diarization: bool) -> Iterator[Notice]:
    if not words:
        yield _NO_SPEECH
        return
    if guessed:
        yield _ESTIMATED_TIMES
    if diarization and all(word.speaker is None for word in words):
        yield _SPEAKERS_MISSING


def _best(result: _Json) -> _Json:
    """The first alternative; others are what it might have been, too."""
    alternatives = result.get("alternatives") or [{}]
    best: _Json = alternatives[0]
    return best if best.get("words") or best.get("transcript", "").strip() else {}


def _infos(result: _Json) -> list[_Json]:
    infos: list[_Json] = _best(result).get("words") or []
    return infos


def _last_repeats_all(spoken: Sequence[_Json]) -> bool:
    """Whether the last result says every word of the others again: with speakers, or at the same times."""
    if len(spoken) < 2:
        return False
    before = [info for result in spoken[:-1] for info in _infos(result)]
    last = _infos(spoken[-1])
    if _text(spoken[-1:]) != _text(spoken[:-1]):
        return False
    if any("speakerLabel" in info for info in last) and not any("speakerLabel" in info for info in before):
        return True
    return bool(before) and [info.get("startOffset") for info in before] == [
        info.get("startOffset") for info in last
    ]


def _text(spoken: Sequence[_Json]) -> str:
    """All that was said, without spaces: words and transcripts may be cut differently."""
    said = []
    for result in spoken:
        infos = _infos(result)
        said += [str(info.get("word", "")) for info in infos] or [_best(result).get("transcript", "")]
    return "".join("".join(said).split())


def _stretches(results: Sequence[_Json], duration_ms: int) -> Iterator[tuple[_Json, int, int]]:
    """Each result with where it begins and ends: it begins where the one before ended."""
    start = 0
    for index, result in enumerate(results):
        told = result.get("resultEndOffset")
        last = index == len(results) - 1
        end = milliseconds(told) if told is not None else (duration_ms if last else start)
        yield result, start, max(start, end)
        start = max(start, end)


def _words(result: _Json, start_ms: int, end_ms: int) -> tuple[list[_Labelled], bool]:
    """A result's words, and whether their times are guesses."""
    infos = _infos(result)
    if any("endOffset" in info for info in infos):
        return [_word(info) for info in infos], False
    infos = infos or [{"word": text} for text in _split(_best(result).get("transcript", ""))]
    times = _spread([str(info.get("word", "")) for info in infos], start_ms, end_ms)
    return [_word(info, *pair) for info, pair in zip(infos, times, strict=True)], bool(infos)


def _word(info: _Json, start_ms: int | None = None, end_ms: int | None = None) -> _Labelled:
    """A word and its speaker's label. Zeros are left out of the JSON: no start is a start of zero (F22)."""
    start = milliseconds(info.get("startOffset", "0s")) if start_ms is None else start_ms
    end = milliseconds(info.get("endOffset", "0s")) if end_ms is None else end_ms
    confidence = round(float(info.get("confidence", 0)), 4) or None
    word = Word(str(info.get("word", "")).strip(), start, max(start, end), confidence)
    return word, str(info.get("speakerLabel", "")).strip()


def _labelled(words: Sequence[_Labelled], infos: Sequence[_Json], duration_ms: int) -> list[_Labelled]:
    """The words of a repetition, which has the speakers; without times of its own, at those of the first saying."""
    if any("endOffset" in info for info in infos):
        return [_word(info) for info in infos]
    if len(words) == len(infos):
        return [_word(info, word.start_ms, word.end_ms) for info, (word, _) in zip(infos, words, strict=True)]
    times = _spread([str(info.get("word", "")) for info in infos], 0, duration_ms)
    return [_word(info, *pair) for info, pair in zip(infos, times, strict=True)]


def _numbered(labelled: Sequence[_Labelled]) -> tuple[Word, ...]:
    """Words that have text; speakers as 1, 2, … in the order in which they speak first."""
    spoken = [(word, label) for word, label in labelled if word.text]
    labels = dict.fromkeys(label for _, label in spoken if label)
    numbers = {label: number for number, label in enumerate(labels, start=1)}
    return tuple(replace(word, speaker=numbers[label]) if label else word for word, label in spoken)


def _split(transcript: str) -> list[str]:
    """The words of running text; every character is one where the script has no spaces."""
    words: list[str] = []
    for chunk in transcript.split():
        word = ""
        for character in chunk:
            if is_unspaced(character) and character.isalnum():
                words += [word] if word else []
                word = character
            elif word and is_unspaced(word[0]) and character.isalnum():
                words.append(word)
                word = character
            else:
                word += character
        words.append(word)
    return words


def _spread(texts: Sequence[str], start_ms: int, end_ms: int) -> list[tuple[int, int]]:
    """Times for words said between two moments, by the length of the words."""
    total = sum(len(text) + 1 for text in texts)
    times, at = [], 0
    for text in texts:
        begins = start_ms + (end_ms - start_ms) * at // total
        at += len(text) + 1
        times.append((begins, start_ms + (end_ms - start_ms) * at // total))
    return times


def _language(spoken: Sequence[_Json]) -> str | None:
    """The language of most of the text."""
    counts: Counter[str] = Counter()
    for result in spoken:
        if code := result.get("languageCode"):
            counts[str(code)] += len(_best(result).get("transcript", "")) or len(_infos(result))
    return counts.most_common(1)[0][0] if counts else None


def milliseconds(offset: str) -> int:
    """Milliseconds of a protobuf duration in JSON: `1.200s`, `3s`, `0.320000001s`; rounded down."""
    seconds, _, fraction = offset.removesuffix("s").partition(".")
    return int(seconds) * 1_000 + int((fraction + "000")[:3])
