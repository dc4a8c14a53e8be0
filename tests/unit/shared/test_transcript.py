"""The transcript's types and the pure transforms of text beside them."""

import pytest

from shared.transcript import Role, Speaker, Transcript, Word, display_width, is_unspaced, join_words


def words(*texts: str, joined: bool = False) -> list[Word]:
    return [Word(text, 0, 0, joined=joined) for text in texts]


def test_an_unknown_speaker_has_no_name() -> None:
    """F24: nobody is made the coach or the client because a number is missing."""
    transcript = Transcript("t", "en", 0, (), (Speaker(1, "Anna", Role.COACH),))
    assert transcript.speaker_name(1) == "Anna"
    assert transcript.speaker_name(2) is None
    assert transcript.speaker_name(None) is None
    assert transcript.speaker(None) is None


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("Good", "morning."), "Good morning."),
        (("我", "很", "好", "。"), "我很好。"),
        (("用", "Python", "寫"), "用 Python 寫"),
        (("안녕", "하세요"), "안녕 하세요"),  # Korean puts spaces between words
        ((), ""),
        (("a", "", "b"), "a b"),
    ],
)
def test_words_are_joined_as_their_script_is_written(texts: tuple[str, ...], expected: str) -> None:
    assert join_words(words(*texts)) == expected


def test_joined_words_have_no_space_before_them() -> None:
    assert join_words([Word("ice", 0, 1), Word("-cream", 1, 2, joined=True)]) == "ice-cream"


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("教練", 4), ("é", 1), ("e\u0301", 1), ("👍", 2), ("", 0), ("\uff41", 2)],
)
def test_display_width_counts_columns(text: str, columns: int) -> None:
    assert display_width(text) == columns


def test_hangul_and_latin_are_spaced_scripts() -> None:
    assert [is_unspaced(c) for c in "漢あ。a한 "] == [True, True, True, False, False, False]
