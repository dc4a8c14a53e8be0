"""What each speech engine can do, so that an order is checked before anything is stored or spent.

The engine itself checks again on the worker (`worker_service.engines.port.Engine.check`): it alone knows which
models are set up there. A test compares the languages here with those that the engines take.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from shared.errors import UnsupportedOptionError
from shared.google.languages import common_tag, primary_subtags
from shared.google.speech import AUTOMATIC, ECONOMY, STANDARD, TABLE, Order, choose
from shared.lifecycle import Processing
from shared.plugins import ENGINE_ABILITIES, installed, use
from shared.settings import ApiSettings
from shared.settings.google import by_comma


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """What one model takes; None: no limit of its own: what the server takes (TRANSCRIPTS_MAX_AUDIO_HOURS).

    A recording that is longer than `longest_ms` may still be taken, in pieces.
    """

    model: str
    longest_ms: int | None = None  # at once
    longest_with_word_times_ms: int | None = None  # at once, with a time for each word
    diarizes: frozenset[str] | None = None  # the languages (BCP 47) in which it tells voices apart; None: any
    max_phrases: int | None = None
    locations: tuple[str, ...] = ()  # where it computes; empty: on the worker, or wherever its service does


@dataclass(frozen=True, slots=True)
class Price:
    """What a minute of audio costs from so many minutes of the calendar month on; billed as the engine bills."""

    micro_dollars_per_minute: int
    processing: Processing = Processing.STANDARD
    from_minutes: int = 0
    model: str | None = None  # None: whichever


@dataclass(frozen=True, slots=True)
class Abilities:
    """What an engine can do; `languages` are primary subtags, empty where any will do."""

    name: str
    summary: str
    languages: frozenset[str]
    detects_language: bool
    models: tuple[str, ...]  # others may be set up on a worker
    default_model: str | None
    diarization: bool
    max_speakers: int
    phrases: bool
    paid: bool
    limits: tuple[ModelLimits, ...] = ()
    prices: tuple[Price, ...] = ()

    def check(self, *, language: str | None, model: str | None, speakers: int, diarization: bool) -> None:
        """Raise UnsupportedOptionError, naming the `field`, where the engine cannot do what is asked (F20, F21)."""
        if language is None and not self.detects_language:
            raise UnsupportedOptionError(
                f"The engine {self.name} has to be told the language, such as en-US. Nothing was stored.",
                field="language",
            )
        primary = primary_subtag(language) if language else None
        if primary and self.languages and primary not in self.languages:
            raise UnsupportedOptionError(
                f"The engine {self.name} does not know the language {language!r}. Give a tag such as en, zh-TW or "
                "ja; GET /v1/engines lists them. Nothing was stored.",
                field="language",
            )
        if model and model.endswith(".en") and primary not in (None, "en"):
            raise UnsupportedOptionError(
                f"The model {model} knows English only, not {language!r}. Nothing was stored.", field="model"
            )
        if diarization and not (self.diarization and speakers <= self.max_speakers):
            raise UnsupportedOptionError(
                f"The engine {self.name} does not tell {speakers} speakers apart. Nothing was stored.",
                field="speakers",
            )


def primary_subtag(tag: str) -> str:
    """The language of a BCP 47 tag: `zh` of `zh-Hant-TW`."""
    return tag.replace("_", "-").partition("-")[0].lower()


# What Whisper knows, then other names of the same languages: retired codes and ISO 639-3.
_WHISPER: Final = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy"
    " id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru"
    " sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh"
    " arb cmn fil in iw ji jv mo nb pes swh zsm"
)

LOCAL: Final = Abilities(
    name="local",
    summary="Whisper and a voice encoder on the worker itself: nothing is paid, nothing leaves the machine.",
    languages=frozenset(_WHISPER.split()),
    detects_language=True,
    models=("base", "tiny.en"),
    default_model="base",
    diarization=True,
    max_speakers=8,
    phrases=True,
    paid=False,
    limits=(ModelLimits("base"), ModelLimits("tiny.en")),
)
SCRIPTED: Final = Abilities(
    name="scripted",
    summary="Hears what its script says: for tests, never for speech.",
    languages=frozenset(),
    detects_language=True,
    models=(),
    default_model=None,
    diarization=True,
    max_speakers=8,
    phrases=True,
    paid=False,
)


@dataclass(frozen=True, slots=True)
class GoogleAbilities(Abilities):
    """What Google can do in the locations that are set up; an order is checked as far as it is known."""

    locations: tuple[str, ...] = ()

    def check(self, *, language: str | None, model: str | None, speakers: int, diarization: bool) -> None:
        """As a worker will check it, but for the length of the recording, which nobody has measured yet."""
        languages = (language,) if language else ()
        order = Order(languages, model, diarization)
        choose(order, self.locations, model=self.default_model or AUTOMATIC)


def google(locations: Sequence[str], model: str = AUTOMATIC) -> GoogleAbilities:
    """Google in these locations; `model` is the setting."""
    models = {each.name: each for location in locations for each in TABLE[location]}
    codes = frozenset[str]().union(*(each.languages for each in models.values()))
    return GoogleAbilities(
        name="google",
        summary="Google Speech-to-Text v2: the recording goes to Google, and every second of it is paid.",
        languages=primary_subtags(codes),
        detects_language=True,
        models=tuple(models),
        default_model=None if model == AUTOMATIC else model,
        diarization=any(each.diarizes for each in models.values()),
        max_speakers=8,
        phrases=True,
        paid=True,
        limits=tuple(
            ModelLimits(
                model=each.name,
                longest_ms=each.longest_ms,
                longest_with_word_times_ms=each.longest_with_word_times_ms,
                diarizes=frozenset(map(common_tag, each.diarizes)),
                max_phrases=each.max_phrases,
                locations=tuple(location for location in locations if each in TABLE[location]),
            )
            for each in models.values()
        ),
        prices=tuple(
            Price(rate, processing, minutes)
            for processing, tiers in ((Processing.STANDARD, STANDARD), (Processing.ECONOMY, ECONOMY))
            for minutes, rate in tiers
        ),
        locations=tuple(locations),
    )


class TellsAbilities(Protocol):
    """What an entry point of the group `coaching_transcripts.engine_abilities` names; it imports no vendor's SDK."""

    def __call__(self, settings: ApiSettings, /) -> Abilities | None:
        """What the engine can do as the API is set up; None: it is not offered here."""
        ...


