"""Pieces become one result: times, words, speakers, warnings, cost."""

from shared.jobs.operations import Cost
from shared.transcript import Notice, Word
from worker_service.engines.port import SpeechResult
from worker_service.pieces.assembly import Heard, assemble
from worker_service.pieces.cutting import Span


def piece(start: int, end: int, *words: tuple[str, int, int | None], **changes: object) -> Heard:
    """A piece and its words: text, start in the recording, speaker as the piece numbers it."""
    found = tuple(Word(text, at - start, at - start + 400, 0.9, speaker) for text, at, speaker in words)
    values = {"language": "en-US", "model": "m", "cost": Cost(end - start, 10)} | changes
    return Heard(Span(start, end), SpeechResult(words=found, **values))  # type: ignore[arg-type]


def test_a_conversation_goes_on_over_its_seams_with_the_same_voices() -> None:
    """Each piece numbers its speakers in the order in which they speak there."""
    result = assemble(
        [
            piece(0, 10_000, ("How", 1_000, 1), ("are", 2_000, 1), ("Well", 6_000, 2), ("thanks", 8_500, 2)),
            piece(5_000, 20_000, ("well,", 6_050, 1), ("thanks.", 8_450, 1), ("Good.", 12_000, 2)),
            piece(15_000, 30_000, ("And", 18_000, 1), ("you?", 19_000, 1), ("Yes", 22_000, 2)),
        ],
        speakers=2,
    )
    assert [(word.text, word.start_ms, word.speaker) for word in result.words] == [
        ("How", 1_000, 1), ("are", 2_000, 1), ("Well", 6_000, 2), ("thanks.", 8_450, 2), ("Good.", 12_000, 1),
        ("And", 18_000, 1), ("you?", 19_000, 1), ("Yes", 22_000, 2),
    ]  # fmt: skip
    assert (result.cost, result.model, result.language) == (Cost(40_000, 30), "m", "en-US")
    assert [warning.code for warning in result.warnings] == ["speakers_uncertain"]
    assert "at 0:17)" in result.warnings[0].detail, "at the first seam two words told"


def test_a_silent_piece_is_no_silent_recording() -> None:
    silence = (Notice("no_speech", "nothing"),)
    silent = piece(5_000, 20_000, warnings=silence, language=None)
    assert assemble([piece(0, 10_000, ("Hi", 1_000, 1)), silent], speakers=2).warnings == ()
    assert assemble([silent, silent], speakers=2).warnings == silence


def test_an_estimate_of_one_is_an_estimate_of_all() -> None:
    pieces = [piece(0, 9_000), piece(5_000, 9_000, cost=Cost(1, 1, estimated=True))]
    assert assemble(pieces, speakers=2).cost == Cost(9_001, 11, estimated=True)


def test_words_without_speakers_stay_so() -> None:
    pieces = [piece(0, 9_000, ("a", 1_000, None)), piece(5_000, 20_000, ("b", 12_000, None))]
    result = assemble(pieces, speakers=2)
    assert [word.speaker for word in result.words] == [None, None]
    assert result.warnings == ()


def test_the_language_is_that_of_most_words() -> None:
    pieces = [piece(0, 9_000, ("a", 1_000, None)),
              piece(5_000, 20_000, ("b", 9_500, None), ("c", 12_000, None), language="de-DE")]  # fmt: skip
    assert assemble(pieces, speakers=2).language == "de-DE"


def test_what_pieces_say_of_their_voices_does_not_hide_that_they_may_be_swapped() -> None:
    """A job tells each code once."""
    more = (Notice("speakers_uncertain", "Three voices."),)
    pieces = [piece(0, 10_000, ("Hi", 1_000, 1), warnings=more), piece(5_000, 20_000, ("Yes", 9_000, 1))]
    (warning,) = assemble(pieces, speakers=2).warnings
    assert warning.detail.startswith("Three voices. The recording")
