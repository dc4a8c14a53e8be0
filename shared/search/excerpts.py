"""What is shown of a hit: the text around it, and when it was said."""

from collections.abc import Iterator, Sequence
from typing import Final

from shared.transcript import Word

Span = tuple[int, int]

_AROUND: Final = 60  # characters before the first hit
_LONGEST: Final = 200  # characters of an excerpt, if the hits leave it that short


def excerpt(text: str, found: Sequence[Span]) -> tuple[str, list[Span]]:
    """The text around the first hit, cut at spaces, with the hits that lie in it as characters of the excerpt."""
    if not found:
        return text[:_LONGEST], []
    begin = max(0, found[0][0] - _AROUND)
    end = min(len(text), max(begin + _LONGEST, found[0][1]))
    if begin:
        space = text.find(" ", begin, found[0][0])
        begin = space + 1 if space >= 0 else begin
    if end < len(text):
        space = text.rfind(" ", found[0][1], end)
        end = space if space >= 0 else end
    before, after = "…" if begin else "", "…" if end < len(text) else ""
    moved = len(before) - begin
    inside = [(start + moved, stop + moved) for start, stop in found if begin <= start and stop <= end]
    return f"{before}{text[begin:end]}{after}", inside


def said_at(text: str, words: Sequence[Word], found: Sequence[Span]) -> list[Span | None]:
    """For each hit, from when to when it was said in milliseconds; None where no word tells."""
    placed = list(_placed(text, words))
    times: list[Span | None] = []
    for start, stop in found:
        said = [word for word, begin, end in placed if begin < stop and end > start]
        times.append((said[0].start_ms, said[-1].end_ms) if said else None)
    return times


def _placed(text: str, words: Sequence[Word]) -> Iterator[tuple[Word, int, int]]:
    reached = 0
    for word in words:
        begin = text.find(word.text, reached)
        if begin < 0:
            return  # a person changed the text: from here on nothing is known
        reached = begin + len(word.text)
        yield word, begin, reached
