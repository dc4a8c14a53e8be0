"""Problem documents (RFC 9457): the one form of every error."""

from pydantic import BaseModel, ConfigDict, Field

from shared.schemas.base import Resource


class FieldError(Resource):
    """One thing that is wrong with a request: where, in words, and what."""

    where: str
    detail: str


class Problem(BaseModel):
    """RFC 9457: what went wrong, what was kept, what to do. `code` is stable, `detail` is for people."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    request_id: str
    errors: list[FieldError] | None = Field(
        default=None, description="Each thing that is wrong with the request"
    )


def problem_kind(code: str) -> dict[str, str]:
    """The members of a problem document that follow from its code."""
    title = code.replace("_", " ").capitalize()
    return {"type": f"urn:coaching-transcripts:problem:{code}", "title": title, "code": code}
