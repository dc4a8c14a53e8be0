"""How times, speakers and text read in every format."""

from typing import Final

from shared.transcript import Role, Transcript

UNKNOWN_SPEAKER: Final = "Unknown speaker"


def timestamp(ms: int, mark: str = ".") -> str:
    """`HH:MM:SS.mmm` by integer division, so that 59,999 ms is 00:00:59.999 and never second 60."""
    seconds, thousandths = divmod(ms, 1_000)
    return f"{clock(seconds * 1_000)}{mark}{thousandths:03}"


def clock(ms: int) -> str:
    """`HH:MM:SS`, the part of a second cut off; the hours grow past 99 as they need to."""
    minutes, seconds = divmod(ms // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"


def one_line(text: str) -> str:
    """The text with runs of white space as one space, and without what is no character that a document may hold.

    Left out are control characters, halves of surrogate pairs, and the 66 code points that Unicode keeps free of
    characters: XML, and with it Word and Excel, refuses some of them.
    """
    return "".join(c for c in " ".join(text.split()) if c.isprintable() or _belongs(ord(c)))


def _belongs(code: int) -> bool:
    """Whether a code point that is not printable is kept: joiners and marks of direction are, and what is to come."""
    return code > 0x9F and not (
        0xD800 <= code <= 0xDFFF or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
    )


def speaker_label(transcript: Transcript, number: int | None) -> str | None:
    """The name to print: the speaker's own, else `Speaker <number>`; None for a speaker who is unknown."""
    if number is None:
        return None
    return one_line(transcript.speaker_name(number) or "") or f"Speaker {number}"


def speaker_with_role(transcript: Transcript, number: int | None) -> str:
    """The name with its role in brackets; a role that is unknown is left out, never guessed."""
    label = speaker_label(transcript, number)
    if label is None:
        return UNKNOWN_SPEAKER
    speaker = transcript.speaker(number)
    if speaker is None or speaker.role is Role.UNKNOWN:
        return label
    return f"{label} ({speaker.role.value})"


def any_known(transcript: Transcript) -> bool:
    """Whether anyone in the transcript is told apart; where nobody is, naming the unknown is only noise."""
    return any(segment.speaker is not None for segment in transcript.segments)
