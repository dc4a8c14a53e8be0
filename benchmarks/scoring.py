"""Scores of a transcript against what was really said, and by whom: word and diarization error rates."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from shared.transcript import Word

FRAME_MS: Final = 10
COLLAR_MS: Final = 250  # on both sides of a reference turn's borders nothing is scored, as is customary
_SAME_TURN_MS: Final = 500  # a shorter pause between two words of one speaker belongs to the turn

Turn = tuple[int, int, int]  # start and end in milliseconds, speaker

_NUMBERS: Final = dict(
    zip(
        "0123456789",
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
        strict=True,
    )
)
_SPELLINGS: Final[Mapping[str, str]] = {
    "mr": "mister",
    "forevermore": "forever more",
    "touch tone": "touchtone",
}


def plain_words(text: str) -> list[str]:
    """Lower case, without punctuation, hyphens as spaces, digits and a few words in one spelling."""
    plain = re.sub(r"[^\w' ]+", " ", text.lower().replace("’", "'"))  # noqa: RUF001 - the apostrophe that prints
    plain = " ".join(_NUMBERS.get(word, word) for word in plain.split())
    for one, other in _SPELLINGS.items():
        plain = re.sub(rf"\b{one}\b", other, plain)
    return plain.split()


def word_error_rate(reference: str, heard: str) -> float:
    """Substitutions, deletions and insertions over the number of reference words."""
    wanted, got = plain_words(reference), plain_words(heard)
    row = list(range(len(got) + 1))
    for n, word in enumerate(wanted, start=1):
        diagonal, row[0] = row[0], n
        for m, other in enumerate(got, start=1):
            diagonal, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, diagonal + (word != other))
    return row[-1] / len(wanted)


def turns_of(words: Iterable[Word]) -> list[Turn]:
    """The turns that words with speakers make."""
    turns: list[Turn] = []
    for word in words:
        if word.speaker is None:
            continue
        if turns and turns[-1][2] == word.speaker and word.start_ms - turns[-1][1] <= _SAME_TURN_MS:
            turns[-1] = (turns[-1][0], word.end_ms, word.speaker)
        else:
            turns.append((word.start_ms, word.end_ms, word.speaker))
    return turns


def diarization_error_rate(reference: Sequence[Turn], heard: Sequence[Turn]) -> float:
    """Missed, falsely found and confused time over the reference's time, at the best naming of the speakers."""
    end = max(turn[1] for turn in (*reference, *heard)) // FRAME_MS + 1
    wanted, got = list(_frames(reference, end)), list(_frames(heard, end))
    for start, stop, _ in reference:
        for border in (start, stop):
            first, last = (border - COLLAR_MS) // FRAME_MS, (border + COLLAR_MS) // FRAME_MS
            for at in range(max(0, first), min(end, last)):
                wanted[at] = got[at] = 0
    total = sum(1 for speaker in wanted if speaker)
    return min(
        sum(1 for one, other in zip(wanted, got, strict=True) if one != names.get(other, 0)) / total
        for names in _namings({t[2] for t in heard}, {t[2] for t in reference})
    )


def _frames(turns: Sequence[Turn], count: int) -> Iterator[int]:
    frames = [0] * count
    for start, stop, speaker in turns:
        frames[start // FRAME_MS : stop // FRAME_MS] = [speaker] * (stop // FRAME_MS - start // FRAME_MS)
    return iter(frames)


def _namings(heard: set[int], reference: set[int]) -> Iterator[dict[int, int]]:
    """Every way to call the speakers that were heard by the names of the reference; -1 is nobody's name."""
    spare = [*reference, *([-1] * len(heard))]
    for names in set(itertools.permutations(spare, len(heard))):
        yield dict(zip(sorted(heard), names, strict=True))
