"""What Google Speech-to-Text v2 can do where, for how long, and at what price; standard library only.

The one table that orders are checked against before anything is spent: by the API as far as it knows them, by the
worker with the measured length. Source: Google's pages of the models, quotas and prices, read in 2026. A worker adds
what the Locations API says (`worker_service.engines.google.capabilities`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from shared.errors import UnsupportedOptionError
from shared.google.languages import (
    AUTO,
    CHIRP_2_LANGUAGES,
    CHIRP_3_DIARIZES,
    CHIRP_3_LANGUAGES,
    google_language,
)
from shared.transcript import Notice, NoticeCode

AUTOMATIC: Final = "auto"  # the setting that leaves the model to us
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS


@dataclass(frozen=True, slots=True)
class Model:
    """What a model can do in one location; languages in Google's spelling."""

    name: str
    languages: frozenset[str]
    diarizes: frozenset[str] = frozenset()  # the languages in which it tells voices apart
    detects_language: bool = True
    longest_ms: int = 8 * _HOUR_MS
    longest_with_word_times_ms: int = 8 * _HOUR_MS
    word_confidence: bool = False
    profanity_filter: bool = True
    max_phrases: int = 1_000


CHIRP_3: Final = Model(
    name="chirp_3",
    languages=CHIRP_3_LANGUAGES,
    diarizes=CHIRP_3_DIARIZES,
    longest_ms=_HOUR_MS,
    longest_with_word_times_ms=20 * _MINUTE_MS,
    profanity_filter=False,  # INVALID_ARGUMENT, as is its word confidence
)
CHIRP_2: Final = Model(name="chirp_2", languages=CHIRP_2_LANGUAGES, word_confidence=True)

Table = Mapping[str, Sequence[Model]]
"""Location -> its models, the better ones first."""

TABLE: Final[Table] = MappingProxyType(
    {
        "us": (CHIRP_3,),
        "eu": (CHIRP_3,),
        "asia-northeast1": (CHIRP_3,),
        "asia-southeast1": (CHIRP_3, CHIRP_2),
        "us-central1": (CHIRP_2,),
        "europe-west4": (CHIRP_2,),
    }
)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of Google, as far as the choice of a model depends on it."""

    languages: tuple[str, ...] = ()  # BCP 47; none: any, several: one of these
    model: str | None = None
    diarization: bool = True
    duration_ms: int | None = None  # None: not measured yet
    piece_ms: int | None = None  # the longest piece; None: what a model takes, 0: nothing is cut
    phrases: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked of Google in the end, and what the caller should know of it."""

    location: str
    model: Model
    language_codes: tuple[str, ...]
    diarization: bool
    word_times: bool
    notices: tuple[Notice, ...]
    piece_ms: int | None = None  # the recording is longer than a piece may be; None: it is taken whole


def choose(order: Order, locations: Sequence[str], *, model: str = AUTOMATIC, table: Table = TABLE) -> Choice:
    """The best model for an order in the locations that are set up, in their order; `model` is the setting.

    A model that tells the voices apart, where that is wanted, goes before one that does not; then one that gives
    the times of words; then one that takes the recording whole. Raises UnsupportedOptionError, naming the `field`,
    where none can do it (F20, F21).
    """
    wanted = order.model or (None if model == AUTOMATIC else model)
    offered = [(location, each) for location in locations for each in table.get(location, ())]
    named = [(location, each) for location, each in offered if wanted in (None, each.name)]
    if not named:
        raise _refused("model", _no_model(wanted, offered, locations))
    spoken = [pair for pair in named if _codes(order, pair[1])]
    if not spoken:
        names = ", ".join(sorted({each.name for _, each in named}))
        raise _refused(
            "language", f"Google's {names} does not know the language {', '.join(order.languages)!r} in the locations "
            f"that are set up ({', '.join(locations)}). GET /v1/engines lists the languages."
        )  # fmt: skip
    choices = [
        _choice(order, location, each, piece_ms)
        for location, each in spoken
        for piece_ms in _ways(order, each)
    ]
    if not choices:
        longest = max(each.longest_ms for _, each in spoken)
        raise _refused("model", _too_long(order, longest, locations, table))
    return max(choices, key=lambda choice: (choice.diarization, choice.word_times, choice.piece_ms is None))


def _ways(order: Order, model: Model) -> list[int | None]:
    """How a model can take a recording of this length: whole (None), or in pieces of so many milliseconds."""
    length = order.duration_ms or 0
    piece_ms = min(model.longest_with_word_times_ms, order.piece_ms or model.longest_with_word_times_ms)
    in_pieces = order.piece_ms != 0 and length > piece_ms
    asked_for = in_pieces and order.piece_ms is not None
    whole = length <= model.longest_ms and not asked_for
    return [*([None] if whole else []), *([piece_ms] if in_pieces else [])]


