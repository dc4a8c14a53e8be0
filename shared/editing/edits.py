"""The edits: each says what it touches, and makes new content of old; what it cannot do it refuses in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from shared.editing.content import Content
from shared.editing.cutting import cut, joined
from shared.editing.rewording import reword
from shared.errors import InvalidRequestError, NotFoundError
from shared.exports.wording import one_line
from shared.segments import mean_confidence
from shared.transcript import Role, Segment, Speaker, Transcript

MAX_TEXT: Final = 10_000
"""Characters of a segment, at most."""


class EditKind(StrEnum):
    """What was done, as the history tells it."""

    TEXT = "text"
    SPEAKER = "speaker"
    SPLIT = "split"
    MERGE = "merge"
    REMOVE = "remove"
    SPEAKERS = "speakers"
    IMPORT = "import"
    TRANSCRIPTION = "transcription"


class Edit(Protocol):
    """A change to a transcript."""

    @property
    def kind(self) -> EditKind:
        """What it is in the history."""
        ...

    def touches(self, content: Content) -> Sequence[Segment] | None:
        """The segments that must be as the caller saw them; None: the speakers must."""
        ...

    def apply(self, content: Content) -> Content:
        """The content after it; equal content where it changes nothing. InvalidRequestError, NotFoundError."""
        ...


class Unset:
    """The type of what was not given, where None is a value."""


UNSET: Final = Unset()


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Another text, another speaker, or both, for one segment."""

    n: int
    text: str | None = None
    speaker: int | Unset | None = UNSET

    @property
    def kind(self) -> EditKind:
        """A change of text, perhaps with the speaker's."""
        return EditKind.SPEAKER if self.text is None else EditKind.TEXT

    def touches(self, content: Content) -> Sequence[Segment]:
        """The segment."""
        return [segment_at(content, self.n)]

    def apply(self, content: Content) -> Content:
        """Words that stayed keep their times; see `reword`."""
        segment = segment_at(content, self.n)
        text = None if self.text is None else one_line(self.text)
        if text == "":
            raise InvalidRequestError("A segment has some text. Remove the segment where nothing was said.")
        if text is not None and text != segment.text:
            words = reword(segment.words, text)
            segment = replace(segment, text=text, words=words, confidence=mean_confidence(words))
        if not isinstance(self.speaker, Unset):
            segment = spoken_by(content, segment, self.speaker)
        return content.with_segments(_put(content, self.n, self.n + 1, [segment]))


@dataclass(frozen=True, slots=True)
class Split:
    """One segment becomes two at a character of its text; the second may get another speaker."""

    n: int
    at: int
    speaker: int | Unset | None = UNSET
    kind: EditKind = EditKind.SPLIT

    def touches(self, content: Content) -> Sequence[Segment]:
        """The segment."""
        return [segment_at(content, self.n)]

    def apply(self, content: Content) -> Content:
        """Times are those of the words on each side; without words, time is shared by the width of the text."""
        left, right = cut(segment_at(content, self.n), self.at)
        if not isinstance(self.speaker, Unset):
            right = spoken_by(content, right, self.speaker)
        return content.with_segments(_put(content, self.n, self.n + 1, [left, right]))


@dataclass(frozen=True, slots=True)
class Merge:
    """Segments that follow each other become one, spoken by the first one's speaker unless another is named."""

    n: int
    count: int = 2
    speaker: int | Unset | None = UNSET
    kind: EditKind = EditKind.MERGE

    def touches(self, content: Content) -> Sequence[Segment]:
        """All of them."""
        segment_at(content, self.n + self.count - 1)
        return content.segments[self.n : self.n + self.count]

    def apply(self, content: Content) -> Content:
        """One segment from the start of the first to the end of the last."""
        merged = joined(self.touches(content))
        if len(merged.text) > MAX_TEXT:
            raise InvalidRequestError(
                f"Together they have more than {MAX_TEXT} characters. Nothing was changed."
            )
        speaker = merged.speaker if isinstance(self.speaker, Unset) else self.speaker
        merged = spoken_by(content, merged, speaker)
        return content.with_segments(_put(content, self.n, self.n + self.count, [merged]))


