"""Recordings as far as the fake reads them: their headers tell the length, so eight hours cost 42 bytes."""

import struct


def flac(ms: int, channels: int = 1, rate: int = 16_000) -> bytes:
    """A FLAC file's STREAMINFO for so many milliseconds, without any sound behind it."""
    samples = ms * rate // 1_000
    packed = rate << 44 | (channels - 1) << 41 | 15 << 36 | samples
    return b"fLaC" + b"\x80\x00\x00\x22" + bytes(10) + packed.to_bytes(8, "big") + bytes(16)


def wav(ms: int, channels: int = 1, rate: int = 16_000) -> bytes:
    """A whole WAV file of 16-bit silence."""
    data = bytes(ms * rate // 1_000 * channels * 2)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVE"
        + form
        + struct.pack("<4sI", b"data", len(data))
        + data
    )
