"""Prepared audio is cut into files, in a child process."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from worker_service.children import ask_once
from worker_service.pieces.cutting import Span

_CHILD: Final = "worker_service.pieces.child"


async def cut(source: Path, folder: Path, pieces: Mapping[int, Span]) -> dict[int, Path]:
    """Write each piece of `source` (16 kHz mono FLAC) into a file of its own in `folder`; sample for sample.

    Raises MediaError where the source cannot be read, StorageError where the disk is full.
    """
    files = {n: folder / f"{n}.flac" for n in pieces}
    await ask_once(
        _CHILD,
        {
            "source": str(source),
            "pieces": [[span.start_ms, span.end_ms, str(files[n])] for n, span in pieces.items()],
        },
        secrets=False,
    )
    return files
