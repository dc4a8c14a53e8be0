"""Who spoke how long, and when: what a coach sees of a session at a glance, counted from its segments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.transcript import Segment

_MOST_COLUMNS: Final = 60
_SHORTEST_COLUMN_MS: Final = 5_000
_PAUSE_MS: Final = 2_000
LONG_SILENCE_MS: Final = 3_000
"""A silence from here on is noted in the transcript, where it was."""


@dataclass(frozen=True, slots=True)
class Share:
    """A speaker's part: milliseconds, per cent of all speech, how often they took their turn, their longest one."""

    speaker: int | None
    ms: int
    percent: int
    turns: int
    longest_ms: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A speaker's part of one column, in per cent of its height from the top."""

    column: int
    speaker: int | None
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Talk:
    """A session's talk; a column is a stretch of `column_ms`, the whole session has `columns` of them."""

    shares: tuple[Share, ...]
    silent_ms: int
    silent_percent: int
    pauses: int  # of two seconds and more
    longest_pause_ms: int
    longest_pause_at_ms: int
    column_ms: int
    columns: int
    bars: tuple[Bar, ...]


def talk_of(segments: Sequence[Segment], duration_ms: int) -> Talk:
    """What the segments tell; where two speak at once, both are counted."""
    turns = _turns(segments)
    spoken = sum(end - start for _, start, end in turns)
    gaps = _gaps(segments, duration_ms)
    longest_at, longest = max(gaps, key=lambda gap: gap[1], default=(0, 0))
    width = max(_SHORTEST_COLUMN_MS, -(-duration_ms // _MOST_COLUMNS))
    silent = sum(length for _, length in gaps)
    return Talk(
        shares=tuple(_share(speaker, turns, spoken) for speaker in _by_number(turns)),
        silent_ms=silent,
        silent_percent=round(100 * silent / duration_ms) if duration_ms else 0,
        pauses=sum(length >= _PAUSE_MS for _, length in gaps),
        longest_pause_ms=longest,
        longest_pause_at_ms=longest_at,
        column_ms=width,
        columns=-(-duration_ms // width),
        bars=_bars(segments, duration_ms, width),
    )


_Turn = tuple[int | None, int, int]


def _turns(segments: Sequence[Segment]) -> list[_Turn]:
    """Segments of one speaker in a row are one turn, its pauses left out of its length."""
    turns: list[_Turn] = []
    for segment in segments:
        length = segment.end_ms - segment.start_ms
        if turns and turns[-1][0] == segment.speaker:
            speaker, start, end = turns[-1]
            turns[-1] = (speaker, start, end + length)
        else:
            turns.append((segment.speaker, segment.start_ms, segment.start_ms + length))
    return turns


def _by_number(turns: Sequence[_Turn]) -> list[int | None]:
    speakers = {speaker for speaker, _, _ in turns}
    return sorted(speakers, key=lambda number: (number is None, number or 0))


def _share(speaker: int | None, turns: Sequence[_Turn], spoken: int) -> Share:
    lengths = [end - start for who, start, end in turns if who == speaker]
    ms = sum(lengths)
    return Share(speaker, ms, round(100 * ms / spoken) if spoken else 0, len(lengths), max(lengths))


def silences(segments: Sequence[Segment]) -> list[int]:
    """Before each segment, the milliseconds in which nobody spoke, where they are many; else 0."""
    gaps = [length for _, length in _before(segments)]
    return [0, *(gap if gap >= LONG_SILENCE_MS else 0 for gap in gaps[1:])]


def _gaps(segments: Sequence[Segment], duration_ms: int) -> list[tuple[int, int]]:
    """Where nobody speaks: from when, and for how long."""
    heard = max((segment.end_ms for segment in segments), default=0)
    gaps = [*_before(segments), (heard, duration_ms - heard)]
    return [(at, length) for at, length in gaps if length > 0]


def _before(segments: Sequence[Segment]) -> Iterator[tuple[int, int]]:
    """From when and for how long nobody speaks before each segment; 0 where somebody still does."""
    heard = 0
    for segment in segments:
        yield heard, max(0, segment.start_ms - heard)
        heard = max(heard, segment.end_ms)


def _bars(segments: Sequence[Segment], duration_ms: int, width: int) -> tuple[Bar, ...]:
    """The parts of each column by speaker, one on the other; what is left is silence."""
    columns: list[dict[int | None, float]] = [{} for _ in range(-(-duration_ms // width))]
    for segment in segments:
        end = min(segment.end_ms, duration_ms)
        for n in range(segment.start_ms // width, -(-end // width)):
            part = min(end, (n + 1) * width) - max(segment.start_ms, n * width)
            columns[n][segment.speaker] = columns[n].get(segment.speaker, 0) + 100 * part / width
    bars = []
    for n, column in enumerate(columns):
        reached = 0.0
        for speaker in sorted(column, key=lambda number: (number is None, number or 0)):
            height = min(column[speaker], 100 - reached)  # where two speak at once there is no room for both
            reached += height
            bars.append(Bar(n, speaker, round(100 - reached, 1), round(height, 1)))
    return tuple(bars)
