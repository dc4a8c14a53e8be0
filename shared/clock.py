"""The clock of the machine, behind the Clock port."""

from datetime import UTC, datetime


class SystemClock:
    """The time of day as the machine has it."""

    def now(self) -> datetime:
        """The present in UTC."""
        return datetime.now(UTC)
