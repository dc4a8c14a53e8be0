"""Keys as the HTTP API takes and gives them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from shared.schemas.base import Resource
from shared.schemas.wire_types import no_control_characters, point_in_time
from shared.scopes import Scope

KeyName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(no_control_characters),
]
Moment = Annotated[
    datetime,
    BeforeValidator(point_in_time),
    WithJsonSchema(
        {
            "type": "string",
            "description": "RFC 3339, or an ISO 8601 duration from now",
            "examples": ["P90D", "2027-01-31T00:00:00Z"],
        }
    ),
]


class KeyStatus(StrEnum):
    """Whether a key still opens anything."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class KeyOrder(BaseModel):
    """A key that is wanted; it can do no more than the key that asks for it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "booking system", "scopes": ["sessions:write"], "expires_at": "P90D"}]
        },
    )

    name: KeyName
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    expires_at: Moment | None = Field(default=None, description="Never, when left out")


class KeyRotation(BaseModel):
    """How a key is replaced."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"until": "PT24H"}]})

    until: Moment | None = Field(
        default=None, description="Until when the old key opens too; at once no more, when left out"
    )
    expires_at: Moment | None = Field(default=None, description="When the new key expires; never, left out")


class KeyResource(Resource):
    """A key, without the key itself."""

    id: UUID
    tenant: str
    name: str
    start: str = Field(description="How the key begins, to tell it from others")
    scopes: list[Scope]
    status: KeyStatus
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To within some seconds")
    revoked_at: datetime | None


class NewKey(KeyResource):
    """A key that has just been made. It is shown this once."""

    key: str
