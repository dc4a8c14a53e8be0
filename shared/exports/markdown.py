"""Markdown (.md): a heading, the facts as a list, then one paragraph a segment under its speaker."""

import re
from collections.abc import Iterator
from typing import Final

from shared.exports.options import ExportOptions
from shared.exports.wording import any_known, clock, one_line, speaker_with_role
from shared.transcript import Transcript

_ANYWHERE: Final = re.compile(r"([\\`*_\[\]<>&|~$])")
_AT_START: Final = re.compile(r"^([#+=-])|^(\d+)([.)])")


def render(transcript: Transcript, options: ExportOptions) -> bytes:
    """UTF-8 CommonMark, LF line ends; what people said or typed is escaped and never becomes mark-up."""
    return ("\n".join(_lines(transcript)) + "\n").encode()


def _lines(transcript: Transcript) -> Iterator[str]:
    yield f"# {_escape(transcript.title)}"
    yield ""
    yield f"- Length: {clock(transcript.duration_ms)}"
    if transcript.language:
        yield f"- Language: {_escape(transcript.language)}"
    if transcript.speakers:
        names = (speaker_with_role(transcript, speaker.number) for speaker in transcript.speakers)
        yield "- Speakers: " + ", ".join(_escape(name) for name in names)
    for notice in transcript.warnings:
        yield ""
        yield f"> Note: {_escape(notice.detail)}"
    known = any_known(transcript)
    before: str | None = None
    for segment in transcript.segments:
        who = speaker_with_role(transcript, segment.speaker) if known else ""
        yield ""
        if who != before and who:
            yield f"**{_escape(who)}**"
            yield ""
        before = who
        yield f"`{clock(segment.start_ms)}` {_escape(segment.text)}"


def _escape(text: str) -> str:
    """Text in which no character means anything to a Markdown reader."""
    escaped = _ANYWHERE.sub(r"\\\1", one_line(text))
    return _AT_START.sub(lambda m: f"\\{m[1]}" if m[1] else f"{m[2]}\\{m[3]}", escaped)
