"""Streams the prepared audio in pieces of a minute or two, cut where it is quiet: memory stays flat."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from shared.errors import MediaError

SAMPLE_RATE: Final = 16_000
PER_MS: Final = SAMPLE_RATE // 1000
_PIECE_S: Final = 120.0  # four of Whisper's windows: longer pieces save little time and cost memory
_SEARCH_S: Final = 20.0  # the end of a piece in which a quiet place is looked for
_QUIET_S: Final = 0.3
_STEP: Final = 800  # samples from one place that is tried to the next

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of sound: where it begins in the recording, and its samples (16 kHz, -1..1)."""

    start_ms: int
    samples: Samples

    @property
    def length_ms(self) -> int:
        """How long it lasts."""
        return len(self.samples) // PER_MS


def pieces(path: Path, *, piece_s: float = _PIECE_S) -> Iterator[Piece]:
    """The recording (16 kHz mono, as `worker_service.media` makes it) from beginning to end, nothing twice.

    Raises MediaError where the file is of another form, or holds nothing.
    """
    wanted = int(piece_s * SAMPLE_RATE)
    held: list[NDArray[np.int16]] = []
    count = start = 0
    for block in _blocks(path):
        held.append(block)
        count += len(block)
        while count >= wanted:
            whole = np.concatenate(held)
            cut = quietest(whole[:wanted])
            yield _piece(start, whole[:cut])
            start += cut
            held, count = [whole[cut:]], count - cut
    if count:
        yield _piece(start, np.concatenate(held))
    elif start == 0:
        raise MediaError("The prepared audio cannot be read: no sound is in it. Retry the job.")


def quietest(samples: NDArray[np.int16]) -> int:
    """The index in the last seconds of `samples` around which the least is heard; a multiple of 1 ms."""
    window = int(_QUIET_S * SAMPLE_RATE)
    first = max(len(samples) // 2, len(samples) - int(_SEARCH_S * SAMPLE_RATE))
    sums = np.concatenate([[0.0], np.cumsum(np.square(samples[first:], dtype=np.float64))])
    energy = (sums[window:] - sums[:-window])[::_STEP]
    if not len(energy):
        return len(samples)
    # The last of equally quiet places: pieces as long as they may be.
    at = len(energy) - 1 - int(np.argmin(energy[::-1]))
    middle = first + at * _STEP + window // 2
    return middle - middle % PER_MS


def _piece(start: int, samples: NDArray[np.int16]) -> Piece:
    return Piece(start // PER_MS, np.divide(samples, 32768, dtype=np.float32))


def _blocks(path: Path) -> Iterator[NDArray[np.int16]]:
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(audio=0):
                form = (frame.sample_rate, frame.layout.nb_channels, frame.format.name)
                if form != (SAMPLE_RATE, 1, "s16"):
                    raise MediaError(
                        f"The prepared audio is not 16 kHz mono of 16 bits but {form}. Retry the job."
                    )
                yield frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)
    except (av.FFmpegError, IndexError) as error:
        raise MediaError(f"The prepared audio cannot be read ({error}). Retry the job.") from error
