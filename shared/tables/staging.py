"""The table of what attempts have sent to an engine's store before they mean to start anything there."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Integer, Uuid
from sqlmodel import Field, SQLModel

from shared.tables.columns import text_, time


class StagingRow(SQLModel, table=True):
    """An attempt that stages; the intent deletes the row. No foreign keys: files outlive their session."""

    __tablename__ = "staging"

    job_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    attempt: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    engine: str = text_()
    created_at: datetime = time(nullable=False)
    tried_at: datetime | None = time()
