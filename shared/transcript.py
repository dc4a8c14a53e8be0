"""Words, segments, transcripts in integer milliseconds, and pure transforms; standard library only."""

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """Who a speaker is in a coaching session; unknown stays unknown."""

    COACH = "coach"
    CLIENT = "client"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word; `text` has no space around it, `joined` says that none stands before it (CJK)."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float | None = None  # 0..1, None where the engine gives none
    speaker: int | None = None  # 1-based in order of first speech, None where unknown
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech of one speaker; `n` counts from 0 in order of time."""

    n: int
    start_ms: int
    end_ms: int
    text: str
    speaker: int | None = None
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice of the recording: its number, the name shown, its role, and how sure we are of the role."""

    number: int
    name: str
    role: Role = Role.UNKNOWN
    role_confidence: float = 0.0  # 0..1
    evidence: dict[str, float] = field(default_factory=dict)  # what the role was read from


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the caller should know although the job went well: a stable code and a sentence."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole transcript, ready to be exported."""

    title: str
    language: str | None
    duration_ms: int
    segments: tuple[Segment, ...]
    speakers: tuple[Speaker, ...] = ()
    warnings: tuple[Notice, ...] = ()

    def speaker_name(self, number: int | None) -> str | None:
        """The name to show for a speaker's number, or None where the speaker is unknown."""
        return next((s.name for s in self.speakers if s.number == number), None)
