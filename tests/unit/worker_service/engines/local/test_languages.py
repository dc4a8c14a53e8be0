"""Tests of the way from a language tag to Whisper's code."""

import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES

from shared.errors import UnsupportedOptionError
from worker_service.engines.local.languages import CODES, whisper_code


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en"),
        ("en-US", "en"),
        ("EN_gb", "en"),
        ("zh-TW", "zh"),
        ("zh-Hant", "zh"),
        ("cmn-Hans-CN", "zh"),
        ("iw", "he"),
        ("nb-NO", "no"),
        ("fil-PH", "tl"),
        ("pt-BR", "pt"),
        ("yue-HK", "yue"),
        (None, None),
    ],
)
def test_tags_become_codes(tag: str | None, code: str | None) -> None:
    """F20: a caller's tag is normalised, not handed on."""
    assert whisper_code(tag) == code


@pytest.mark.parametrize("tag", ["tlh", "", "english", "x-klingon", "e", "en1"])
def test_unknown_languages_are_refused(tag: str) -> None:
    """F20: before any work is done."""
    with pytest.raises(UnsupportedOptionError, match="leave it out"):
        whisper_code(tag)


def test_the_small_models_do_not_know_cantonese() -> None:
    with pytest.raises(UnsupportedOptionError):
        whisper_code("yue", bundled=True)


def test_the_codes_are_those_of_the_installed_library() -> None:
    assert set(_LANGUAGE_CODES) == CODES
