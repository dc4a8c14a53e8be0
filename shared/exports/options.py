"""What a caller may choose about an export, and what a format is."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import InvalidRequestError
from shared.transcript import Transcript


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The choices of an export; widths are display columns (a Chinese character takes two).

    Raises InvalidRequestError where a number is out of its bounds.
    """

    max_line_chars: int = 42
    max_lines: int = 2
    words: bool = True  # JSON only: whether each segment lists its words
    chars_per_second: int = (
        20  # captions: a cue stays at least as long as its text takes to read at this speed
    )
    min_cue_ms: int = 1_000
    max_cue_ms: int = 7_000
    min_gap_ms: int = 80  # captions: two frames of dark, so that the eye sees that the text has changed

    def __post_init__(self) -> None:
        for name, lowest, highest in (
            ("max_line_chars", 10, 200),
            ("max_lines", 1, 10),
            ("chars_per_second", 5, 100),
            ("min_cue_ms", 1, 10_000),
            ("max_cue_ms", 1_000, 60_000),
            ("min_gap_ms", 0, 1_000),
        ):
            if not lowest <= getattr(self, name) <= highest:
                raise InvalidRequestError(f"`{name}` must be from {lowest} to {highest}.", field=name)


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: its media type (with charset), its extension without a dot, and how it is rendered."""

    media_type: str
    extension: str
    render: Callable[[Transcript, ExportOptions], bytes]
