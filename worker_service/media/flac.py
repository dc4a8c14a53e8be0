"""Writes prepared audio: 16 kHz mono 16-bit FLAC."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import av
from av.audio.frame import AudioFrame

from shared.errors import StorageError

SAMPLE_RATE: Final = 16_000


@contextmanager
def writing(target: Path) -> Iterator[Callable[[AudioFrame], None]]:
    """Write 16-bit mono frames into a FLAC file; StorageError where the disk is full: no recording's fault."""

    def write(frame: AudioFrame | None) -> None:
        with _disk_errors():
            out.mux(stream.encode(frame))

    with _disk_errors():
        out = av.open(f"file:{target}", "w", format="flac")
    stream = out.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
    try:
        yield write
        write(None)
    finally:
        with _disk_errors():
            out.close()


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except av.error.FFmpegError as error:
        raise StorageError(
            f"The decoded recording could not be written: {error.strerror}. Temporary files take 70 MB for an hour "
            "of speech (TRANSCRIPTS_SCRATCH_DIR). The job is tried again by itself."
        ) from error
