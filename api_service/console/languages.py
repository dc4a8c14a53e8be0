"""What the console says, in the languages that it speaks: one catalogue a language, chosen by cookie or browser.

Times, durations and sums are worded here too. Numbers and dates come out the same in every language; a browser turns
the UTC of a `<time>` into its own zone.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from markupsafe import Markup, escape
from starlette.requests import Request

COOKIE: Final = "console_language"
NAMES: Final = {"en": "English", "zh-TW": "繁體中文"}
_FIRST: Final = "en"
_RANGE: Final = re.compile(r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*|\*)\s*(?:;\s*q=([0-9.]+))?\s*")
_STEPS: Final = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))


@dataclass(frozen=True, slots=True)
class Language:
    """A language that pages are written in."""

    tag: str
    texts: Mapping[str, str]

    def t(self, key: str, /, **values: object) -> str | Markup:
        """The text under `section.name`, its {places} filled; KeyError where the catalogue does not have it.

        A value that is Markup makes the whole Markup, everything else in it escaped.
        """
        text = self.texts[key]
        if any(isinstance(value, Markup) for value in values.values()):
            return Markup(escape(text)).format(**values)  # noqa: S704  (escaped, in the call)
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        """Whether there is a text under the key: for names that come from the database."""
        return key in self.texts

    def word(self, section: str, name: str | None) -> str:
        """The word for a value such as a status; the value itself where the catalogue has none."""
        return self.texts.get(f"{section}.{name}", name or "")

    def ago(self, at: datetime | None) -> Markup:
        """How long ago, as a `<time>` whose title is the moment."""
        if at is None:
            return Markup("")
        seconds = int((datetime.now(UTC) - at).total_seconds())
        text = self._distance(seconds)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            at.isoformat(timespec="seconds"), _utc(at), text
        )

    def moment(self, at: datetime | None) -> Markup:
        """A date and a time; the browser shows it in its own zone."""
        if at is None:
            return Markup("")
        return Markup('<time datetime="{}" data-local>{}</time>').format(
            at.isoformat(timespec="milliseconds"), _utc(at)
        )

    def _distance(self, seconds: int) -> str:
        if abs(seconds) < 1:
            return str(self.t("time.now"))
        for length, unit in _STEPS:
            if abs(seconds) >= length:
                when = "ago" if seconds > 0 else "ahead"
                return str(self.t(f"time.{unit}_{when}", n=abs(seconds) // length))
        raise AssertionError(seconds)


def duration(ms: int | None) -> str:
    """A length of time: `480 ms`, `4.2 s`, `3:07`, `1:02:45`; a dash for none."""
    if ms is None:
        return "–"  # noqa: RUF001  (a dash, as the pages show what is not there)
    if ms < 1_000:
        return f"{ms} ms"
    if ms < 60_000:
        return f"{ms / 1_000:.1f} s"
    minutes, seconds = divmod(round(ms / 1_000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def clock(ms: int) -> str:
    """A place in a recording, as players write it: `0:05`, `12:34`, `1:02:03`."""
    minutes, seconds = divmod(ms // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def size(count: int) -> str:
    """So many bytes: `12 kB`, `3.4 MB`, `2 GB`."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6)):
        if count >= bytes_:
            return f"{count / bytes_:.1f}".removesuffix(".0") + f" {unit}"
    return f"{max(1, round(count / 1_000))} kB"


def money(micro_dollars: int | None) -> str:
    """A sum in dollars, with as many places as it needs, at least cents."""
    if micro_dollars is None:
        return "–"  # noqa: RUF001
    places = 2 if micro_dollars >= 1_000_000 or micro_dollars % 10_000 == 0 else 4
    return f"${micro_dollars / 1_000_000:,.{places}f}"


def language_of(request: Request) -> Language:
    """The language that the visitor chose, or the first of the browser's that we speak."""
    chosen = request.cookies.get(COOKIE, "")
    return language(chosen if chosen in NAMES else _preferred(request.headers.get("Accept-Language", "")))


@cache
def language(tag: str) -> Language:
    """A language with its catalogue."""
    text = (files("api_service.console") / "catalogues" / f"{tag}.toml").read_text("utf-8")
    return Language(tag, dict(_flat(tomllib.loads(text), "")))


def _flat(table: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in table.items():
        found += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return found


def _preferred(accepted: str) -> str:
    ranges = [match for part in accepted[:500].split(",") if (match := _RANGE.fullmatch(part))]
    for wanted, _ in sorted(((m[1].lower(), _weight(m[2])) for m in ranges), key=lambda pair: -pair[1]):
        for tag in NAMES:
            if wanted.partition("-")[0] == tag.partition("-")[0]:
                return tag
    return _FIRST


def _weight(text: str | None) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
