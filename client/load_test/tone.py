"""A recording to send where none is given: a tone, which costs an engine next to nothing."""

import math
import struct
import wave
from pathlib import Path
from typing import Final

_RATE: Final = 16_000
_HERTZ: Final = 220
_LOUD: Final = 8_000


def write_tone(path: Path, seconds: int) -> None:
    """Write a WAV of 16 kHz and one channel: a tone that swells and fades each second."""
    second = b"".join(
        struct.pack(
            "<h", round(_LOUD * math.sin(math.pi * n / _RATE) * math.sin(math.tau * _HERTZ * n / _RATE))
        )
        for n in range(_RATE)
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        for _ in range(seconds):
            file.writeframes(second)
