"""Words, segments, transcripts in integer milliseconds, and pure transforms; standard library only."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


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
    version: int = 1  # the transcript's revision at which it changed last, or got this number


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice of the recording: its number, the name shown, its role, and how sure we are of the role."""

    number: int
    name: str
    role: Role = Role.UNKNOWN
    role_confidence: float = 0.0  # 0..1
    evidence: dict[str, float] = field(default_factory=dict)  # what the role was read from


class NoticeCode(StrEnum):
    """What notices of ours are about: stable, part of the contract; the console words each of them."""

    MEDIA_TRUNCATED = "media_truncated"
    MEDIA_DAMAGED = "media_damaged"
    MEDIA_GAPS = "media_gaps"
    MEDIA_SEVERAL_TRACKS = "media_several_tracks"
    SILENCE = "silence"
    NO_SPEECH = "no_speech"
    LOW_CONFIDENCE = "low_confidence"
    WORD_TIMES_ESTIMATED = "word_times_estimated"
    LANGUAGE_APPROXIMATED = "language_approximated"
    DIARIZATION_UNAVAILABLE = "diarization_unavailable"
    DIARIZATION_FAILED = "diarization_failed"
    SPEAKERS_BY_VOICE = "speakers_by_voice"
    SPEAKERS_UNCERTAIN = "speakers_uncertain"
    ENGINE_FALLBACK = "engine_fallback"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the caller should know although the job went well: a stable code and a sentence.

    The code is one of NoticeCode, or an engine's of another package.
    """

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
    revision: int = 1  # counts the changes since it was first there
    phrases: tuple[str, ...] = ()  # names and terms that the recording was said to hold; never exported

    def speaker(self, number: int | None) -> Speaker | None:
        """What is known of the speaker with this number, or None where nothing is."""
        return next((s for s in self.speakers if s.number == number), None)

    def speaker_name(self, number: int | None) -> str | None:
        """The name to show for a speaker's number, or None where the speaker is unknown."""
        known = self.speaker(number)
        return known.name if known else None


# Scripts that put no space between words: CJK punctuation, kana, bopomofo, Han, compatibility and full-width
# forms, and Han's supplementary planes. Hangul is absent: Korean does put spaces between words.
_UNSPACED: Final = (
    (0x3000, 0x312F),
    (0x31A0, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE4F),
    (0xFF00, 0xFFEF),
    (0x20000, 0x3FFFF),
)

_ASCII_CLOSERS: Final = ",.!?;:)]}%"  # some engines end a Chinese sentence with an ASCII mark


def is_unspaced(character: str) -> bool:
    """Whether the character belongs to a script that is written without spaces (Chinese, Japanese)."""
    code = ord(character)
    return code >= _UNSPACED[0][0] and any(first <= code <= last for first, last in _UNSPACED)


def display_width(text: str) -> int:
    """The columns that `text` takes: 2 for a wide character (CJK, emoji), 0 for a combining mark, else 1."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def spaced(before: str, word: Word) -> bool:
    """Whether a space stands between the text `before` and `word`."""
    if word.joined or not before or not word.text:
        return False
    return not (is_unspaced(before[-1]) and (is_unspaced(word.text[0]) or word.text[0] in _ASCII_CLOSERS))


def join_words(words: Iterable[Word]) -> str:
    """The words as running text: spaces between them, but none before `joined` words or within CJK."""
    parts: list[str] = []
    before = ""
    for word in words:
        if spaced(before, word):
            parts.append(" ")
        parts.append(word.text)
        before = word.text or before
    return "".join(parts)
