"""Identifiers: UUIDv7, so that ids sort by the time of their making and indexes stay compact."""

import hashlib
import secrets
import time
from uuid import UUID


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    return _version_7((milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80))


def derived_id(root: UUID, noun: str) -> UUID:
    """The UUIDv7 that belongs to `noun` under a root: of the root's time, and always the same."""
    digest = hashlib.blake2b(noun.encode(), key=root.bytes, digest_size=10).digest()
    return _version_7(root.int >> 80 << 80 | int.from_bytes(digest))


def _version_7(value: int) -> UUID:
    value = value & ~(0xF << 76) | 0x7 << 76  # version 7
    value = value & ~(0x3 << 62) | 0x2 << 62  # the RFC's variant
    return UUID(int=value)