def describe_local(_settings: ApiSettings) -> Abilities:
    """The local engine is offered everywhere."""
    return LOCAL


def describe_google(settings: ApiSettings) -> Abilities | None:
    """Google is offered where a project is named, or where it is the default: then the workers know it."""
    if not settings.google_project_id and settings.default_engine != "google":
        return None
    return google(by_comma(settings.google_locations), settings.google_model)


def describe_scripted(settings: ApiSettings) -> Abilities | None:
    """The engine for tests is offered only where it is the server's default."""
    return SCRIPTED if settings.default_engine == SCRIPTED.name else None


def offered(settings: ApiSettings) -> Mapping[str, Abilities]:
    """The engines that an API with these settings offers, by name; SetupError names a plug-in that is broken."""
    told = {
        name: use(point, lambda tells, name=name: _abilities(tells, name, settings))  # type: ignore[misc]
        for name, point in sorted(installed(ENGINE_ABILITIES).items())
    }
    return {name: abilities for name, abilities in told.items() if abilities is not None}


def _abilities(tells: TellsAbilities, name: str, settings: ApiSettings) -> Abilities | None:
    abilities = tells(settings)
    if not isinstance(abilities, Abilities | None):
        raise TypeError(f"it returned {abilities!r:.100}, no shared.engines.Abilities")
    if abilities is not None and abilities.name != name:
        raise ValueError(f"it describes the engine {abilities.name!r}")
    return abilities
