"""How long a recording is and how many channels it has, read from its own header."""

import struct
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Audio:
    """What the bill depends on."""

    ms: int
    channels: int


class UnsupportedAudioError(Exception):
    """The bytes are neither FLAC nor WAV, the two that the fake can measure without decoding."""


def measure(path: Path) -> Audio:
    """Length and channels of a FLAC or WAV file; UnsupportedAudioError for anything else."""
    with path.open("rb") as file:
        head = file.read(64 * 1024)
    if head.startswith(b"fLaC"):
        return _flac(path, head)
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return _wav(head, path.stat().st_size)
    raise UnsupportedAudioError("Audio encoding is not supported or the file is corrupt.")


def _flac(path: Path, head: bytes) -> Audio:
    """STREAMINFO: 20 bits of rate, 3 of channels - 1, 5 of depth - 1, 36 of samples (0: unknown)."""
    packed = int.from_bytes(head[18:26], "big")
    rate, channels, samples = packed >> 44, (packed >> 41 & 0x7) + 1, packed & (1 << 36) - 1
    if not rate:
        raise UnsupportedAudioError("The FLAC header has no sample rate.")
    return Audio(samples * 1_000 // rate if samples else _demuxed_ms(path), channels)


def _demuxed_ms(path: Path) -> int:
    """The sum of the packets, for a file that was written to a pipe and does not know its length."""
    import av  # noqa: PLC0415 - a third of a second that most runs do not need

    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        units = sum(packet.duration or 0 for packet in container.demux(stream))
        return int(units * (stream.time_base or 0) * 1_000)


def _wav(head: bytes, size: int) -> Audio:
    channels, bytes_a_second, at = 1, 0, 12
    while at + 8 <= len(head):
        kind, length = head[at : at + 4], int(struct.unpack_from("<I", head, at + 4)[0])
        if kind == b"fmt ":
            channels, bytes_a_second = struct.unpack_from("<2xH4xI", head, at + 8)
        elif kind == b"data" and bytes_a_second:
            return Audio(min(length, size - at - 8) * 1_000 // bytes_a_second, channels)
        at += 8 + length + length % 2
    raise UnsupportedAudioError("The WAV file has no data.")
