"""The table of the one claim by which this database sweeps its object store."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, text
from sqlmodel import Field, SQLModel

from shared.tables.columns import time


class StoreClaimRow(SQLModel, table=True):
    """What stands under `owners/` in the store while it is ours; another at every sweep."""

    __tablename__ = "store_claim"
    __table_args__ = (CheckConstraint("alone", name="one_claim"),)

    alone: bool = Field(default=True, primary_key=True, sa_column_kwargs={"server_default": text("true")})
    id: UUID = Field()
    previous: UUID | None = Field(default=None)  # stands there still where a sweep ended halfway
    held_at: datetime = time(nullable=False)  # when `id` took the place of the one before
