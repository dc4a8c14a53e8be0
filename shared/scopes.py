"""What a key may do; standard library only."""

from enum import StrEnum


class Scope(StrEnum):
    """One permission; a key has any number of them, and nothing follows from another."""

    SESSIONS_READ = "sessions:read"
    SESSIONS_WRITE = "sessions:write"
    KEYS = "keys"
    OPS = "ops"
