"""The times of words after a person changed the text: what stayed keeps its time, what is new shares some."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import groupby

from shared.exports.lines import atoms
from shared.transcript import Word, display_width

_UNBROKEN = 1_000  # columns: a word of any length stays whole
_MOST_PAIRS = 1_000_000  # of old and new words: comparing more takes too long, and all time is shared anew
_LEAST_MS = 40  # what a word that was put in needs at least; below, it shares with the one before it


@dataclass(frozen=True, slots=True)
class _Atom:
    """A word, or a character of a script without spaces, with its time and where it comes from."""

    text: str
    start_ms: int
    end_ms: int
    word: int  # its index in the old words
    position: int  # among the atoms of that word


def reword(words: Sequence[Word], text: str) -> tuple[Word, ...]:
    """The words of the new `text` in the time of the old `words`; none where there were none.

    Words that stayed keep time and confidence. Those that replace others share the others' time by their
    width; those that were put in take the pause where they stand, or share the time of the word before.
    What a person typed has no confidence. Times never run backwards and never leave those of the old words.
    """
    if not words:
        return ()
    old = list(_split(words))
    new = list(atoms(text, _UNBROKEN))
    if len(old) * len(new) > _MOST_PAIRS:
        return tuple(_shared(new, words[0].start_ms, words[-1].end_ms))
    made: list[Word] = []
    kept: list[_Atom | None] = []
    matcher = SequenceMatcher(None, [a.text for a in old], [part for part, _ in new], autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            for atom, (part, spaced) in zip(old[i:j], new[k:m], strict=True):
                made.append(Word(part, atom.start_ms, atom.end_ms, joined=not spaced))
                kept.append(atom)
        elif m > k:
            start, end = _room(old, i, j)
            if j == i and end - start < _LEAST_MS * (m - k) and made:  # no pause: share with the word before
                shared = made.pop()
                kept.pop()
                parts = [(shared.text, not shared.joined), *new[k:m]]
                start = shared.start_ms
            else:
                parts = new[k:m]
            made += _shared(parts, start, end)
            kept += [None] * len(parts)
    return tuple(_whole(words, old, made, kept))


def _split(words: Sequence[Word]) -> Iterator[_Atom]:
    for index, word in enumerate(words):
        parts = [part for part, _ in atoms(word.text, _UNBROKEN)]
        timed = _shared([(part, False) for part in parts], word.start_ms, word.end_ms)
        for position, part in enumerate(timed):
            yield _Atom(part.text, part.start_ms, part.end_ms, index, position)


def _room(old: Sequence[_Atom], first: int, end: int) -> tuple[int, int]:
    """The time of the atoms from `first` to `end`, or, where that is none, of the pause that they stand for."""
    if end > first:
        return old[first].start_ms, max(atom.end_ms for atom in old[first:end])
    if first == 0:
        return old[0].start_ms, old[0].start_ms
    before = old[first - 1].end_ms
    return before, max(before, old[first].start_ms if first < len(old) else before)


def _shared(parts: Sequence[tuple[str, bool]], start: int, end: int) -> list[Word]:
    total = sum(max(1, display_width(part)) for part, _ in parts)
    made, done = [], 0
    for part, spaced in parts:
        begin = start + (end - start) * done // total
        done += max(1, display_width(part))
        made.append(Word(part, begin, start + (end - start) * done // total, joined=not spaced))
    return made


def _whole(
    words: Sequence[Word], old: Sequence[_Atom], made: Sequence[Word], kept: Sequence[_Atom | None]
) -> Iterator[Word]:
    """Old words whose atoms all stayed side by side are themselves again; the rest stays in atoms."""
    atoms_of = {index: list(run) for index, run in groupby(old, key=lambda atom: atom.word)}
    at = 0
    while at < len(made):
        atom = kept[at]
        all_of_it = [] if atom is None else atoms_of[atom.word]
        until = at + len(all_of_it)
        whole = atom is not None and list(kept[at:until]) == all_of_it
        if atom is not None and whole and all(w.joined for w in made[at + 1 : until]):
            yield replace(words[atom.word], joined=made[at].joined and at > 0)
            at = until
        else:
            yield replace(made[at], joined=made[at].joined and at > 0, speaker=words[0].speaker)
            at += 1
