"""Names of settings: a misspelt one is refused at start, and what is somebody else's is left alone."""

import difflib
import os
from collections.abc import Collection
from typing import Final

from dotenv import dotenv_values

from shared.errors import UnknownSettingError
from shared.settings.fields import PREFIX

BESIDE: Final = frozenset({"TRANSCRIPTS_URL", "TRANSCRIPTS_API_KEY", "TRANSCRIPTS_MIGRATIONS_URL"})
"""Ours, and no service's: what `transcripts` and the doctor, and the migrations read."""

_OTHERS: Final = frozenset({"GOOGLE_APPLICATION_CREDENTIALS"})  # like one of ours, and read by google-auth
_FOREIGN: Final = "OTEL_"  # what we do not read of these, OpenTelemetry's SDK does
_NOT_FROM_A_FILE: Final = ("GOOGLE_", "OTEL_", "SENTRY_")  # libraries read these from the environment alone
_FORERUNNERS: Final = {
    "CELERY_BROKER_URL": "REDIS_URL",
    "CELERY_RESULT_BACKEND": None,
    "CELERY_CONCURRENCY": "MAX_JOBS",
    "WORKER_CONCURRENCY": "MAX_JOBS",
}
"""Names of the Celery system, and what does it here: one that is left behind would do nothing, silently."""
_TYPING_ERROR: Final = (
    0.88  # difflib ratio from which a name without our prefix is a misspelling of one of ours
)
_SHORTEST: Final = 5  # below, everything is near something


def refuse_unknown_names(known: frozenset[str]) -> None:
    """UnknownSettingError for a name of ours that nothing reads, in the environment or in `.env`.

    `known` are the settings of both services. A file may hold more than the environment by accident: of its names,
    those with the prefix forgotten, those of the system before, and those that libraries would not find there count
    as ours too. What is near none of ours is another program's, as compose's `POSTGRES_PASSWORD`.
    """
    known |= BESIDE
    in_file = {*dotenv_values(".env")}
    unknown = {name for name in os.environ if name not in known and _looks_like_ours(name, known)}
    unknown |= {name for name in in_file if name not in known and _is_meant_for_us(name, known)}
    if unknown:
        raise UnknownSettingError("\n".join(_sentence(name, known) for name in sorted(unknown)))


def _sentence(name: str, known: frozenset[str]) -> str:
    if name in _FORERUNNERS:
        heir = _FORERUNNERS[name]
        return f"{name} is not a setting. " + (
            f"It is {heir} here." if heir else "Nothing needs it: take it out."
        )
    if name in _OTHERS:
        return f"{name} is not a setting. Google's library reads it from the environment alone: export it."
    # The prefix forgotten, or put where none belongs, is likelier than any other slip.
    twins = [each for each in (name.removeprefix(PREFIX), PREFIX + name) if each in known]
    near = twins or _nearest(name, known, 0.6) or _nearest(PREFIX + name, known, _TYPING_ERROR)
    hint = f"Did you mean {near[0]}?" if near else "docs/settings.md lists the settings."
    return f"{name} is not a setting. {hint}"


def _looks_like_ours(name: str, known: frozenset[str]) -> bool:
    if name.startswith(PREFIX):
        return True
    if name in _OTHERS or name.startswith(_FOREIGN):
        return False
    return _near(name, {each for each in known if not each.startswith(PREFIX)})


def _is_meant_for_us(name: str, known: frozenset[str]) -> bool:
    if name.startswith((PREFIX, *_NOT_FROM_A_FILE)) or name in _FORERUNNERS:
        return True
    return PREFIX + name in known or _near(name, {each.removeprefix(PREFIX) for each in known})


def _near(name: str, known: set[str]) -> bool:
    return bool(_nearest(name, {each for each in known if len(each) >= _SHORTEST}, _TYPING_ERROR))


def _nearest(name: str, known: Collection[str], cutoff: float) -> list[str]:
    return difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
