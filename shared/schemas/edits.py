"""What the HTTP API takes and gives of edits, as pydantic models."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.editing.content import Patch, Splice
from shared.editing.edits import MAX_TEXT, UNSET, EditKind, Unset
from shared.editing.states import EditState
from shared.schemas.base import Mirror
from shared.schemas.wire_types import no_control_characters
from shared.transcript import Role, Segment, Speaker, Word
from shared.transcripts.edits import EditRecord, Outcome

_Number = Annotated[int, Field(ge=0, le=1_000_000)]
SpeakerNumber = Annotated[int, Field(ge=1, le=99, description="A speaker's number; null: nobody knows")]
SegmentText = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
SpeakerName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(no_control_characters),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def speaker_or_unset(self) -> int | Unset | None:
        """The speaker where it was given, null included."""
        given: int | None = getattr(self, "speaker", None)
        return given if "speaker" in self.model_fields_set else UNSET


class SegmentPatch(_Request):
    """What may be changed of a segment; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "What would you like to have?"}]})

    text: SegmentText | None = Field(
        default=None, description="Line breaks and runs of spaces become a space"
    )
    speaker: SpeakerNumber | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("must have `text` or `speaker`")
        if "text" in self.model_fields_set and self.text is None:
            raise ValueError("`text` must not be null")
        return self


class SegmentSplit(_Request):
    """Where a segment is cut, and who says the second part."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"at": 12, "speaker": 2}]})

    at: int = Field(
        ge=1, le=MAX_TEXT, description="The second part's first character, counted in code points"
    )
    speaker: SpeakerNumber | None = Field(default=None, description="Left out: the same")


class SegmentMerge(_Request):
    """How many segments become one, and who says it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"count": 2}]})

    count: int = Field(default=2, ge=2, le=100, description="This segment and those that follow it")
    speaker: SpeakerNumber | None = Field(default=None, description="Left out: the first one's")


class SegmentsPatch(_Request):
    """Segments that get one speaker."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"segments": [0, 2, 4], "speaker": 1}]})

    segments: list[_Number] = Field(min_length=1, max_length=5_000)
    speaker: SpeakerNumber | None


class StatedSpeaker(_Request):
    """A speaker as a person states it."""

    number: SpeakerNumber
    name: SpeakerName
    role: Role = Role.UNKNOWN


class SpeakersPut(_Request):
    """All speakers of a session."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "speakers": [
                        {"number": 1, "name": "Anna", "role": "coach"},
                        {"number": 2, "name": "Ben", "role": "client"},
                    ]
                }
            ]
        }
    )

    speakers: list[StatedSpeaker] = Field(max_length=99)


class WordResource(Mirror):
    """A word and when it was said."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float | None
    speaker: int | None
    joined: bool

    @classmethod
    def of(cls, word: Word) -> Self:
        """The resource of a word."""
        return cls.model_validate(word)


class SegmentResource(Mirror):
    """A stretch of speech of one speaker; `version` is the revision at which it changed last."""

    n: int
    start_ms: int
    end_ms: int
    speaker: int | None
    text: str
    confidence: float | None
    version: int
    words: list[WordResource]

    @classmethod
    def of(cls, segment: Segment) -> Self:
        """The resource of a segment."""
        return cls.model_validate(segment)


class SpeakerResource(Mirror):
    """A voice: its number, the name shown, its role, how sure we are of it, and what it was read from."""

    number: int
    name: str
    role: Role
    role_confidence: float
    evidence: dict[str, float]

    @classmethod
    def all_of(cls, speakers: Iterable[Speaker]) -> list[Self]:
        """The resources of speakers."""
        return [cls.model_validate(speaker) for speaker in speakers]


class SpeakersResource(Mirror):
    """The speakers of a session."""

    revision: int
    speakers: list[SpeakerResource]


class ChangeResource(Mirror):
    """At segment `at`, as it was counted before, `removed` segments made way for those in `segments`."""

    at: int
    removed: int
    segments: list[SegmentResource]

    @classmethod
    def all_of(cls, patch: Patch, revision: int) -> list[Self]:
        """What a patch that made this revision did, its segments counted as they are now."""
        moved, made = 0, []
        for splice in patch.splices:
            made.append(
                cls(at=splice.at, removed=len(splice.removed), segments=_new(splice, moved, revision))
            )
            moved += splice.shift
        return made


def _new(splice: Splice, moved: int, revision: int) -> list[SegmentResource]:
    return [
        SegmentResource.of(segment).model_copy(update={"n": n, "version": revision})
        for n, segment in enumerate(splice.inserted, splice.at + moved)
    ]


class EditResource(Mirror):
    """An edit in the history; `revision` is the one that it made."""

    revision: int
    kind: EditKind
    state: EditState = Field(description="`dropped`: undone, and then something else was done")
    request_id: str | None
    created_at: datetime

    @classmethod
    def of(cls, record: EditRecord) -> Self:
        """The resource of a row."""
        return cls.model_validate(record)


class Edited(Mirror):
    """What became of the transcript; `edit` is null where nothing had to be changed."""

    revision: int
    edit: EditResource | None
    changes: list[ChangeResource]
    speakers: list[SpeakerResource] | None = Field(description="Where they changed: all of them")

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """The resource of an outcome."""
        return cls(
            revision=outcome.revision,
            edit=EditResource.of(outcome.record) if outcome.record else None,
            changes=ChangeResource.all_of(outcome.patch, outcome.revision),
            speakers=SpeakerResource.all_of(outcome.content.speakers) if outcome.patch.speakers else None,
        )


class EditDetail(EditResource):
    """An edit with what stood there before and after it, words left out."""

    before: list[str]
    after: list[str]
    speakers_before: list[SpeakerResource] | None
    speakers_after: list[SpeakerResource] | None

    @classmethod
    def of(cls, record: EditRecord) -> Self:
        """The resource of a row with its patch."""
        patch = record.patch or Patch()
        sides = patch.speakers or (None, None)
        return cls(
            **EditResource.of(record).model_dump(),
            before=[segment.text for splice in patch.splices for segment in splice.removed],
            after=[segment.text for splice in patch.splices for segment in splice.inserted],
            speakers_before=None if sides[0] is None else SpeakerResource.all_of(sides[0]),
            speakers_after=None if sides[1] is None else SpeakerResource.all_of(sides[1]),
        )
