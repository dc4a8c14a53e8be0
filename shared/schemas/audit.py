"""The audit trail as the HTTP API gives it."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from shared.schemas.base import Resource


class AuditResource(Resource):
    """Who did what, when, from where."""

    id: UUID
    at: datetime
    tenant: str
    actor: str = Field(
        description="A key's id; `anonymous` where keys are off, `command` for the command line"
    )
    actor_name: str | None = Field(description="The key's name")
    action: str = Field(description="The operation's id in this document")
    path: str = Field(description="With what was asked for, but for what was searched for")
    session_id: UUID | None
    status: int | None
    request_id: str | None
    address: str | None = Field(description="Where the request came from, as the server or its proxy saw it")
