"""Plain text (.txt): a heading, then one paragraph a segment with its time and speaker."""

from collections.abc import Iterator

from shared.exports.options import ExportOptions
from shared.exports.wording import any_known, clock, one_line, speaker_with_role
from shared.transcript import Transcript


def render(transcript: Transcript, options: ExportOptions) -> bytes:
    """UTF-8, LF line ends, lines not wrapped: a line is a paragraph, so an editor wraps it as it likes."""
    return ("\n".join(_lines(transcript)) + "\n").encode()


def _lines(transcript: Transcript) -> Iterator[str]:
    yield one_line(transcript.title)
    facts = [f"Length: {clock(transcript.duration_ms)}"]
    if transcript.language:
        facts.append(f"Language: {one_line(transcript.language)}")
    yield "  ".join(facts)
    if transcript.speakers:
        yield "Speakers: " + ", ".join(speaker_with_role(transcript, s.number) for s in transcript.speakers)
    for notice in transcript.warnings:
        yield f"Note: {one_line(notice.detail)}"
    known = any_known(transcript)
    for segment in transcript.segments:
        who = f" {speaker_with_role(transcript, segment.speaker)}:" if known else ""
        yield ""
        yield f"[{clock(segment.start_ms)}]{who} {one_line(segment.text)}"
