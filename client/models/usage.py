"""What was used, and what it came to; money in integer micro-dollars."""

from datetime import date, datetime

from client.models.base import Answer


class UsageItem(Answer):
    """A day's attempts with one model."""

    day: date
    engine: str
    model: str | None = None
    attempts: int = 0
    audio_ms: int = 0
    billed_ms: int = 0
    micro_dollars: int = 0
    estimated_micro_dollars: int = 0


class Usage(Answer):
    """What was used from `first` to `last`, both included."""

    first: date
    last: date
    items: tuple[UsageItem, ...] = ()
    audio_ms: int = 0
    billed_ms: int = 0
    micro_dollars: int = 0


class Budget(Answer):
    """What may be spent this month, and what of it is spent or promised to operations that run."""

    tenant_id: str
    micro_dollars_per_month: int | None = None
    spent_micro_dollars: int = 0
    promised_micro_dollars: int = 0
    renews_at: datetime | None = None
