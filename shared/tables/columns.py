"""The kinds of columns that the tables are made of."""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import SmallInteger
from sqlmodel import Field


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """A CHECK that the column holds one of the enum's values."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=f"{column}_known")


def text_(default: str | None = None, *, nullable: bool = False) -> Any:
    """A text column."""
    server = text(f"'{default}'") if default is not None else None
    return Field(default=default, sa_column=Column(Text, nullable=nullable, server_default=server))


def time(*, nullable: bool = True) -> Any:
    """A timestamptz column; one that is not nullable is set by the database when the row is made."""
    server = None if nullable else func.now()
    return Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=nullable, server_default=server)
    )


def json(default: str) -> Any:
    """A jsonb column with its default as JSON."""
    return Field(sa_column=Column(JSONB, nullable=False, server_default=text(f"'{default}'::jsonb")))


def big(default: int | None = 0, *, nullable: bool = False) -> Any:
    """A bigint column."""
    server = text(str(default)) if default is not None else None
    return Field(default=default, sa_column=Column(BigInteger, nullable=nullable, server_default=server))


def small(default: int) -> Any:
    """A smallint column."""
    return Field(
        default=default, sa_column=Column(SmallInteger, nullable=False, server_default=text(str(default)))
    )
