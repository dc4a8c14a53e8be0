"""Files of captions that come in: which reader reads them."""

from collections.abc import Callable, Mapping
from typing import Final

from shared.errors import UnsupportedMediaError
from shared.imports import subrip, webvtt
from shared.imports.cues import Spoken
from shared.imports.edit import Import

MAX_IMPORT_BYTES: Final = 8 * 1024 * 1024
"""The longest file of captions: a day of speech takes half of it."""

_SUBRIP: Final = ("application/x-subrip", "application/srt", "text/srt", "text/x-subrip")
_READERS: Final[Mapping[str, Callable[[bytes], list[Spoken]]]] = {
    "text/vtt": webvtt.read,
    **dict.fromkeys(_SUBRIP, subrip.read),
}


def read(content_type: str, data: bytes) -> Import:
    """The edit that puts the captions in place; UnsupportedMediaError, InvalidRequestError."""
    kind = content_type.partition(";")[0].strip().lower()
    reader = _READERS.get(kind)
    if reader is None:
        raise UnsupportedMediaError(
            f"Content-Type {kind or 'nothing'!r} is not taken here: send text/vtt or application/x-subrip. "
            "Nothing was changed."
        )
    return Import(tuple(reader(data)), prefixes=kind in _SUBRIP)
