"""What the HTTP API tells of usage and budgets, as pydantic models; money in integer micro-dollars (10^-6 USD)."""

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from shared.money.usage import UsageLine
from shared.schemas.base import Mirror


class UsageItem(Mirror):
    """A day's attempts with one model."""

    day: date = Field(description="UTC")
    engine: str
    model: str
    attempts: int
    audio_ms: int
    billed_ms: int = Field(description="All channels together, as the engine bills")
    micro_dollars: int
    estimated_micro_dollars: int = Field(description="The part for which no bill was seen")


class UsageReport(Mirror):
    """What was used from `first` to `last`, both included, and what it came to."""

    first: date
    last: date
    items: list[UsageItem]
    audio_ms: int
    billed_ms: int
    micro_dollars: int

    @classmethod
    def of(cls, first: date, last: date, lines: list[UsageLine]) -> Self:
        """The report of these lines."""
        return cls(
            first=first,
            last=last,
            items=[UsageItem.model_validate(line) for line in lines],
            audio_ms=sum(line.audio_ms for line in lines),
            billed_ms=sum(line.billed_ms for line in lines),
            micro_dollars=sum(line.micro_dollars for line in lines),
        )


class BudgetResource(Mirror):
    """What a tenant may spend in a calendar month (UTC), and what of it is spent or promised to running operations."""

    tenant_id: str
    micro_dollars_per_month: int | None = Field(description="null: no limit")
    spent_micro_dollars: int
    promised_micro_dollars: int = Field(description="The expected cost of operations that run")
    renews_at: datetime


class BudgetOrder(BaseModel):
    """A tenant's budget; null takes the limit away."""

    model_config = ConfigDict(extra="forbid")

    micro_dollars_per_month: int | None = Field(ge=0, le=10**15)
