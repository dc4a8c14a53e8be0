"""The child that cuts prepared audio: one pass over it, whatever the number of pieces, and memory stays flat.

Run by `worker_service.pieces.files`.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import av
from av.audio.frame import AudioFrame

from shared.errors import MediaError
from worker_service.media.decoding import open_container
from worker_service.media.flac import SAMPLE_RATE, writing
from worker_service.serving import Emit, serve

_PER_MS: Final = SAMPLE_RATE // 1_000
_SAMPLE_BYTES: Final = 2


@dataclass
class _Piece:
    """A file that is being written: samples `first` to `end` of the recording."""

    first: int
    end: int
    target: Path
    open: ExitStack = field(default_factory=ExitStack)
    write: Callable[[AudioFrame], None] | None = None

    def take(self, samples: memoryview, at: int) -> None:
        """Write what is ours of the samples that begin at `at`."""
        count = len(samples) // _SAMPLE_BYTES
        start, end = max(self.first, at) - at, min(self.end, at + count) - at
        if start >= end:
            return
        if self.write is None:
            self.write = self.open.enter_context(writing(self.target))
        self.write(_frame(samples[start * _SAMPLE_BYTES : end * _SAMPLE_BYTES]))
        if at + end == self.end:
            self.open.close()


def handle(request: dict[str, Any], _emit: Emit) -> dict[str, Any]:
    """Cut `source` into the files `pieces`: [start ms, end ms, target] each; all are whole when this returns."""
    pieces = [
        _Piece(start * _PER_MS, end * _PER_MS, Path(target)) for start, end, target in request["pieces"]
    ]
    with ExitStack() as files:
        for piece in pieces:
            files.push(piece.open)
        at = 0
        for samples in _samples(Path(request["source"])):
            for piece in pieces:
                piece.take(samples, at)
            at += len(samples) // _SAMPLE_BYTES
    return {"duration_ms": at // _PER_MS}


def _samples(source: Path) -> Iterator[memoryview]:
    try:
        with open_container(source) as container:
            for frame in container.decode(audio=0):
                yield memoryview(frame.planes[0]).cast("B")[: frame.samples * _SAMPLE_BYTES]
    except av.error.FFmpegError as error:
        raise MediaError(f"The prepared audio cannot be read ({error}). Retry the job.") from error


def _frame(samples: memoryview) -> AudioFrame:
    frame = AudioFrame("s16", "mono", len(samples) // _SAMPLE_BYTES)
    frame.planes[0].update(bytes(samples).ljust(frame.planes[0].buffer_size, b"\0"))
    frame.sample_rate = SAMPLE_RATE
    return frame


if __name__ == "__main__":
    serve(handle)
