"""Answers: a resource as JSON, with the tag of its content, and 304 for those who have it."""

import hashlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import BaseModel

JSON: Final = "application/json"
FIRST_LOOK_S: Final = "2"
"""The Retry-After of what has only just begun."""


def answer(body: BaseModel, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The resource as JSON."""
    return Response(body.model_dump_json(), status, headers, JSON)


def etag(content: bytes) -> str:
    """The strong entity tag of content."""
    return f'"{digest(content)}"'


def digest(content: bytes) -> str:
    """What tells this content from any other, in 24 hexadecimal digits."""
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def knows(request: Request, tag: str) -> bool:
    """Whether the caller has the content with this tag already (RFC 9110, section 13.1.2)."""
    known = request.headers.get("If-None-Match", "")
    return known.strip() == "*" or tag in [part.strip().removeprefix("W/") for part in known.split(",")]


def conditional(request: Request, content: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """The content, or 304 where the caller has it."""
    tag = etag(content)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", **(headers or {})}
    if knows(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, 200, headers, JSON)


def next_link(request: Request, cursor: str | None) -> dict[str, str]:
    """The Link header (RFC 8288) to the next page; relative, since only the caller knows our public address."""
    if cursor is None:
        return {}
    query = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor"]
    return {"Link": f'<{request.scope["path"]}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'}
