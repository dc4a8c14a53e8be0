"""What the HTTP API takes, as pydantic models: the form of a session, the order of another job, a change."""

from datetime import datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.config import JsonDict

from shared.lifecycle import Priority, Processing
from shared.schemas.webhooks import Url
from shared.schemas.wire_types import bounded_json, no_control_characters, point_in_time
from shared.sources.addresses import MAX_URL
from shared.sources.buckets import MAX_URI

MAX_PHRASES: Final = 500
_UPLOAD: Final = "019ab5d0-7c00-7a3b-9d52-3f8a1c2b4d5e"

_Printable = AfterValidator(no_control_characters)
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _Printable]
LanguageTag = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,4}$"),
    Field(description="A BCP 47 tag; left out, the language is detected", examples=["en-US", "zh-TW"]),
]
Speakers = Annotated[int, Field(ge=1, le=8, description="How many people speak, at most")]
EngineName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
ModelName = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), _Printable]
Phrases = Annotated[
    list[Phrase], Field(max_length=MAX_PHRASES, description="Names and terms to expect; hints, not rules")
]
Metadata = Annotated[
    dict[str, Any],
    AfterValidator(bounded_json),
    Field(description="Yours: an object of at most 8 KiB, nested up to 32 deep, kept and given back"),
]
DeleteAfter = Annotated[
    datetime,
    BeforeValidator(point_in_time),
    WithJsonSchema(
        {
            "type": "string",
            "description": "When to erase it all: RFC 3339, or an ISO 8601 duration from now",
            "examples": ["P30D", "2027-01-31T00:00:00Z"],
        }
    ),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SessionForm(_Request):
    """What may be said of a recording besides the recording itself: the form's text fields."""

    title: Title | None = Field(default=None, description="The file's name when left out")
    language: LanguageTag | None = None
    speakers: Speakers = 2
    diarization: bool = Field(default=True, description="Whether to tell the speakers apart")
    engine: EngineName | None = Field(default=None, description="The server's default when left out")
    model: ModelName | None = Field(default=None, description="The engine's default when left out")
    fallback_engine: EngineName | None = Field(
        default=None,
        description="Goes on with the job where `engine` fails for good; both are paid for what they did",
    )
    phrases: Phrases = Field(default_factory=list)
    priority: Priority = Priority.NORMAL
    processing: Processing = Processing.STANDARD
    metadata: Metadata = Field(default_factory=dict)
    delete_after: DeleteAfter | None = None
    webhook_url: Url | None = Field(
        default=None,
        description="Told of whatever becomes of this session, at the host of a webhook of yours and signed as its",
    )


class RecordingOrder(SessionForm):
    """A session of a recording that is not in the request: what the form says, and where the recording is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"upload_id": _UPLOAD, "language": "zh-TW"}]})

    upload_id: UUID | None = Field(
        default=None, description="A finished upload of `POST /v1/uploads`; it is used up"
    )
    source_url: str | None = Field(
        default=None,
        max_length=MAX_URL,
        repr=False,
        description="An https or http address in the public internet; the worker fetches it",
    )

    gcs_uri: str | None = Field(
        default=None,
        max_length=MAX_URI,
        description="An object `gs://bucket/name` in a bucket that the server's owner has listed; the worker reads it",
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.upload_id, self.source_url, self.gcs_uri)) != 1:
            raise ValueError("must have either `upload_id`, `source_url` or `gcs_uri`")
        return self


class JobOrder(_Request):
    """How to transcribe a session again; what is left out is as in the session's newest job."""

    language: LanguageTag | None = None
    speakers: Speakers | None = None
    diarization: bool | None = None
    engine: EngineName | None = None
    model: ModelName | None = None
    fallback_engine: EngineName | None = Field(default=None, description="null: none")
    phrases: Phrases | None = None
    priority: Priority | None = None
    processing: Processing | None = None


def _without_default(schema: JsonDict) -> None:
    """A default that means `as it is` is none that a caller could send."""
    del schema["default"]


class SessionPatch(_Request):
    """What may be changed of a session; what is left out stays. `delete_after: null` keeps the session."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Third session with Ana"}]})

    title: Title = Field(default="", json_schema_extra=_without_default)
    metadata: Metadata = Field(default_factory=dict)
    delete_after: DeleteAfter | None = None
