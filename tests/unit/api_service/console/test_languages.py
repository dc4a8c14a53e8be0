"""What pages say: the language, durations, sums, and that nothing of it is taken for HTML."""

from datetime import UTC, datetime, timedelta

import pytest
from markupsafe import Markup
from starlette.requests import Request

from api_service.console.languages import duration, language, language_of, money


def asking(**headers: str) -> Request:
    pairs = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": pairs})


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [("", "en"), ("zh", "zh-TW"), ("zh-Hant-HK, en;q=0.5", "zh-TW"), ("en;q=0.2, zh-TW;q=0.9", "zh-TW"),
     ("de, fr;q=0.5", "en"), ("en-AU", "en"), ("zh;q=x, en;q=0.1", "en"), (";;;,,=", "en"), ("*", "en")],
)  # fmt: skip
def test_the_browser_s_first_language_that_we_speak(accepted: str, expected: str) -> None:
    assert language_of(asking(Accept_Language=accepted)).tag == expected


def test_what_was_chosen_goes_first_and_an_invention_is_none() -> None:
    assert language_of(asking(Cookie="console_language=zh-TW", Accept_Language="en")).tag == "zh-TW"
    assert language_of(asking(Cookie="console_language=../../x", Accept_Language="zh")).tag == "zh-TW"


@pytest.mark.parametrize(
    ("ms", "text"),
    [(None, "\u2013"), (0, "0 ms"), (999, "999 ms"), (1_000, "1.0 s"), (61_400, "1:01"), (3_600_000, "1:00:00")],
)  # fmt: skip
def test_durations(ms: int | None, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("micro", "text"), [(None, "\u2013"), (0, "$0.00"), (16_000, "$0.0160"), (1_234_567_890, "$1,234.57")]
)
def test_sums(micro: int | None, text: str) -> None:
    assert money(micro) == text


def test_a_value_in_a_text_is_not_taken_for_html() -> None:
    said = language("en").t("queue.paused", when=Markup("<time>3 h</time>"))
    assert said == "Paused <time>3 h</time>."
    assert isinstance(said, Markup)
    assert not isinstance(language("en").t("frame.close"), Markup)


def test_how_long_ago() -> None:
    said = language("en").ago(datetime.now(UTC) - timedelta(hours=3, minutes=2))
    assert said.endswith(">3 h ago</time>")
    assert (
        language("zh-TW")
        .ago(datetime.now(UTC) + timedelta(minutes=5, seconds=5))
        .endswith(">5 分鐘後</time>")
    )
    assert language("en").ago(None) == ""
