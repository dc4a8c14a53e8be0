"""CRC32C, the checksum that Cloud Storage keeps of every object, in its forms as a number and as text."""

import base64

import google_crc32c  # a checksum in C and nothing else: no SDK comes with it


def crc32c(data: bytes, before: int = 0) -> int:
    """The CRC32C of `data`, or of what `before` is the CRC32C of, followed by `data`."""
    value: int = google_crc32c.extend(before, data)
    return value


def crc32c_text(value: int) -> str:
    """The base64 of the four bytes, the greatest first: how Cloud Storage writes a CRC32C."""
    return base64.b64encode(value.to_bytes(4, "big")).decode()


def crc32c_value(text: str) -> int:
    """The number that `crc32c_text` wrote; ValueError where it is none."""
    raw = base64.b64decode(text, validate=True)
    if len(raw) != 4:
        raise ValueError("a CRC32C has four bytes")
    return int.from_bytes(raw, "big")
