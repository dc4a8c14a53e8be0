"""The table of the pieces in which a long recording is transcribed."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey
from sqlalchemy.types import SmallInteger
from sqlmodel import Field, SQLModel

from shared.tables.columns import big, text_


class JobPieceRow(SQLModel, table=True):
    """A piece of a job's recording: where it was cut, for good, and the operation that hears it now."""

    __tablename__ = "job_piece"
    __table_args__ = (CheckConstraint("start_ms < end_ms", name="piece_takes_time"),)

    job_id: UUID = Field(sa_column=Column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True))
    n: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    start_ms: int = big(None)
    end_ms: int = big(None)
    operation_prefix: str | None = text_(nullable=True)  # as in `job`
