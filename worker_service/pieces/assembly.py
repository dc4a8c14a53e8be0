"""What was heard in the pieces of a recording becomes what was heard in the recording; pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.jobs.operations import Cost
from shared.transcript import Notice, NoticeCode, Word
from worker_service.engines.port import SpeechResult
from worker_service.pieces.cutting import Span, seams
from worker_service.pieces.joining import joint
from worker_service.pieces.voices import match, votes

_UNCERTAIN: Final = NoticeCode.SPEAKERS_UNCERTAIN
_NO_SPEECH: Final = NoticeCode.NO_SPEECH  # of a piece it says nothing about the recording


@dataclass(frozen=True, slots=True)
class Heard:
    """One piece: where it lies in the recording, and what an engine heard in it, counted from its beginning."""

    span: Span
    result: SpeechResult


def assemble(pieces: Sequence[Heard], *, speakers: int) -> SpeechResult:
    """One result of several, in order; `speakers` is how many people are expected at most.

    Every word once, at its time in the recording; a voice has one number throughout, in order of first speech. Where
    nothing tells whose voice is whose, it is guessed and said (`speakers_uncertain`). The cost is the sum.
    """
    results = [piece.result for piece in pieces]
    words = list(_at(pieces[0]))
    doubtful = []
    for seam_ms, before, piece in zip(
        seams([each.span for each in pieces]), pieces, pieces[1:], strict=False
    ):
        found = list(_at(piece))
        meeting = joint(words, found, starts_ms=piece.span.start_ms, ends_ms=before.span.end_ms)
        whose = match(_speakers(words), _speakers(found), votes(meeting.pairs), expected=speakers)
        if not whose.sure:
            doubtful.append(seam_ms)
        renamed = (_spoken_by(word, whose.numbers.get(word.speaker or 0)) for word in found)
        words[meeting.left :] = list(renamed)[meeting.right :]
    return SpeechResult(
        words=_in_order(words),
        language=_language(results),
        model=results[0].model,
        warnings=tuple(_warnings(results, heard=bool(words), doubtful=doubtful)),
        cost=total([result.cost for result in results]),
    )


def total(costs: Sequence[Cost]) -> Cost:
    """What several operations cost together; an estimate where one of them is."""
    return Cost(
        billed_ms=sum(cost.billed_ms for cost in costs),
        micro_dollars=sum(cost.micro_dollars for cost in costs),
        estimated=any(cost.estimated for cost in costs),
    )


def _at(piece: Heard) -> Iterable[Word]:
    """A piece's words at their times in the recording."""
    start = piece.span.start_ms
    for word in piece.result.words:
        yield replace(word, start_ms=start + word.start_ms, end_ms=start + word.end_ms)


def _speakers(words: Iterable[Word]) -> list[int]:
    """Who speaks, in order of first speech."""
    return list(dict.fromkeys(word.speaker for word in words if word.speaker is not None))


def _spoken_by(word: Word, speaker: int | None) -> Word:
    return word if word.speaker == speaker else replace(word, speaker=speaker)


def _in_order(words: Sequence[Word]) -> tuple[Word, ...]:
    """Speakers numbered anew from 1: whoever was first in a piece may have lost those words at a seam."""
    numbers = {speaker: number for number, speaker in enumerate(_speakers(words), start=1)}
    return tuple(_spoken_by(word, numbers.get(word.speaker or 0)) for word in words)


def _language(results: Sequence[SpeechResult]) -> str | None:
    """The language of most words; where there are none, what the first piece says."""
    counts: Counter[str] = Counter()
    for result in results:
        if result.language is not None:
            counts[result.language] += len(result.words)
    return max(counts, key=lambda language: counts[language], default=None)


def _warnings(results: Sequence[SpeechResult], *, heard: bool, doubtful: Sequence[int]) -> Iterable[Notice]:
    every = {notice.code: notice for result in reversed(results) for notice in result.warnings}
    # A code is told once: what pieces say of their own voices goes into the same notice.
    told = every.pop(_UNCERTAIN, None) if doubtful else None
    yield from (notice for code, notice in every.items() if code != _NO_SPEECH or not heard)
    if doubtful:
        before = f"{told.detail} " if told else ""
        places = ", ".join(_clock(at_ms) for at_ms in doubtful)
        yield Notice(
            _UNCERTAIN,
            f"{before}The recording was transcribed in pieces, and where two of them meet (at {places}) too little "
            "was said to tell which voice goes on as which. From there on the speakers may be swapped: listen, and "
            "correct them.",
        )


def _clock(at_ms: int) -> str:
    minutes, seconds = divmod(at_ms // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
