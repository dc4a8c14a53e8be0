"""What captions say: spoken parts with their times; and the reading that both kinds of file share."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.errors import InvalidRequestError

MOST_CUES: Final = 50_000
_TIME: Final = r"(?:(\d{1,5}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_ARROW: Final = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?$")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A part of a caption: its times in milliseconds, its text, and whose it is as the file says (None: nobody's)."""

    start_ms: int
    end_ms: int
    text: str
    voice: str | None


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of a file between two empty ones, and the number of the first, from 1."""

    line: int
    lines: Sequence[str]

    def timed(self) -> tuple[int, int, Sequence[str]] | None:
        """Start, end and text of a cue, whose first line may be a name; None where this is no cue.

        Raises InvalidRequestError that names the line where times cannot be read.
        """
        for at, line in enumerate(self.lines[:2]):
            if "-->" in line:
                start, end = self._times(self.line + at, line)
                return start, end, self.lines[at + 1 :]
        return None

    def _times(self, number: int, line: str) -> tuple[int, int]:
        match = _ARROW.match(line)
        if match is None:
            raise InvalidRequestError(
                f"Line {number} has no times that can be read: {line.strip()[:80]!r}. Nothing was changed."
            )
        start, end = _milliseconds(match.groups()[:4]), _milliseconds(match.groups()[4:])
        if end < start:
            raise InvalidRequestError(f"On line {number} the end is before the start. Nothing was changed.")
        return start, end


def blocks(data: bytes) -> Iterator[Block]:
    """The blocks of a file in UTF-8 (a byte order mark may be there), whatever its line ends."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            f"The file is not UTF-8 (byte {error.start}). Save it so, then send it again. Nothing was changed."
        ) from None
    lines: list[str] = []
    begin = 1
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if line.strip():
            begin = begin if lines else number
            lines.append(line)
        elif lines:
            yield Block(begin, lines)
            lines = []
    if lines:
        yield Block(begin, lines)


def _milliseconds(parts: Sequence[str | None]) -> int:
    """Integer milliseconds, so that nothing is ever rounded up to second 60 (F29)."""
    hours, minutes, seconds, fraction = parts
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * 1_000 + int((fraction or "0").ljust(3, "0"))
