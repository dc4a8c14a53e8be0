"""Segments as caption cues: short, readable, in order, never overlapping; SRT and WebVTT only write them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from shared.exports.lines import balance, pieces, wrap
from shared.exports.options import ExportOptions
from shared.exports.wording import UNKNOWN_SPEAKER, any_known, speaker_label
from shared.segments import divide
from shared.transcript import Segment, Transcript, Word, display_width


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption: when it is shown, its lines, and the speaker's name (None: unknown)."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    voice: str | None


def cues(transcript: Transcript, options: ExportOptions, *, name_changes: bool) -> list[Cue]:
    """Cut a transcript into cues of `max_lines` lines of `max_line_chars` and at most `max_cue_ms`.

    With `name_changes`, a cue at which the speaker changes begins with "Name: ". Cues are cut by the times of
    the words, and stay longer than the speech where the silence after it leaves room: at least `min_cue_ms`,
    and as long as the text takes to read. A cue that is still shorter than `min_cue_ms` borrows from the next
    one, as far as that keeps its own minimum. Starts are those of the speech, but for what is borrowed. Before the
    next cue comes `min_gap_ms` of nothing, as far as that leaves the cue its minimum.
    """
    known = any_known(transcript)
    cut: list[Cue] = []
    shown: str | None = None  # the name a reader believes to be speaking
    for segment in sorted(transcript.segments, key=lambda s: s.start_ms):
        voice = speaker_label(transcript, segment.speaker)
        name = (voice or UNKNOWN_SPEAKER) if known else None
        prefix = f"{_fitted(name, options)}:" if name_changes and name and name != shown else ""
        made = _cut(segment, voice, prefix, options)
        if made:
            shown = name
        cut += made
    return _timed(cut, options, transcript.duration_ms)


def _fitted(name: str, options: ExportOptions) -> str:
    """The name, shortened where it would take more than a line from what is said."""
    room = options.max_line_chars - 1  # the colon
    if display_width(name) <= room:
        return name
    while name and display_width(name) >= room:
        name = name[:-1]
    return f"{name.rstrip()}…"


def _cut(segment: Segment, voice: str | None, prefix: str, options: ExportOptions) -> list[Cue]:
    words = pieces(segment, options.max_line_chars)
    named = pieces(replace(segment, text=prefix, words=()), options.max_line_chars)
    if not words:
        return []

    def shown(run: Sequence[Word]) -> tuple[Word, ...]:
        return (*named, *run) if run[0] is words[0] else tuple(run)

    def size(run: Sequence[Word]) -> float:
        lines = len(wrap(shown(run), options.max_line_chars)) / options.max_lines
        return max(lines, (run[-1].end_ms - run[0].start_ms) / options.max_cue_ms)

    return [
        Cue(run[0].start_ms, run[-1].end_ms, tuple(balance(shown(run), options.max_line_chars)), voice)
        for run in divide(words, size)
    ]


def _timed(cut: Sequence[Cue], options: ExportOptions, duration_ms: int) -> list[Cue]:
    timed: list[Cue] = []
    floor = 0
    for cue, after in zip_longest(cut, cut[1:]):
        start = max(cue.start_ms, floor)
        reading_ms = math.ceil(sum(map(display_width, cue.lines)) * 1_000 / options.chars_per_second)
        wanted = max(min(cue.end_ms, start + options.max_cue_ms), start + max(options.min_cue_ms, reading_ms))
        if after is None:
            room = max(duration_ms, cue.end_ms)
        else:
            room = max(after.start_ms, min(start + options.min_cue_ms, after.end_ms - options.min_cue_ms))
        end = min(wanted, room)
        if after is not None:
            end = min(end, max(room - options.min_gap_ms, min(end, start + options.min_cue_ms)))
        end = max(end, start + 1)  # a player drops a cue of no length
        timed.append(replace(cue, start_ms=start, end_ms=end))
        floor = end
    return timed
