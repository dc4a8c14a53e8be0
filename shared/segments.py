"""Cuts recognised words into segments that people can read; pure, standard library only."""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Final

from shared.transcript import Segment, Word, display_width, join_words

Words = tuple[Word, ...]

_CLOSERS: Final = "\"')]}»”’」』）】》"  # noqa: RUF001 - look-alikes are meant, here and below
_SENTENCE_ENDS: Final = tuple(".!?…。！？｡؟।")  # noqa: RUF001
_CLAUSE_ENDS: Final = tuple(",;:、，；：،—–")  # noqa: RUF001
_ABBREVIATIONS: Final = frozenset({"mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "vs."})
_FLICKER_GAP_MS: Final = 200  # about the gap between two turns of a conversation: a real reply leaves more
_BREATH_MS: Final = 250


def segment(
    words: Sequence[Word],
    *,
    pause_ms: int = 2_000,
    enough_chars: int = 160,
    enough_ms: int = 12_000,
    max_chars: int = 400,
    max_ms: int = 30_000,
    flicker: bool = True,
) -> tuple[Segment, ...]:
    """Cut words, in the order in which they were spoken, into segments in order of time that never overlap.

    A segment ends where the speaker changes, where nobody speaks for `pause_ms`, and at the end of a sentence
    once it has `enough_chars` or `enough_ms`. What is then still over `max_chars` or `max_ms` is divided
    evenly, at sentence and clause ends and breaths where there are any; only a single word may be longer.
    Characters are display columns, so a Chinese segment holds half as many. Every word stays, once, in its
    order; times are repaired (see `repair`), single-word speaker flicker is settled (see `settle`)
    unless `flicker` is False, since people mean what they wrote, and the
    confidence is the mean of the words' confidences weighted by their durations.
    """
    spoken = repair([word for word in words if word.text.strip()])
    if flicker:
        spoken = settle(spoken)

    def size(run: Words) -> float:
        return max(display_width(join_words(run)) / max_chars, (run[-1].end_ms - run[0].start_ms) / max_ms)

    pieces = (
        piece
        for turn in _turns(spoken, pause_ms)
        for paragraph in _paragraphs(turn, enough_chars, enough_ms)
        for piece in divide(paragraph, size)
    )
    return tuple(_segment(n, piece) for n, piece in enumerate(pieces))


def repair(words: Sequence[Word]) -> Words:
    """The same words in the same order with times that can be true: 0 <= start <= end <= next start.

    The order is what we trust, then the longest run of starts that agrees with it; a start outside that run
    (an engine's outlier or an omitted offset) moves to the end of the word before it. A word that overlaps
    the next one is cut short. One wrong time therefore never moves the words around it.
    """
    trusted = _trusted([max(0, word.start_ms) for word in words])
    ceiling = math.inf
    ceilings = []  # for each word, the next trusted start
    for index in range(len(words) - 1, -1, -1):
        ceilings.append(ceiling)
        if index in trusted:
            ceiling = max(0, words[index].start_ms)
    ceilings.reverse()
    repaired: list[Word] = []
    for index, (word, limit) in enumerate(zip(words, ceilings, strict=True)):
        before = repaired[-1].end_ms if repaired else 0
        start = max(0, word.start_ms) if index in trusted else before
        end = int(min(start + max(0, word.end_ms - word.start_ms), limit))
        repaired.append(replace(word, text=word.text.strip(), start_ms=start, end_ms=end))
    return tuple(repaired)


def _trusted(starts: Sequence[int]) -> frozenset[int]:
    """The indexes of a longest non-decreasing subsequence of `starts` (patience sorting, n log n)."""
    tails: list[int] = []  # the smallest start that ends a subsequence of each length
    tail_indexes: list[int] = []
    previous: list[int | None] = []
    for index, start in enumerate(starts):
        length = bisect_right(tails, start)
        previous.append(tail_indexes[length - 1] if length else None)
        tails[length : length + 1] = [start]
        tail_indexes[length : length + 1] = [index]
    kept: set[int] = set()
    at = tail_indexes[-1] if tail_indexes else None
    while at is not None:
        kept.add(at)
        at = previous[at]
    return frozenset(kept)


def settle(words: Words) -> Words:
    """Give a lone word that a diarizer threw to another speaker back to the speaker of its sentence.

    Conservative, because a short reply is worth more than a tidy page: the word must stand alone between two
    words or more of one known speaker on each side, inside a sentence (neither the word before it nor the
    word itself ends one), with at most 200 ms of silence on each side. Where nothing in the recording ends a
    sentence the engine does not punctuate, sentences are unknown, and every word stays as it is.
    """
    if not any(_ends_sentence(word, None) for word in words):
        return words
    settled = list(words)
    for index in range(2, len(words) - 2):
        around = (words[index - 2], words[index - 1], words[index + 1], words[index + 2])
        owner = around[0].speaker
        if owner is None or words[index].speaker == owner or any(w.speaker != owner for w in around):
            continue
        trio = words[index - 1 : index + 2]
        if all(
            not _ends_sentence(left, None) and right.start_ms - left.end_ms <= _FLICKER_GAP_MS
            for left, right in pairwise(trio)
        ):
            settled[index] = replace(words[index], speaker=owner)
    return tuple(settled)


def divide(words: Words, size: Callable[[Words], float]) -> Iterator[Words]:
    """Cut words into even runs of at most `size` 1, at the most natural places; a single word is never cut.

    `size` tells how much of what is allowed a run takes: 2.5 means that at least three runs are needed.
    """
    parts = math.ceil(size(words)) if len(words) > 1 else 1
    if parts <= 1:
        yield words
        return
    cut = _best_cut(words, (parts // 2) / parts)
    yield from divide(words[:cut], size)
    yield from divide(words[cut:], size)


def _best_cut(words: Words, aim: float) -> int:
    """The index to cut at: near the fraction `aim` of the text, drawn to ends of sentences and breaths."""
    reached = list(accumulate(len(word.text) + 1 for word in words))

    def cost(cut: int) -> float:
        left, right = words[cut - 1], words[cut]
        bonus = 0.0
        if _ends_sentence(left, right):
            bonus = 0.25
        elif left.text.rstrip(_CLOSERS).endswith(_CLAUSE_ENDS):
            bonus = 0.15
        if right.start_ms - left.end_ms >= _BREATH_MS:
            bonus += 0.1
        return abs(reached[cut - 1] / reached[-1] - aim) - bonus

    return min(range(1, len(words)), key=cost)


def _turns(words: Words, pause_ms: int) -> Iterator[Words]:
    """Cut where the speaker changes and at long pauses."""
    first = 0
    for index, (left, right) in enumerate(pairwise(words), start=1):
        if right.speaker != left.speaker or right.start_ms - left.end_ms >= pause_ms:
            yield words[first:index]
            first = index
    if words:
        yield words[first:]


def _paragraphs(turn: Words, enough_chars: int, enough_ms: int) -> Iterator[Words]:
    """Cut a turn at the first end of a sentence at which the paragraph is long enough."""
    first, columns = 0, 0
    for index, (left, right) in enumerate(pairwise(turn), start=1):
        columns += display_width(left.text) + (not right.joined)
        enough = columns >= enough_chars or left.end_ms - turn[first].start_ms >= enough_ms
        if enough and _ends_sentence(left, right):
            yield turn[first:index]
            first, columns = index, 0
    yield turn[first:]


def _ends_sentence(word: Word, following: Word | None) -> bool:
    """Whether a sentence ends with `word`; what follows tells an abbreviation or an initial from an end."""
    bare = word.text.rstrip(_CLOSERS)
    if not bare.endswith(_SENTENCE_ENDS):
        return False
    if bare.endswith((".", "…")):
        if bare.lower() in _ABBREVIATIONS or (len(bare) == 2 and bare[0].isupper()):
            return False
        return following is None or not following.text[:1].islower()
    return True


def _segment(n: int, words: Words) -> Segment:
    return Segment(
        n=n,
        start_ms=words[0].start_ms,
        end_ms=words[-1].end_ms,
        text=join_words(words),
        speaker=words[0].speaker,
        confidence=mean_confidence(words),
        words=words,
    )


def mean_confidence(words: Sequence[Word]) -> float | None:
    """The words' confidences weighted by duration, to 4 places; None where no word has one."""
    rated = [(w.confidence, max(1, w.end_ms - w.start_ms)) for w in words if w.confidence is not None]
    if not rated:
        return None
    return round(sum(value * weight for value, weight in rated) / sum(weight for _, weight in rated), 4)
