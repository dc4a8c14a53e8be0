"""The tables of transcripts: segments and the voices that speak them."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.types import Float, SmallInteger
from sqlmodel import Field, SQLModel

from shared.tables.columns import big as _big
from shared.tables.columns import json as _json
from shared.tables.columns import one_of as _one_of
from shared.tables.columns import text_ as _text
from shared.transcript import Role


class TranscriptSegment(SQLModel, table=True):
    """One segment of a session's transcript; `words` are [text, start ms, end ms, confidence, joined]."""

    __tablename__ = "transcript_segment"
    __table_args__ = (
        Index("transcript_segment_by_term", "search", postgresql_using="gin"),
        Index("transcript_segment_unindexed", "session_id", postgresql_where=text("search IS NULL")),
    )

    session_id: UUID = Field(sa_column=Column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True))
    n: int = Field(primary_key=True)
    start_ms: int = _big(None)
    end_ms: int = _big(None)
    speaker: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    content: str = _text()
    confidence: float | None = Field(default=None, sa_column=Column(Float, nullable=True))
    words: list[list[Any]] = _json("[]")
    version: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    search: str | None = Field(
        default=None, sa_column=Column(TSVECTOR, nullable=True)
    )  # None: not indexed yet


class SessionSpeaker(SQLModel, table=True):
    """A voice of a session: the name shown, its role, and what the role was read from."""

    __tablename__ = "session_speaker"
    __table_args__ = (_one_of("role", Role),)

    session_id: UUID = Field(sa_column=Column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True))
    number: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    name: str = _text()
    role: str = _text(Role.UNKNOWN)
    role_confidence: float = Field(
        default=0.0, sa_column=Column(Float, nullable=False, server_default=text("0"))
    )
    evidence: dict[str, float] = _json("{}")
