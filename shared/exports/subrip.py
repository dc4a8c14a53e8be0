"""SubRip (.srt): numbered cues of plain text, the speaker's name where the speaker changes."""

import re
from typing import Final

from shared.exports.captions import cues
from shared.exports.options import ExportOptions
from shared.exports.wording import timestamp
from shared.transcript import Transcript

_ARROW: Final = re.compile("-{2,}>")  # of any length: "---->" less two of it would be one again


def render(transcript: Transcript, options: ExportOptions) -> bytes:
    """UTF-8 without a byte order mark, LF line ends; an empty transcript is an empty file."""
    blocks = (
        f"{number}\n{timestamp(cue.start_ms, ',')} --> {timestamp(cue.end_ms, ',')}\n{_plain(cue.lines)}\n"
        for number, cue in enumerate(cues(transcript, options, name_changes=True), start=1)
    )
    return "\n".join(blocks).encode()


def _plain(lines: tuple[str, ...]) -> str:
    """SubRip has no escapes, so the one sequence that a reader could take for a new cue is shortened."""
    return _ARROW.sub("->", "\n".join(lines))
