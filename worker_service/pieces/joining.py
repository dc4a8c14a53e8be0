"""Joins what was heard in overlapping pieces: every word once; pure, standard library only.

In what two pieces share, words are matched by their text and time, and one piece hands over to the other at the
match that is nearest to the seam. So it does not matter that two hearings differ by some tenths of a second, nor
what either made of a word that its own end cuts in two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.transcript import Word

_FAR_MS: Final = 1_500  # the same word further apart is another one
_EDGE_MS: Final = 250  # so much may two hearings differ in where a word is that one of them cuts


@dataclass(frozen=True, slots=True)
class Seam:
    """Two pieces' words around a seam: the pairs that both heard, and how many words are taken of each side."""

    pairs: tuple[tuple[Word, Word], ...]
    left: int  # the first so many of the left words
    right: int  # the right words from this one on


def joint(left: Sequence[Word], right: Sequence[Word], *, starts_ms: int, ends_ms: int) -> Seam:
    """Where `right` takes over from `left`; both in order of time, in milliseconds of the recording.

    They share the stretch from `starts_ms` to `ends_ms`, and the seam is its middle.
    """
    first = next((n for n, word in enumerate(left) if word.end_ms > starts_ms - _EDGE_MS), len(left))
    last = next((n for n, word in enumerate(right) if word.start_ms >= ends_ms + _EDGE_MS), len(right))
    seam = (starts_ms + ends_ms) // 2
    ours, theirs = left[first:], right[:last]
    found = matches(ours, theirs)
    if found:
        mine, other = min(found, key=lambda pair: abs(_middle(ours[pair[0]]) - seam))
        # The word itself is taken from the piece whose end is farther away, and can not have cut it.
        early = _middle(ours[mine]) < seam
        taken, skipped = mine + early, other + early
    elif not ours or not theirs:  # only one of them heard anything here: it is believed
        taken, skipped = len(ours), 0
    else:
        taken = sum(_middle(word) < seam for word in ours)
        skipped = sum(_middle(word) < seam for word in theirs)
    pairs = tuple((ours[i], theirs[j]) for i, j in found)
    return Seam(pairs, first + taken, skipped)


def matches(left: Sequence[Word], right: Sequence[Word]) -> list[tuple[int, int]]:
    """Indexes of the words that both are, in order: as many as can be, and the nearest in time."""
    texts = [_bare(word) for word in left], [_bare(word) for word in right]
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in range(len(left) - 1, -1, -1):
        for j in range(len(right) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1])
            if texts[0][i] == texts[1][j] and (gain := _likeness(left[i], right[j])) > 0:
                best[i][j] = max(best[i][j], gain + best[i + 1][j + 1])
    found, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if best[i][j] == best[i + 1][j]:
            i += 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            found.append((i, j))
            i, j = i + 1, j + 1
    return found


def _likeness(left: Word, right: Word) -> int:
    """How much speaks for two words of the same text being one; nothing where they are far apart."""
    return _FAR_MS - abs(_middle(left) - _middle(right))


def _middle(word: Word) -> int:
    return (word.start_ms + word.end_ms) // 2


def _bare(word: Word) -> str:
    """The text without what two hearings differ in: marks and capitals."""
    return "".join(filter(str.isalnum, word.text.casefold())) or word.text
