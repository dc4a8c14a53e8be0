"""Who spoke how long: turns, shares, pauses, and the columns of the plot."""

import pytest

from api_service.console.talk import Bar, Share, silences, talk_of
from shared.transcript import Segment


def said(*parts: tuple[int | None, int, int]) -> list[Segment]:
    return [Segment(n, start, end, "", speaker) for n, (speaker, start, end) in enumerate(parts)]


def test_segments_in_a_row_are_one_turn_and_pauses_are_silence() -> None:
    talk = talk_of(said((1, 0, 4_000), (1, 5_000, 6_000), (2, 8_500, 13_500), (1, 13_500, 14_000)), 20_000)
    assert talk.shares == (Share(1, 5_500, 52, 2, 5_000), Share(2, 5_000, 48, 1, 5_000))
    assert (talk.silent_ms, talk.silent_percent) == (9_500, 48)
    assert (talk.pauses, talk.longest_pause_ms, talk.longest_pause_at_ms) == (2, 6_000, 14_000)


def test_long_silences_are_noted_before_what_breaks_them() -> None:
    talk = said((1, 9_000, 10_000), (2, 12_999, 14_000), (1, 17_000, 18_000), (2, 17_500, 19_000))
    assert silences(talk) == [0, 0, 3_000, 0]
    assert silences([]) == [0]


def test_nobody_is_silent_while_another_still_speaks() -> None:
    talk = said((1, 0, 60_000), (2, 10_000, 11_000), (2, 20_000, 21_000), (1, 65_000, 66_000))
    assert silences(talk) == [0, 0, 0, 5_000]
    assert (talk_of(talk, 66_000).silent_ms, talk_of(talk, 66_000).longest_pause_at_ms) == (5_000, 60_000)


def test_who_is_unknown_comes_last() -> None:
    talk = talk_of(said((None, 0, 1_000), (2, 1_000, 2_000), (1, 2_000, 3_000)), 3_000)
    assert [share.speaker for share in talk.shares] == [1, 2, None]


def test_columns_are_filled_from_below_by_speaker() -> None:
    talk = talk_of(said((2, 0, 2_500), (1, 2_500, 3_500), (2, 9_000, 12_000)), 12_000)
    assert (talk.column_ms, talk.columns) == (5_000, 3)
    assert talk.bars == (
        Bar(0, 1, 80.0, 20.0),
        Bar(0, 2, 30.0, 50.0),
        Bar(1, 2, 80.0, 20.0),
        Bar(2, 2, 60.0, 40.0),
    )


def test_where_two_speak_at_once_no_column_runs_over() -> None:
    talk = talk_of(said((1, 0, 5_000), (2, 1_000, 5_000)), 5_000)
    assert [(bar.top, bar.height) for bar in talk.bars] == [(0.0, 100.0), (0.0, 0.0)]
    assert sum(share.ms for share in talk.shares) == 9_000
    assert talk.silent_ms == 0


@pytest.mark.parametrize("length", [0, 1_000])
def test_nobody_speaks(length: int) -> None:
    talk = talk_of([], length)
    assert (talk.shares, talk.bars) == ((), ())
    assert talk.silent_ms == length


def test_three_hours_have_sixty_columns() -> None:
    assert talk_of(said((1, 0, 1_000)), 3 * 3_600_000).columns == 60


def test_an_import_that_runs_over_the_recording_stays_in_the_plot() -> None:
    talk = talk_of(said((1, 4_000, 9_000)), 5_000)
    assert [(bar.column, bar.height) for bar in talk.bars] == [(0, 20.0)]
