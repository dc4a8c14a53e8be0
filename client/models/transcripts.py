"""Transcripts: who said what, and when."""

from client.models.base import Answer, Notice
from shared.transcript import Role


class Speaker(Answer):
    """A voice: its number, the name to show, and its role with how sure the service is (0 to 1)."""

    number: int
    name: str
    role: Role = Role.UNKNOWN
    role_confidence: float = 0.0


class Word(Answer):
    """A word and when it was said."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float | None = None
    speaker: int | None = None


class Segment(Answer):
    """A stretch of speech of one speaker, in milliseconds from the start; words only where they were asked for."""

    n: int
    start_ms: int
    end_ms: int
    text: str
    speaker: int | None = None
    version: int = 1
    words: tuple[Word, ...] = ()


class Transcript(Answer):
    """A whole transcript."""

    title: str
    revision: int = 1
    language: str | None = None
    duration_ms: int = 0
    speakers: tuple[Speaker, ...] = ()
    warnings: tuple[Notice, ...] = ()
    segments: tuple[Segment, ...] = ()

    def speaker(self, number: int | None) -> Speaker | None:
        """What is known of the speaker with this number."""
        return next((speaker for speaker in self.speakers if speaker.number == number), None)
