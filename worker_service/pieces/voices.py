"""Whose voice is whose: the speakers of one piece are those of the one before, by the words that both heard; pure.

Each piece numbers its speakers anew. Every word that two neighbours both heard, each with its speaker, is a vote
for two numbers being one voice.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final

from shared.transcript import Word

_CLEAR: Final = 2 / 3  # of all votes must agree with what is made of them
_MOST_TRIED: Final = 6  # voices of which every assignment is tried; beyond, the most votes go first

Votes = Mapping[tuple[int, int], int]
"""(speaker before, speaker after) -> milliseconds of words that both heard so."""


@dataclass(frozen=True, slots=True)
class Match:
    """For each speaker of a piece the number that the whole recording has for it, and whether that is beyond doubt."""

    numbers: Mapping[int, int]
    sure: bool


def votes(pairs: Iterable[tuple[Word, Word]]) -> Votes:
    """What the words that two pieces heard say of their speakers; longer words say more."""
    counted: Counter[tuple[int, int]] = Counter()
    for before, after in pairs:
        if before.speaker is not None and after.speaker is not None:
            counted[before.speaker, after.speaker] += max(1, after.end_ms - after.start_ms)
    return counted


def match(known: Sequence[int], heard: Sequence[int], said: Votes, *, expected: int) -> Match:
    """The numbers in the recording of the speakers `heard` in a piece, in the order in which they speak there.

    `known` are the recording's numbers so far, `expected` how many people speak at most. Who has no vote is who is
    left over: sure where there is no other choice. Where nothing says anything, the order of speech has to do.
    """
    agreed = _assign(known, heard, said)
    numbers = dict(agreed)
    supported = sum(said[known_one, one] for one, known_one in agreed.items())
    sure = supported >= _CLEAR * sum(said.values())
    free = [number for number in known if number not in numbers.values()]
    unheard = [one for one in heard if one not in numbers]
    people = max(expected, len(known))
    for one in unheard:
        # Any of those left over, or somebody new: certain only where one choice is left.
        choices = len(free) + max(0, people - len(known))
        sure = sure and (choices == 1 or not free)
        numbers[one] = free.pop(0) if free else max([*known, *numbers.values()], default=0) + 1
    return Match(numbers, sure)


def _assign(known: Sequence[int], heard: Sequence[int], said: Votes) -> dict[int, int]:
    """The assignment with the most votes, of those that have any."""
    ours = [number for number in known if any(pair[0] == number for pair in said)]
    theirs = [number for number in heard if any(pair[1] == number for pair in said)]
    if max(len(ours), len(theirs)) > _MOST_TRIED:
        return _greedy(said)
    swapped = len(ours) < len(theirs)
    fewer, more = (ours, theirs) if swapped else (theirs, ours)
    tried = (list(zip(order, fewer, strict=True)) for order in permutations(more, len(fewer)))
    pairs = ([(b, a) for a, b in order] if swapped else order for order in tried)
    best = max(pairs, key=lambda order: sum(said.get(pair, 0) for pair in order), default=[])
    return {one: number for number, one in best if said.get((number, one), 0)}


def _greedy(said: Votes) -> dict[int, int]:
    found: dict[int, int] = {}
    for (number, one), _ in sorted(said.items(), key=lambda item: -item[1]):
        if one not in found and number not in found.values():
            found[one] = number
    return found
