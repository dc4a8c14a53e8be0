"""A file from an offset on as the body of a request, and who is told how much of it was sent."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from client.plans import Stream

OnSent: TypeAlias = Callable[[int, int], None]
"""Called with the bytes sent so far and the bytes there are in all."""

_CHUNK: Final = 256 * 1024


class FilePart(Stream):
    """A file from an offset on, as a body."""

    def __init__(self, path: Path, offset: int, on_sent: OnSent | None) -> None:
        self._path = path
        self._offset = offset
        self._total = path.stat().st_size
        self._on_sent = on_sent
        self.length = self._total - offset

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            while chunk := file.read(_CHUNK):
                yield chunk
                if self._on_sent is not None:
                    self._on_sent(file.tell(), self._total)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk
