"""What engines can do, as the API checks it before anything is stored or spent."""

import pytest

from shared.engines import LOCAL, google, offered
from shared.errors import UnsupportedOptionError
from shared.google.speech import micro_dollars
from shared.settings import ApiSettings
from worker_service.engines.local import languages


def check(language: str | None = None, model: str | None = None, speakers: int = 2) -> None:
    LOCAL.check(language=language, model=model, speakers=speakers, diarization=True)


def names(default: str, project: str | None = None) -> set[str]:
    """The engines that an API with these settings offers."""
    settings = ApiSettings(
        _env_file=None,
        DATABASE_URL="postgresql://h/d",
        REDIS_URL="redis://h",
        TRANSCRIPTS_STORAGE_URL="file:///none",
        TRANSCRIPTS_DEFAULT_ENGINE=default,
        GOOGLE_PROJECT_ID=project,
    )  # type: ignore[call-arg]
    return set(offered(settings))


def test_the_api_and_the_worker_know_the_same_languages() -> None:
    """F20: what one lets in, the other can do."""
    assert LOCAL.languages == languages.CODES | languages._ALIASES.keys()


@pytest.mark.parametrize("tag", [None, "en", "en-US", "EN", "zh-TW", "zh_Hant", "cmn-Hant-TW", "ja", "yue"])
def test_languages_come_as_tags_of_any_form(tag: str | None) -> None:
    """F20: zh-TW is not refused."""
    check(tag)


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"language": "tlh"}, "language"),
        ({"language": "english"}, "language"),
        ({"language": "de", "model": "tiny.en"}, "model"),
        ({"speakers": 9}, "speakers"),
    ],
)
def test_what_the_engine_cannot_do_is_refused_by_name(order: dict[str, object], field: str) -> None:
    """F20, F21: refused before anything is stored, never dropped."""
    with pytest.raises(UnsupportedOptionError) as caught:
        check(**order)  # type: ignore[arg-type]
    assert caught.value.extra["field"] == field


def test_engines_for_tests_are_offered_only_where_they_are_the_default() -> None:
    assert names("local") == {"local"}
    assert names("scripted") == {"local", "scripted"}


def test_google_is_checked_by_its_table() -> None:
    """F20, F21: what a worker would refuse is refused before the recording is stored."""
    abilities = google(("us", "us-central1"))
    assert {"zh", "he", "en", "iw", "yue"} <= abilities.languages
    assert (abilities.models, abilities.default_model, abilities.paid) == (("chirp_3", "chirp_2"), None, True)
    for language in ("zh-TW", "en", None):  # voices that cannot be told apart are a warning, not a refusal
        abilities.check(language=language, model=None, speakers=2, diarization=True)
    for order, field in (({"language": "tlh"}, "language"), ({"model": "latest_long"}, "model")):
        with pytest.raises(UnsupportedOptionError) as caught:
            abilities.check(**{"language": "en", "model": None, **order}, speakers=2, diarization=True)
        assert caught.value.extra["field"] == field


def test_limits_and_prices_are_those_that_orders_and_bills_are_made_by() -> None:
    abilities = google(("us", "us-central1", "eu"))
    chirp_3, chirp_2 = abilities.limits
    assert (chirp_3.model, chirp_3.locations) == ("chirp_3", ("us", "eu"))
    assert (chirp_3.longest_ms, chirp_3.longest_with_word_times_ms) == (3_600_000, 1_200_000)
    assert chirp_3.diarizes is not None
    assert {"en-US", "zh-CN"} <= chirp_3.diarizes
    assert "zh-TW" not in chirp_3.diarizes
    assert (chirp_2.longest_ms, chirp_2.diarizes) == (8 * 3_600_000, frozenset())
    for price in abilities.prices:
        minute = micro_dollars(
            60_000, economy=price.processing == "economy", month_ms=price.from_minutes * 60_000
        )
        assert minute == price.micro_dollars_per_minute
    assert {price.processing for price in abilities.prices} == {"standard", "economy"}
    assert LOCAL.prices == ()


def test_google_is_offered_where_it_is_set_up() -> None:
    """F37: by the project, or by being the default."""
    assert names("local", project="p") == {"google", "local"}
    assert names("google") == {"google", "local"}