def _choice(order: Order, location: str, model: Model, piece_ms: int | None) -> Choice:
    codes = _codes(order, model)
    can = all(code == AUTO or code in model.diarizes for code in codes) and bool(model.diarizes)
    notices = []
    if order.diarization and not can:
        notices.append(
            Notice(
                NoticeCode.DIARIZATION_UNAVAILABLE,
                f"Google's {model.name} does not tell voices apart here (language {', '.join(codes)}): the words "
                "have no speakers.",
            )
        )
    for asked, code in zip(order.languages, codes, strict=False):
        if _region(asked) and _region(asked) != _region(code):
            notices.append(
                Notice(
                    NoticeCode.LANGUAGE_APPROXIMATED, f"Google does not know {asked}; it listened for {code}."
                )
            )
    return Choice(
        location=location,
        model=model,
        language_codes=codes,
        diarization=order.diarization and can,
        word_times=(piece_ms or order.duration_ms or 0) <= model.longest_with_word_times_ms,
        notices=tuple(notices),
        piece_ms=piece_ms,
    )


def _codes(order: Order, model: Model) -> tuple[str, ...]:
    """The order's languages as the model spells them; none where it does not know one of them."""
    if not order.languages:
        return (AUTO,) if model.detects_language else ()
    codes = [google_language(tag, model.languages) for tag in order.languages]
    return tuple(dict.fromkeys(code for code in codes if code)) if all(codes) else ()


def _region(tag: str) -> str:
    """The country or area at the end of a tag, `` where it has none."""
    last = tag.replace("_", "-").split("-")[-1]
    is_area = (len(last) == 2 and last.isalpha()) or (len(last) == 3 and last.isdecimal())
    return last.upper() if is_area and last != tag else ""


def _no_model(wanted: str | None, offered: Sequence[tuple[str, Model]], locations: Sequence[str]) -> str:
    known = ", ".join(sorted({each.name for _, each in offered})) or "none that is known"
    return (
        f"Google has no model {wanted!r} in the locations that are set up ({', '.join(locations)}); there it has "
        f"{known}."
    )


def _too_long(order: Order, longest_ms: int, locations: Sequence[str], table: Table) -> str:
    text = (
        f"The recording lasts {-(-(order.duration_ms or 0) // _MINUTE_MS)} min, and Google's models in the locations "
        f"that are set up ({', '.join(locations)}) take {longest_ms // _MINUTE_MS} min at most for this order."
    )
    others = [place for place, models in table.items() if any(m.longest_ms > longest_ms for m in models)]
    if longest_ms < CHIRP_2.longest_ms and others:
        text += f" Ask for another model, or add one of {', '.join(others)} to TRANSCRIPTS_GOOGLE_LOCATIONS."
    text += " Longer ones are taken in pieces where TRANSCRIPTS_GOOGLE_PIECE_MINUTES is not 0."
    return text


def _refused(field: str, text: str) -> UnsupportedOptionError:
    return UnsupportedOptionError(f"{text} Nothing was spent.", field=field)


def with_models(table: Table, location: str, found: Iterable[Model]) -> Table:
    """The table with what the Locations API says of a location: it adds languages, and decides on voices.

    What it does not say stays: a refusal of ours would be wrong where its list is short, and one of Google's, for
    an option that it does not have, comes before anything is spent.
    """
    known = {model.name: model for model in table.get(location, ())}
    for model in found:
        base = known.get(model.name) or Model(model.name, frozenset())
        kept = base.diarizes - model.languages
        known[model.name] = replace(
            base, languages=base.languages | model.languages, diarizes=kept | model.diarizes
        )
    return MappingProxyType({**table, location: tuple(known.values())})


# Prices --------------------------------------------------------------------------------------------------

# Minutes of a month, over all projects of a billing account, and micro-dollars a minute from there on.
STANDARD: Final = ((0, 16_000), (500_000, 10_000), (1_000_000, 8_000), (2_000_000, 4_000))
ECONOMY: Final = ((0, 3_000),)  # dynamic batch: within a day
_SECOND_MS: Final = 1_000


def billed(audio_ms: int, channels: int = 1) -> int:
    """Billed milliseconds of a recording: whole seconds of each channel."""
    return -(-audio_ms // _SECOND_MS) * _SECOND_MS * channels


def micro_dollars(billed_ms: int, *, economy: bool, month_ms: int = 0) -> int:
    """What so much audio costs, rounded up, after `month_ms` were billed at the same price this month."""
    tiers = ECONOMY if economy else STANDARD
    ends = [minutes * _MINUTE_MS for minutes, _ in tiers[1:]]
    price, at, left = 0, month_ms, billed_ms
    for (_, rate), end in zip(tiers, [*ends, None], strict=True):
        part = left if end is None else max(0, min(left, end - at))
        price, at, left = price + part * rate, at + part, left - part
    return -(-price // _MINUTE_MS)
