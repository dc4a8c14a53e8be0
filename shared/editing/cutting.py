"""One segment cut in two at a character, and several made one; words and times go where they belong."""

from collections.abc import Sequence
from dataclasses import replace

from shared.errors import InvalidRequestError
from shared.segments import mean_confidence
from shared.transcript import Segment, Word, display_width, spaced


def cut(segment: Segment, at: int) -> tuple[Segment, Segment]:
    """The parts before and after the character `at` (counted in code points) of the segment's text.

    Raises InvalidRequestError where one of the parts would have no text.
    """
    left, right = segment.text[:at].rstrip(), segment.text[at:].lstrip()
    if not 0 < at < len(segment.text) or not left or not right:
        raise InvalidRequestError(
            f"`at` must leave text on both sides: from 1 to {len(segment.text) - 1}. Nothing was changed."
        )
    before, after = _parted(segment, at)
    if not before or not after:
        length = segment.end_ms - segment.start_ms
        wide = display_width(left) / max(1, display_width(left) + display_width(right))
        middle = segment.start_ms + int(length * wide)
        return (
            replace(segment, text=left, end_ms=middle, words=()),
            replace(segment, text=right, start_ms=middle, words=()),
        )
    return (
        _part(segment, left, before, end_ms=max(segment.start_ms, before[-1].end_ms)),
        _part(segment, right, after, start_ms=min(segment.end_ms, after[0].start_ms)),
    )


def joined(segments: Sequence[Segment]) -> Segment:
    """One segment that says what these said, from the first one's start to the last one's end."""
    first = segments[0]
    text, words = first.text, list(first.words)
    for segment in segments[1:]:
        opening = Word(segment.text, 0, 0)
        text += (" " if spaced(text, opening) else "") + segment.text
        words += segment.words
    if not all(segment.words for segment in segments):
        words = []  # half the words would put all of the text into half of the time
    return replace(
        first,
        text=text,
        end_ms=max(segment.end_ms for segment in segments),
        words=tuple(replace(word, speaker=first.speaker) for word in words),
        confidence=mean_confidence(words),
    )


def _part(segment: Segment, text: str, words: Sequence[Word], **times: int) -> Segment:
    first = replace(words[0], joined=False)
    return replace(segment, text=text, words=(first, *words[1:]), confidence=mean_confidence(words), **times)


def _parted(segment: Segment, at: int) -> tuple[list[Word], list[Word]]:
    """The words on each side; a word that the cut goes through is cut too. Nothing where a word is not found."""
    before: list[Word] = []
    after: list[Word] = []
    reached = 0
    for word in segment.words:
        begin = segment.text.find(word.text, reached)
        if begin < 0:
            return [], []
        reached = begin + len(word.text)
        if reached <= at:
            before.append(word)
        elif begin >= at:
            after.append(word)
        else:
            left, right = word.text[: at - begin], word.text[at - begin :]
            share = display_width(left) / max(1, display_width(word.text))
            middle = word.start_ms + int((word.end_ms - word.start_ms) * share)
            before.append(replace(word, text=left, end_ms=middle))
            after.append(replace(word, text=right, start_ms=middle))
    return before, after
