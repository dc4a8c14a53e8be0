"""The tables of the running service: its workers, and the pause of its queue."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    Text,
    text,
)
from sqlmodel import Field, SQLModel

from shared.tables.columns import json as _json
from shared.tables.columns import text_ as _text
from shared.tables.columns import time as _time


class WorkerRow(SQLModel, table=True):
    """A worker process and when it was last seen; rows outlive a flushed Redis, and tell who died when."""

    __tablename__ = "worker"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    host: str = _text()
    pid: int = Field()
    version: str = _text()
    max_jobs: int = Field()
    running: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    draining: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    engines: list[str] = _json("[]")
    lane: str | None = _text(nullable=True)  # null: of a release that knew one queue only
    tasks: list[str] = _json("[]")
    drain_requested: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    started_at: datetime = _time(nullable=False)
    seen_at: datetime = _time(nullable=False)
    stopped_at: datetime | None = _time()


class QueuePause(SQLModel, table=True):
    """The queue was paused by an operator: nothing more enters it while the one row is there."""

    __tablename__ = "queue_pause"
    __table_args__ = (CheckConstraint("alone", name="one_pause"),)

    alone: bool = Field(default=True, primary_key=True, sa_column_kwargs={"server_default": text("true")})
    reason: str = _text("")
    paused_at: datetime = _time(nullable=False)
