"""What all answers have in common: members that this client does not know are kept, and written out again."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Answer(BaseModel):
    """Something that the service answered."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Notice(Answer):
    """Something to know: a stable code and a sentence."""

    code: str
    detail: str


class Page(Answer, Generic[T]):
    """A part of a list, newest first; no `next_cursor` on the last."""

    items: tuple[T, ...]
    next_cursor: str | None = None
