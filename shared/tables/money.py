"""The tables of money: what was started, what it came to, and what may be spent."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Text,
    text,
)
from sqlmodel import Field, SQLModel

from shared.lifecycle import Outcome
from shared.tables.columns import big as _big
from shared.tables.columns import json as _json
from shared.tables.columns import one_of as _one_of
from shared.tables.columns import text_ as _text
from shared.tables.columns import time as _time

_UNDISCARDED = text("closed_at IS NOT NULL AND discarded_at IS NULL")


class OperationRow(SQLModel, table=True):
    """Something that may cost money: written before it is started, closed once; no foreign keys, as in `usage`."""

    __tablename__ = "operation"
    __table_args__ = (
        _one_of("outcome", Outcome),
        CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="closed_with_outcome"),
        Index("operation_open", "created_at", postgresql_where=text("closed_at IS NULL")),
        Index("operation_by_job", "job_id"),
        Index("operation_undiscarded", "closed_at", postgresql_where=_UNDISCARDED),
    )

    prefix: str = Field(sa_column=Column(Text, primary_key=True))
    job_id: UUID = Field()
    attempt: int = Field()
    session_id: UUID = Field()
    tenant_id: str = _text()
    engine: str = _text()
    model: str = _text()
    audio_ms: int = _big(None)
    notices: list[dict[str, Any]] = _json("[]")
    expected_micro_dollars: int = _big(None)
    name: str | None = _text(nullable=True)
    outcome: str | None = _text(nullable=True)
    created_at: datetime = _time(nullable=False)
    closed_at: datetime | None = _time()
    # What it came to; null while it is open, and where a release closed it that kept this by attempt only.
    billed_ms: int | None = _big(None, nullable=True)
    micro_dollars: int | None = _big(None, nullable=True)
    estimated: bool | None = Field(default=None, nullable=True)
    discarded_at: datetime | None = _time()  # nothing of it is in the engine's store since then
    tried_at: datetime | None = _time()  # when it was last looked at as a loose end, or as a leftover


class Usage(SQLModel, table=True):
    """What one attempt of a job cost; no foreign keys, since the ledger stays when the session goes."""

    __tablename__ = "usage"
    __table_args__ = (
        Index("usage_by_tenant", "tenant_id", "created_at"),
        Index("usage_by_engine", "engine", "created_at"),
        Index("usage_by_age", "created_at"),
    )

    job_id: UUID = Field(primary_key=True)
    attempt: int = Field(primary_key=True)
    session_id: UUID = Field()
    tenant_id: str = _text()
    engine: str = _text()
    model: str = _text()
    audio_ms: int = _big(None)
    billed_ms: int = _big(None)
    micro_dollars: int = _big(None)
    estimated: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    created_at: datetime = _time(nullable=False)


class BudgetRow(SQLModel, table=True):
    """What a tenant may spend in a calendar month; no row, no limit."""

    __tablename__ = "budget"
    __table_args__ = (CheckConstraint("micro_dollars_per_month >= 0", name="budget_not_negative"),)

    tenant_id: str = Field(sa_column=Column(Text, primary_key=True))
    micro_dollars_per_month: int = _big(None)
    updated_at: datetime = _time(nullable=False)
