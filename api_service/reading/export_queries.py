"""The query strings of exports: which files, how captions are laid out, what is taken out."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from api_service.http.queries import Text
from shared.exports import FORMATS, ExportOptions
from shared.redaction.rules import Redaction
from shared.schemas.orders import LanguageTag
from shared.schemas.wire_types import Instant
from shared.sessions import SessionFilter

_DEFAULTS: Final = ExportOptions()
_KINDS: Final = ", ".join(Redaction)

FormatName = Annotated[str, Field(json_schema_extra={"enum": list(FORMATS)})]


def known_format(name: str) -> str:
    """The name of a format that there is; ValueError names them all."""
    if name not in FORMATS:
        raise ValueError(f"must be one of {', '.join(FORMATS)}")
    return name


class LayoutQuery(BaseModel):
    """How files are laid out, and what is taken out of them."""

    model_config = ConfigDict(extra="forbid")

    max_line_chars: int = Field(
        default=_DEFAULTS.max_line_chars, ge=10, le=200, description="Captions: columns"
    )
    max_lines: int = Field(default=_DEFAULTS.max_lines, ge=1, le=10, description="Captions: lines")
    chars_per_second: int = Field(
        default=_DEFAULTS.chars_per_second, ge=5, le=100, description="Captions: columns read in a second"
    )
    min_cue_ms: int = Field(
        default=_DEFAULTS.min_cue_ms, ge=1, le=10_000, description="Captions: shown at least"
    )
    max_cue_ms: int = Field(
        default=_DEFAULTS.max_cue_ms, ge=1_000, le=60_000, description="Captions: shown at most"
    )
    min_gap_ms: int = Field(
        default=_DEFAULTS.min_gap_ms, ge=0, le=1_000, description="Captions: between one and the next"
    )
    words: bool = Field(default=_DEFAULTS.words, description="JSON: whether segments list their words")
    redact: str = Field(
        default="",
        max_length=100,
        description=f"What is taken out, by comma: {_KINDS}",
        examples=["names,emails"],
    )

    @field_validator("redact")
    @classmethod
    def _known_kinds(cls, value: str) -> str:
        unknown = set(filter(None, value.split(","))) - set(Redaction)
        if unknown:
            raise ValueError(f"must be {_KINDS}, or several of them with commas between")
        return value

    def options(self) -> ExportOptions:
        """How the formats lay it out."""
        return ExportOptions(
            max_line_chars=self.max_line_chars,
            max_lines=self.max_lines,
            words=self.words,
            chars_per_second=self.chars_per_second,
            min_cue_ms=self.min_cue_ms,
            max_cue_ms=self.max_cue_ms,
            min_gap_ms=self.min_gap_ms,
        )

    def redactions(self) -> frozenset[Redaction]:
        """What is taken out."""
        return frozenset(Redaction(kind) for kind in self.redact.split(",") if kind)


class ExportQuery(LayoutQuery):
    """What kind of file."""

    format: FormatName = "json"

    _known = field_validator("format")(known_format)


class ManyExportsQuery(LayoutQuery):
    """Which sessions, by their ids or by what they are, and which kinds of file of each."""

    format: list[FormatName] = Field(
        min_length=1, max_length=len(FORMATS), description="Repeat it for several"
    )
    session_id: list[UUID] = Field(
        default_factory=list, max_length=100, description="These sessions; left out, those of the filters"
    )
    language: LanguageTag | None = Field(default=None, description="`en` finds `en-US` too")
    created_after: Instant | None = Field(default=None, description="Inclusive")
    created_before: Instant | None = Field(default=None, description="Exclusive")
    q: Text | None = Field(default=None, description="Part of a title, in any case")

    @field_validator("format")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        return list(dict.fromkeys(map(known_format, names)))

    def as_filter(self) -> SessionFilter:
        """The repository's filter."""
        return SessionFilter((), self.language, self.created_after, self.created_before, self.q)
