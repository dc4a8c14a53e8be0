"""Tests of what is made of Whisper's segments; what it hears is tested with the real weights."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shared.errors import EngineMisconfiguredError, UnsupportedOptionError
from worker_service.engines.local.audio import Piece
from worker_service.engines.local.whisper import Heard, Whisper

PIECE = Piece(60_000, np.zeros(160_000, np.float32))


def spoken(text: str, start: float, end: float, probability: float = 0.9) -> SimpleNamespace:
    return SimpleNamespace(
        word=text, start=np.float64(start), end=np.float64(end), probability=np.float64(probability)
    )


def said(*words: SimpleNamespace, end: float = 2.0, text: str = "", **doubts: float) -> SimpleNamespace:
    figures = {"no_speech_prob": 0.1, "avg_logprob": -0.3, "compression_ratio": 1.2, **doubts}
    return SimpleNamespace(words=list(words), end=end, text=text, **figures)


class Model:
    """Answers as WhisperModel does, with segments that the test made."""

    def __init__(self, *segments: SimpleNamespace, language: str = "en", multilingual: bool = True) -> None:
        self.segments, self.language = segments, language
        self.model = SimpleNamespace(is_multilingual=multilingual)
        self.hf_tokenizer = SimpleNamespace(token_to_id={"<|en|>": 1, "<|zh|>": 2}.get)
        self.asked: dict[str, Any] = {}

    def transcribe(self, samples: Any, **options: Any) -> tuple[Any, SimpleNamespace]:
        self.asked = options
        info = SimpleNamespace(
            language=self.language, language_probability=0.9, duration_after_vad=len(samples)
        )
        return iter(self.segments), info


def hear(model: Model, **options: Any) -> list[Heard]:
    whisper = Whisper("some", model)
    return list(whisper.hear(PIECE, **{"language": None, "phrases": (), **options}))


def test_times_count_from_the_beginning_of_the_recording() -> None:
    """F22: a word at 0 is a word; F29: whole milliseconds of plain Python, so that JSON takes them."""
    (heard,) = hear(
        Model(said(spoken(" Hello", 0, 0.4996), spoken(" you", 0.5, 0.45, 1.2), spoken(" ", 1, 1)))
    )
    first, second = heard.words
    assert (first.text, first.start_ms, first.end_ms, first.confidence) == ("Hello", 60_000, 60_500, 0.9)
    assert (second.start_ms, second.end_ms, second.confidence) == (60_500, 60_500, 1.0)
    assert {type(value) for word in heard.words for value in (word.start_ms, word.confidence)} == {int, float}
    assert (heard.until_ms, heard.language, heard.doubtful) == (62_000, "en", False)


def test_no_stretch_reaches_beyond_its_piece() -> None:
    (heard,) = hear(Model(said(spoken(" a", 0, 1), end=29.98)))
    assert heard.until_ms == 70_000


def test_words_are_joined_where_whisper_writes_no_space() -> None:
    (english,) = hear(Model(said(spoken("Ill", 0, 1), spoken("-disposed", 1, 2), spoken(" man", 2, 3))))
    assert [word.joined for word in english.words] == [False, True, False]
    (chinese,) = hear(
        Model(said(spoken("今天", 0, 1), spoken("好。", 1, 2), spoken(" OK", 2, 3)), language="zh")
    )
    assert [word.joined for word in chinese.words] == [True, True, False]


@pytest.mark.parametrize(
    ("doubts", "doubtful"),
    [
        ({}, False),
        ({"no_speech_prob": 0.9, "avg_logprob": -0.2}, False),
        ({"no_speech_prob": 0.9, "avg_logprob": -0.9}, True),
        ({"avg_logprob": -1.5}, True),
        ({"compression_ratio": 3.0}, True),
    ],
)
def test_what_was_likely_invented_is_marked(doubts: dict[str, float], doubtful: bool) -> None:
    (heard,) = hear(Model(said(spoken(" Thanks", 0, 1), text=" Thanks", **doubts)))
    assert heard.doubtful is doubtful


def test_phrases_are_handed_on_and_their_echo_is_not_taken_for_speech() -> None:
    model = Model(
        said(spoken(" ADA", 0, 1), text=" ADA, Grow."), said(spoken(" Ada", 1, 2), text=" Ada said")
    )
    echo, speech = hear(model, phrases=("Ada", "GROW"))
    assert model.asked["hotwords"] == "Ada, GROW"
    assert (echo.doubtful, speech.doubtful) == (True, False)
    hear(model)
    assert model.asked["hotwords"] is None


def test_a_model_of_english_only_refuses_other_languages() -> None:
    """F20, F21: a folder may hold such a model, whatever it is called."""
    english = Whisper("some", Model(multilingual=False))
    assert english.settle_language(None) == english.settle_language("en") == "en"
    with pytest.raises(UnsupportedOptionError, match="English only"):
        english.settle_language("de")


def test_a_language_that_the_model_has_no_token_for_is_refused() -> None:
    whisper = Whisper("some", Model())
    assert whisper.settle_language(None) is None
    assert whisper.settle_language("zh") == "zh"
    with pytest.raises(UnsupportedOptionError, match="does not know"):
        whisper.settle_language("yue")


def test_a_folder_without_a_model_says_what_is_wanted(tmp_path: Any) -> None:
    with pytest.raises(EngineMisconfiguredError, match=r"TRANSCRIPTS_WHISPER_MODEL"):
        Whisper.load(str(tmp_path), tmp_path, 1)


def test_a_folder_with_something_else_says_so(tmp_path: Any) -> None:
    (tmp_path / "model.bin").write_bytes(b"not a model")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(EngineMisconfiguredError, match="could not be loaded"):
        Whisper.load(str(tmp_path), tmp_path, 1)
