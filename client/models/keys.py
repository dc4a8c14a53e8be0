"""API keys."""

from datetime import datetime
from uuid import UUID

from client.models.base import Answer


class Key(Answer):
    """A key, without the key itself; `start` is how it begins."""

    id: UUID
    name: str
    start: str = ""
    scopes: tuple[str, ...] = ()
    status: str = ""
    tenant: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class NewKey(Key):
    """A key that has just been made: `key` is shown this once."""

    key: str

    def __repr__(self) -> str:
        """Without the key."""
        return f"NewKey(id={self.id!r}, name={self.name!r}, start={self.start!r})"
