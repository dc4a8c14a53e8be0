"""Checks of values that come over the wire; each raises ValueError with words for the caller."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, TypeAdapter, ValidationError

MAX_JSON_BYTES: Final = 8192
_MAX_DAYS: Final = 100 * 366

_DATETIME: Final = TypeAdapter(AwareDatetime)
_DURATION: Final = TypeAdapter(timedelta)


def no_control_characters(text: str) -> str:
    """The text, where no character of it is a control (a line break, a NUL)."""
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise ValueError("must not hold control characters, such as a line break")
    return text


def bounded_json(value: dict[str, Any]) -> dict[str, Any]:
    """The object, where it is small and Postgres can keep it: no NaN, no NUL, no half of a surrogate pair."""
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:  # UnicodeEncodeError is one
        raise ValueError("must be plain JSON: no NaN, no lone surrogates, not nested without end") from error
    if len(encoded) > MAX_JSON_BYTES:
        raise ValueError(f"must take at most {MAX_JSON_BYTES} bytes as JSON")
    if b"\\u0000" in encoded.replace(b"\\\\", b""):  # not a backslash that is itself escaped
        raise ValueError("must not hold the character U+0000")
    return value


def point_in_time(value: object) -> object:
    """An RFC 3339 time, or an ISO 8601 duration from now (`P30D`, `PT12H`), as a time in the future in UTC."""
    if not isinstance(value, str):
        return value
    now = datetime.now(UTC)
    try:
        moment = (
            now + _DURATION.validate_python(value) if "P" in value[:2] else _DATETIME.validate_python(value)
        )
    except (ValidationError, OverflowError):
        raise ValueError(
            "must be a time with its zone, such as 2027-01-31T00:00:00Z, or a duration such as P30D"
        ) from None
    if not now < moment < now + timedelta(days=_MAX_DAYS):
        raise ValueError("must lie in the future, and less than a hundred years ahead")
    return moment.astimezone(UTC)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie in the years 1 to 9999 in UTC") from None


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its zone, as a time in UTC: what the database is asked with."""
