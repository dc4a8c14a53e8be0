"""Checks of values that come over the wire; each raises ValueError with words for the caller."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, TypeAdapter

MAX_JSON_BYTES: Final = 8192
MAX_JSON_DEPTH: Final = 32
"""Objects and arrays in one another: pydantic writes 255, so that what is taken in can be given back."""

_MAX_DAYS: Final = 100 * 366
_LOST_PLUS: Final = re.compile(r"(\d{4}-\d\d-\d\d[Tt ].+) (\d\d:\d\d)")
_NO_TIME: Final = "must be a time with its zone, such as 2027-01-31T00:00:00Z"

_DATETIME: Final = TypeAdapter(AwareDatetime)
_DURATION: Final = TypeAdapter(timedelta)


def no_control_characters(text: str) -> str:
    """The text, where no character of it is a control (a line break, a NUL)."""
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise ValueError("must not hold control characters, such as a line break")
    return text


def bounded_json(value: dict[str, Any]) -> dict[str, Any]:
    """The object, where it is small and Postgres can keep it: no NaN, no NUL, no half of a surrogate pair."""
    if _deeper_than(value, MAX_JSON_DEPTH):
        raise ValueError(f"must not nest more than {MAX_JSON_DEPTH} objects and arrays in one another")
    try:
        encoded = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:  # UnicodeEncodeError is one
        raise ValueError("must be plain JSON: no NaN, no lone surrogates") from error
    if len(encoded) > MAX_JSON_BYTES:
        raise ValueError(f"must take at most {MAX_JSON_BYTES} bytes as JSON")
    if b"\\u0000" in encoded.replace(b"\\\\", b""):  # not a backslash that is itself escaped
        raise ValueError("must not hold the character U+0000")
    return value


def _deeper_than(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if levels == 0:
        return isinstance(value, dict | list)
    return any(_deeper_than(each, levels - 1) for each in inner)


def point_in_time(value: object) -> object:
    """An RFC 3339 time, or an ISO 8601 duration from now (`P30D`, `PT12H`), as a time in the future in UTC."""
    if value is None or isinstance(value, datetime):
        return value
    now = datetime.now(UTC)
    try:
        if isinstance(value, str) and "P" in value[:2]:
            moment = now + _DURATION.validate_python(value)
        else:
            moment = _DATETIME.validate_python(written_out(value))
    except (ValueError, OverflowError):  # a ValidationError is one
        raise ValueError(f"{_NO_TIME}, or a duration such as P30D") from None
    if not now < moment < now + timedelta(days=_MAX_DAYS):
        raise ValueError("must lie in the future, and less than a hundred years ahead")
    return moment.astimezone(UTC)


def written_out(value: object) -> object:
    """A time as RFC 3339 writes it; ValueError for a number, which pydantic takes for seconds since 1970.

    In an address a plus sign means a space: `+01:00` that nobody has encoded arrives with one, and is put back.
    """
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not re.match(r"\d{4}-", value):
        raise ValueError(_NO_TIME)
    return _LOST_PLUS.sub(r"\1+\2", value)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie in the years 1 to 9999 in UTC") from None


Instant = Annotated[AwareDatetime, BeforeValidator(written_out), AfterValidator(_in_utc)]
"""A time with its zone, as a time in UTC: what the database is asked with."""
