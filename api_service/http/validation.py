"""What is wrong with a request, in words that name the place: from pydantic's errors to ours."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.errors import InvalidRequestError

_PLACES: Final = {
    "query": "the query parameter",
    "path": "the path's",
    "header": "the header",
    "body": "the body's member",
    "form": "the form field",
}


def invalid(
    errors: Iterable[Mapping[str, Any]], place: str | None = None, *, looks: bool = False
) -> InvalidRequestError:
    """The one error that tells all of pydantic's; `place` where their locations do not begin with one.

    `looks`: the request would have stored nothing anyway.
    """
    found = [_told(error, place) for error in errors]
    first = found[0] if found else {"where": "the request", "detail": "is not valid"}
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    kept = "" if looks else " Nothing was stored."
    return InvalidRequestError(f"In {first['where']}: {first['detail']}.{more}{kept}", errors=found)


def wrong_field(name: str, detail: str) -> InvalidRequestError:
    """The error about one field of a form."""
    return invalid([{"loc": (name,), "msg": detail}], "form")


def _told(error: Mapping[str, Any], place: str | None) -> dict[str, str]:
    location = [str(part) for part in error["loc"]]
    if error.get("type") == "json_invalid" and location:  # the framework's: its place is a character
        why = _lower(str(error.get("ctx", {}).get("error", "")))
        return {"where": "the body", "detail": f"is no JSON from character {location[-1]} on: {why}"}
    kind = place or (location.pop(0) if location else "body")
    # A tagged union or a validator may add names of its own; the first name is the caller's.
    name = ".".join(location)
    where = f"{_PLACES.get(kind, kind)} `{name}`" if name else f"the {kind}"
    detail = "there is no such field" if error.get("type") == "extra_forbidden" else str(error["msg"])
    detail = detail.removeprefix("Value error, ").rstrip(".")
    return {"where": where, "detail": _lower(detail)}


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