@dataclass(frozen=True, slots=True)
class Remove:
    """Segments go: what was heard where nobody spoke."""

    numbers: tuple[int, ...]
    kind: EditKind = EditKind.REMOVE

    def touches(self, content: Content) -> Sequence[Segment]:
        """All of them."""
        return [segment_at(content, n) for n in self.numbers]

    def apply(self, content: Content) -> Content:
        """The others, counted anew."""
        gone = {segment.n for segment in self.touches(content)}
        return content.with_segments([s for s in content.segments if s.n not in gone])


@dataclass(frozen=True, slots=True)
class Reassign:
    """Segments, however many, get one speaker."""

    numbers: tuple[int, ...]
    speaker: int | None
    kind: EditKind = EditKind.SPEAKER

    def touches(self, content: Content) -> Sequence[Segment]:
        """All of them."""
        return [segment_at(content, n) for n in self.numbers]

    def apply(self, content: Content) -> Content:
        """The same text with the speaker in place of those who were there."""
        wanted = {segment.n for segment in self.touches(content)}
        return content.with_segments(
            [spoken_by(content, s, self.speaker) if s.n in wanted else s for s in content.segments]
        )


@dataclass(frozen=True, slots=True)
class NameSpeakers:
    """Who speaks: every speaker's name and role, as a person states them."""

    stated: tuple[tuple[int, str, Role], ...]
    kind: EditKind = EditKind.SPEAKERS

    def touches(self, content: Content) -> None:
        """The speakers alone."""

    def apply(self, content: Content) -> Content:
        """What a person says of a role is certain; unknown stays unknown (F24)."""
        speakers = tuple(
            Speaker(number, one_line(name) or f"Speaker {number}", role, float(role is not Role.UNKNOWN))
            for number, name, role in sorted(self.stated)
        )
        if len({speaker.number for speaker in speakers}) < len(speakers):
            raise InvalidRequestError("A speaker's number stands in the list twice. Nothing was changed.")
        left_out = {s.speaker for s in content.segments} - {s.number for s in speakers} - {None}
        if left_out:
            numbers = ", ".join(str(number) for number in sorted(filter(None, left_out)))
            raise InvalidRequestError(
                f"Still speaking and not in the list: {numbers}. Give their segments to others first, or list them."
            )
        return replace(content, speakers=speakers)


@dataclass(frozen=True, slots=True)
class Replace:
    """Everything gives way to another content: what was imported, or what a job heard."""

    content: Content
    kind: EditKind

    def touches(self, content: Content) -> Sequence[Segment]:
        """Everything."""
        return content.segments

    def apply(self, content: Content) -> Content:
        """The other content."""
        return self.content.with_segments(self.content.segments)


def segment_at(content: Content | Transcript, n: int) -> Segment:
    """The segment with this number; NotFoundError where there is none."""
    if not 0 <= n < len(content.segments):
        raise NotFoundError(f"There is no segment {n}: the transcript has {len(content.segments)}, from 0.")
    return content.segments[n]


def spoken_by(content: Content, segment: Segment, speaker: int | None) -> Segment:
    """The segment with another speaker; InvalidRequestError for one that the transcript does not have."""
    if speaker == segment.speaker:
        return segment
    if speaker is not None and all(s.number != speaker for s in content.speakers):
        known = ", ".join(str(s.number) for s in content.speakers) or "none"
        raise InvalidRequestError(
            f"There is no speaker {speaker}; there are: {known}. PUT the speakers to add one. Nothing was changed."
        )
    return replace(segment, speaker=speaker, words=tuple(replace(w, speaker=speaker) for w in segment.words))


def _put(content: Content, first: int, end: int, segments: Iterable[Segment]) -> list[Segment]:
    return [*content.segments[:first], *segments, *content.segments[end:]]
