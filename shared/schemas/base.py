"""What resources have in common: they are frozen, and lists of them come in pages."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Resource(BaseModel):
    """What the HTTP API gives: made once, never changed."""

    model_config = ConfigDict(frozen=True)


class Mirror(Resource):
    """A resource that is made of an object with the same attributes."""

    model_config = ConfigDict(from_attributes=True)


class Page(Resource, Generic[T]):
    """A part of a list, newest first; `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None = None
