"""The table of what Google can do, the choice of a model, languages, prices."""

import re
from typing import Any

import pytest

from shared.errors import UnsupportedOptionError
from shared.google.languages import AUTO, CHIRP_2_LANGUAGES, CHIRP_3_LANGUAGES, common_tag, google_language
from shared.google.speech import (
    CHIRP_2,
    CHIRP_3,
    TABLE,
    Model,
    Order,
    billed,
    choose,
    micro_dollars,
    with_models,
)

MINUTE = 60_000
US = ("us", "us-central1")


def chosen(locations: tuple[str, ...] = US, model: str = AUTO, **order: Any) -> tuple[Any, ...]:
    """Location, model, languages, diarization, word times, and the codes of the notices."""
    if "language" in order:
        order["languages"] = (order.pop("language"),)
    choice = choose(Order(**order), locations, model=model)
    return (
        choice.location, choice.model.name, *choice.language_codes, choice.diarization, choice.word_times,
        *([choice.piece_ms // MINUTE] if choice.piece_ms else []), *(notice.code for notice in choice.notices),
    )  # fmt: skip


def test_every_language_is_a_whole_tag() -> None:
    for tag in CHIRP_2_LANGUAGES | CHIRP_3_LANGUAGES:
        assert re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", tag), tag


@pytest.mark.parametrize(
    ("tag", "ours"),
    [
        ("zh-TW", "cmn-Hant-TW"), ("zh_tw", "cmn-Hant-TW"), ("zh-Hant", "cmn-Hant-TW"),
        ("cmn-Hant-TW", "cmn-Hant-TW"),
        ("zh", "cmn-Hans-CN"), ("zh-CN", "cmn-Hans-CN"), ("zh-Hans-SG", "cmn-Hans-CN"),
        ("zh-HK", "yue-Hant-HK"), ("yue", "yue-Hant-HK"), ("cmn-Hant-HK", "cmn-Hant-TW"),
        ("en", "en-US"), ("en-gb", "en-GB"), ("en-NZ", "en-US"), ("es-419", "es-US"),
        ("es", "es-ES"), ("de-AT", "de-DE"),
        ("he", "iw-IL"), ("nb-NO", "no-NO"), ("pa-IN", "pa-Guru-IN"), ("sr-Latn-RS", "sr-RS"), ("tl", "fil-PH"),
        ("ja", "ja-JP"), ("pt", "pt-BR"), ("sw-KE", "sw-KE"), ("xx", None), ("tlh", None),
    ],
)  # fmt: skip
def test_languages_are_written_google_s_way(tag: str, ours: str | None) -> None:
    """F20: zh-TW was refused once."""
    assert google_language(tag, CHIRP_3_LANGUAGES) == ours


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        ("cmn-Hant-TW", "zh-TW"),
        ("cmn-Hans-CN", "zh-CN"),
        ("yue-Hant-HK", "yue-HK"),
        ("iw-IL", "he-IL"),
        ("en-US", "en-US"),
    ],
)
def test_and_come_back_as_everyone_writes_them(code: str, tag: str) -> None:
    assert common_tag(code) == tag


def test_a_model_that_tells_voices_apart_goes_first_where_that_is_wanted() -> None:
    both = ("us-central1", "us")
    assert chosen(both, language="en") == ("us", "chirp_3", "en-US", True, True)
    assert chosen(both, language="en", diarization=False) == ("us-central1", "chirp_2", "en-US", False, True)


def test_what_cannot_be_had_is_told() -> None:
    """F21."""
    assert chosen(language="zh-TW") == (
        "us",
        "chirp_3",
        "cmn-Hant-TW",
        False,
        True,
        "diarization_unavailable",
    )
    assert chosen(language="de-AT")[-1] == "language_approximated"
    assert chosen(language="de-DE") == ("us", "chirp_3", "de-DE", True, True)
    assert chosen(languages=("en", "ja")) == ("us", "chirp_3", "en-US", "ja-JP", True, True)
    assert chosen() == ("us", "chirp_3", AUTO, True, True)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (20, ("us", "chirp_3", "en-US", True, True)),
        (21, ("us", "chirp_3", "en-US", True, False)),
        (60, ("us", "chirp_3", "en-US", True, False)),
        (61, ("us-central1", "chirp_2", "en-US", False, True, "diarization_unavailable")),
        (480, ("us-central1", "chirp_2", "en-US", False, True, "diarization_unavailable")),
    ],
)
def test_the_length_decides_where_nothing_is_cut(minutes: int, expected: tuple[Any, ...]) -> None:
    assert chosen(language="en", duration_ms=minutes * MINUTE, piece_ms=0) == expected


