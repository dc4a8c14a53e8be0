"""The segments of a transcript under the names of those who speak: what documents for people are made of."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.exports.wording import any_known, clock, one_line, speaker_with_role
from shared.transcript import Role, Segment, Transcript


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A segment as it is read: the name above it where the speaker changes, its time, its text."""

    heading: str | None
    role: Role
    time: str
    text: str


def paragraphs(transcript: Transcript) -> Iterator[Paragraph]:
    """One paragraph a segment; no headings at all where nobody was told apart."""
    known = any_known(transcript)
    before: str | None = None
    for segment in transcript.segments:
        who = speaker_with_role(transcript, segment.speaker) if known else None
        heading = who if who != before else None
        before = who
        yield Paragraph(
            heading, role_of(transcript, segment), clock(segment.start_ms), one_line(segment.text)
        )


def role_of(transcript: Transcript, segment: Segment) -> Role:
    """The role of who speaks; unknown where the speaker is (F24)."""
    speaker = transcript.speaker(segment.speaker)
    return speaker.role if speaker else Role.UNKNOWN


def facts(transcript: Transcript) -> Iterator[str]:
    """What stands under the title: length, language, speakers, and what there is to note."""
    yield f"Length: {clock(transcript.duration_ms)}"
    if transcript.language:
        yield f"Language: {one_line(transcript.language)}"
    if transcript.speakers:
        yield "Speakers: " + ", ".join(speaker_with_role(transcript, s.number) for s in transcript.speakers)
    for notice in transcript.warnings:
        yield f"Note: {one_line(notice.detail)}"
