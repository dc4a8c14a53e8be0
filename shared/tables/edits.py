"""The tables of what people do with a transcript: where it stands, and the edits that brought it there."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared.editing.edits import EditKind
from shared.editing.states import EditState
from shared.tables.columns import one_of, text_, time


class TranscriptHead(SQLModel, table=True):
    """Where a session's transcript stands: `revision` counts its changes, `job_id` is the job that heard it."""

    __tablename__ = "transcript"
    __table_args__ = (CheckConstraint("revision >= 0", name="revision_counts_up"),)

    session_id: UUID = Field(sa_column=Column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True))
    revision: int = Field()
    speakers_revision: int = Field()  # the one at which the speakers changed last
    job_id: UUID | None = Field(default=None)  # None: it was imported
    updated_at: datetime = time(nullable=False)


class TranscriptEdit(SQLModel, table=True):
    """One change of a transcript, with the patch that leads there and back; `revision` is the one it made."""

    __tablename__ = "transcript_edit"
    __table_args__ = (one_of("kind", EditKind), one_of("state", EditState))

    session_id: UUID = Field(sa_column=Column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True))
    revision: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str = text_()
    state: str = text_(EditState.DONE)
    patch: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    request_id: str | None = text_(nullable=True)
    created_at: datetime = time(nullable=False)