@pytest.mark.parametrize(
    ("minutes", "order", "expected"),
    [
        (20, {}, ("us", "chirp_3", "en-US", True, True)),
        (21, {}, ("us", "chirp_3", "en-US", True, True, 20)),
        (600, {}, ("us", "chirp_3", "en-US", True, True, 20)),
        (90, {"diarization": False}, ("us-central1", "chirp_2", "en-US", False, True)),
        (600, {"diarization": False, "model": "chirp_2"}, ("us-central1", "chirp_2", "en-US", False, True, 480)),
        (21, {"piece_ms": 5 * MINUTE}, ("us", "chirp_3", "en-US", True, True, 5)),
        (4, {"piece_ms": 5 * MINUTE}, ("us", "chirp_3", "en-US", True, True)),
        (21, {"piece_ms": 90 * MINUTE}, ("us", "chirp_3", "en-US", True, True, 20)),
        (90, {"language": "zh-TW"}, ("us-central1", "chirp_2", "cmn-Hant-TW", False, True, "diarization_unavailable")),
    ],
)  # fmt: skip
def test_what_is_too_long_for_voices_and_times_is_taken_in_pieces(
    minutes: int, order: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    """Only where pieces give something that the whole does not, or where the setting asks for them."""
    assert chosen(**{"language": "en", "duration_ms": minutes * MINUTE, **order}) == expected


@pytest.mark.parametrize(
    ("order", "field", "says"),
    [
        ({"language": "tlh"}, "language", "does not know the language 'tlh'"),
        ({"model": "whisper"}, "model", "chirp_2, chirp_3"),
        (
            {"language": "en", "model": "chirp_3", "duration_ms": 61 * MINUTE, "piece_ms": 0},
            "model",
            "60 min at most",
        ),
        ({"language": "en", "duration_ms": 481 * MINUTE, "piece_ms": 0}, "model", "480 min at most"),
    ],
)
def test_what_no_model_can_do_is_refused_with_the_reason(
    order: dict[str, Any], field: str, says: str
) -> None:
    """F20."""
    with pytest.raises(UnsupportedOptionError, match=says) as caught:
        chosen(**order)
    assert caught.value.extra == {"field": field}


def test_a_setting_fixes_the_model_and_an_order_overrides_it() -> None:
    assert chosen(model="chirp_2", language="en")[1] == "chirp_2"
    assert chosen(model="chirp_2", language="en")[0] == "us-central1"
    choice = choose(Order(languages=("en",), model="chirp_3"), US, model="chirp_2")
    assert choice.model is CHIRP_3
    with pytest.raises(UnsupportedOptionError, match="no model 'chirp_2'"):
        chosen(("us",), model="chirp_2", language="en")


def test_the_locations_api_adds_languages_and_decides_on_voices() -> None:
    found = [Model("chirp_3", frozenset({"en-US", "cmn-Hant-TW", "xx-XX"}), frozenset({"cmn-Hant-TW"})),
             Model("newer", frozenset({"en-US"}))]  # fmt: skip
    table = with_models(TABLE, "us", found)
    chirp_3, newer = table["us"]
    assert "xx-XX" in chirp_3.languages
    assert "de-DE" in chirp_3.languages, "what it does not list stays"
    assert "cmn-Hant-TW" in chirp_3.diarizes
    assert "en-US" not in chirp_3.diarizes
    assert "de-DE" in chirp_3.diarizes
    assert (newer.name, newer.languages) == ("newer", frozenset({"en-US"}))
    assert table["eu"] == TABLE["eu"]
    assert CHIRP_2 in TABLE["us-central1"]


@pytest.mark.parametrize(
    ("ms", "expected"), [(0, 0), (1, 267), (1_000, 267), (1_001, 534), (60_000, 16_000), (3_600_000, 960_000)]
)
def test_seconds_are_billed_whole_and_dollars_in_millionths(ms: int, expected: int) -> None:
    """F34."""
    assert micro_dollars(billed(ms), economy=False) == expected


def test_the_price_falls_with_what_the_month_has_seen() -> None:
    hour = 60 * MINUTE
    assert micro_dollars(hour, economy=False, month_ms=500_000 * MINUTE) == 600_000
    assert micro_dollars(2 * MINUTE, economy=False, month_ms=499_999 * MINUTE) == 16_000 + 10_000
    assert micro_dollars(hour, economy=False, month_ms=3_000_000 * MINUTE) == 240_000
    assert (
        micro_dollars(3_000_000 * MINUTE, economy=False)
        == (500_000 * 16 + 500_000 * 10 + 1_000_000 * (8 + 4)) * 1_000
    )
    assert micro_dollars(hour, economy=True, month_ms=9_000_000 * MINUTE) == 180_000


def test_each_channel_is_billed() -> None:
    assert billed(1_500, channels=2) == 4_000
