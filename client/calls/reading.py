"""How answers become models, and lists of pages one list."""

from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from client.errors import UnexpectedAnswerError
from client.models import Page
from client.plans import Feed, Plan, Request, Tell
from client.retries import answered

M = TypeVar("M", bound=BaseModel)

_MOST_A_PAGE = 200


def read(model: type[M], response: httpx.Response) -> M:
    """The answer as a model; UnexpectedAnswerError where it is something else, such as a proxy's page."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise _unexpected(response, error) from None


def read_list(items: TypeAdapter[list[M]], response: httpx.Response) -> list[M]:
    """The answer as a list of models."""
    try:
        return items.validate_json(response.content)
    except ValidationError as error:
        raise _unexpected(response, error) from None


def read_json(model: type[M], text: str) -> M:
    """What an event carries as a model."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise UnexpectedAnswerError(
            f"An event is not what was expected ({error.error_count()} errors)."
        ) from None


def ask(model: type[M], method: str, path: str, **kwargs: Any) -> Plan[M]:
    """Send a request, read its answer."""
    return read(model, (yield from answered(Request(method, path, **kwargs))))


def send(method: str, path: str, **kwargs: Any) -> Plan[None]:
    """Send a request whose answer has no body."""
    yield from answered(Request(method, path, **kwargs))


def listed(
    model: type[M], path: str, limit: int | None = None, most: int = _MOST_A_PAGE, **params: Any
) -> Feed[M]:
    """The items of a list, page after page of `most` items as they are needed; at most `limit`."""
    wanted = {name: value for name, value in params.items() if value not in (None, (), [])}
    left = limit
    while left is None or left > 0:
        size = min(left or most, most)
        response = yield from answered(Request("GET", path, params=query(wanted, limit=size)))
        page = read(Page[model], response)  # type: ignore[valid-type]
        for item in page.items[:left]:
            yield Tell(item)
        if left is not None:
            left -= len(page.items)
        if page.next_cursor is None:
            return
        wanted["cursor"] = page.next_cursor


def query(params: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A query string's parameters: times as RFC 3339, None left out."""
    told = {**params, **more}
    return {n: v.isoformat() if hasattr(v, "isoformat") else v for n, v in told.items() if v is not None}


def _unexpected(response: httpx.Response, error: ValidationError) -> UnexpectedAnswerError:
    where = f"{response.request.method} {response.request.url.path}"
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"])) or "the body"
    return UnexpectedAnswerError(f"The answer to {where} is not what was expected ({place}: {first['msg']}).")
