"""A transcript without names, mail addresses or numbers: the same placeholder wherever the same value stood."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from shared.redaction.rules import Found, Names, Redaction, find, looks_like_a_name, names_in
from shared.transcript import Segment, Speaker, Transcript, Word

_LABELS: Final = {Redaction.NAMES: "NAME", Redaction.EMAILS: "EMAIL", Redaction.NUMBERS: "NUMBER"}
_NUMBERED: Final = re.compile(r"speaker \d{1,2}", re.IGNORECASE)


def redact(transcript: Transcript, kinds: Iterable[Redaction]) -> Transcript:
    """The transcript with placeholders (`[NAME 1]`) in texts, words and title; speakers become `Speaker 1`.

    Placeholders are numbered in the order in which their values are first said, so the same transcript gives
    the same ones. Names are those of the speakers, of the phrases that were to be expected, and those that
    somebody introduces; whoever is only mentioned by name is not found.
    """
    wanted = frozenset(kinds)
    if not wanted:
        return transcript
    names = Names.of(_known(transcript)) if Redaction.NAMES in wanted else Names({})
    page = _Page(wanted, names, names.pattern())
    segments = tuple(page.segment(segment) for segment in transcript.segments)
    title, _ = page.text(transcript.title)
    speakers = transcript.speakers
    if Redaction.NAMES in wanted:
        speakers = tuple(replace(speaker, name=f"Speaker {speaker.number}") for speaker in speakers)
    return replace(transcript, title=title, segments=segments, speakers=speakers, phrases=())


def _known(transcript: Transcript) -> Iterator[str]:
    yield from (s.name for s in transcript.speakers if _is_name(s))
    yield from filter(looks_like_a_name, transcript.phrases)
    yield from names_in([*(segment.text for segment in transcript.segments), transcript.title])


def _is_name(speaker: Speaker) -> bool:
    return not _NUMBERED.fullmatch(speaker.name) and speaker.name.casefold() not in {"coach", "client"}


@dataclass(slots=True)
class _Page:
    """What has been taken out so far."""

    kinds: frozenset[Redaction]
    names: Names
    pattern: re.Pattern[str] | None
    numbers: dict[tuple[Redaction, str], int] = field(default_factory=dict)

    def text(self, text: str) -> tuple[str, list[tuple[Found, str]]]:
        """The text with placeholders, and what each of them stands for."""
        taken = [(each, self._placeholder(each)) for each in find(text, self.kinds, self.pattern, self.names)]
        for each, placeholder in reversed(taken):
            text = text[: each.start] + placeholder + text[each.end :]
        return text, taken

    def segment(self, segment: Segment) -> Segment:
        """The segment with placeholders in its text and in its words."""
        text, taken = self.text(segment.text)
        if not taken:
            return segment
        return replace(segment, text=text, words=tuple(_words(segment, taken)))

    def _placeholder(self, found: Found) -> str:
        key = (found.kind, found.value)
        if key not in self.numbers:
            self.numbers[key] = 1 + sum(kind is found.kind for kind, _ in self.numbers)
        return f"[{_LABELS[found.kind]} {self.numbers[key]}]"


def _words(segment: Segment, taken: Sequence[tuple[Found, str]]) -> Iterator[Word]:
    """The words with placeholders: the first word of a value has it, what others had of it is gone.

    Where the words are not those of the text, because a person changed it, none are left: they would tell.
    """
    placed: list[tuple[Word, int, int]] = []
    reached = 0
    for word in segment.words:
        begin = segment.text.find(word.text, reached)
        if begin < 0 or segment.text[reached:begin].strip():
            return
        reached = begin + len(word.text)
        placed.append((word, begin, reached))
    if segment.text[reached:].strip():
        return
    for word, begin, end in placed:
        inside = [(found, mark) for found, mark in taken if found.start < end and found.end > begin]
        text, at, lost_its_start = "", begin, False
        for found, mark in inside:
            text += segment.text[at : max(at, found.start)]
            if found.start >= begin:
                text += mark
            else:
                lost_its_start = True
            at = min(end, found.end)
        text += segment.text[at:end]
        if text and inside:
            yield replace(word, text=text, confidence=None, joined=word.joined or lost_its_start)
        elif text:
            yield word
