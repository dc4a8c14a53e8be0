"""How long sessions are kept: as their callers say, and never longer than the operator allows."""

from datetime import datetime, timedelta


class Retention:
    """The operator's limit; without one, callers decide alone."""

    def __init__(self, keep_days: float | None) -> None:
        self._longest = None if keep_days is None else timedelta(days=keep_days)

    def delete_after(self, wanted: datetime | None, made_at: datetime) -> datetime | None:
        """When a session that was made then is erased; None: never."""
        if self._longest is None:
            return wanted
        last = made_at + self._longest
        return last if wanted is None else min(wanted, last)
