"""Reads SubRip: numbered cues of plain text; a name before a colon tells who speaks, if it is known as a name."""

import re
from typing import Final

from shared.errors import InvalidRequestError
from shared.exports.wording import one_line
from shared.imports.cues import Spoken, blocks

_TAG: Final = re.compile(r"</?(?:i|b|u|s|font)(?:\s[^>]*)?>|\{\\[^}]*\}", re.IGNORECASE)


def read(data: bytes) -> list[Spoken]:
    """The spoken parts in the file's order; whose they are is still in the text. InvalidRequestError."""
    spoken: list[Spoken] = []
    for block in blocks(data):
        timed = block.timed()
        if timed is None:
            if not spoken:
                raise InvalidRequestError(
                    f"Line {block.line} begins no cue (a number, then `00:00:01,000 --> 00:00:02,000`), so the file "
                    "is no SubRip. Nothing was changed."
                )
            continue  # an empty line inside a cue: what follows it cannot be told from a comment
        start, end, lines = timed
        text = one_line(_TAG.sub("", "\n".join(lines)))
        if text:
            spoken.append(Spoken(start, end, text, None))
    return spoken
