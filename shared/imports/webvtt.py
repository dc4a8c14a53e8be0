"""Reads WebVTT: voices (`<v Name>…</v>`) tell who speaks; every other tag is layout and goes."""

import html
import re
from collections.abc import Iterator
from typing import Final

from shared.errors import InvalidRequestError
from shared.exports.wording import one_line
from shared.imports.cues import Spoken, blocks
from shared.transcript import display_width

_SIGNATURE: Final = re.compile(r"^WEBVTT(?:[ \t].*)?$")
_TAG: Final = re.compile(r"<(/?)([a-z]*)(?:\.[^\s>]*)?(?:\s+([^>]*))?[^>]*>|</?\d[^>]*>", re.IGNORECASE)
_HIDDEN: Final = ("NOTE", "STYLE", "REGION")


def read(data: bytes) -> list[Spoken]:
    """The spoken parts in the file's order; InvalidRequestError where it is no WebVTT, with the line (F30)."""
    spoken: list[Spoken] = []
    for index, block in enumerate(blocks(data)):
        first = block.lines[0]
        if index == 0:
            if not _SIGNATURE.match(first):
                raise InvalidRequestError(
                    "The file does not begin with WEBVTT, so it is no WebVTT. Nothing was changed."
                )
            continue
        if first.split()[0] in _HIDDEN and "-->" not in first:
            continue
        timed = block.timed()
        if timed is not None:
            start, end, lines = timed
            spoken += _shared(start, end, list(_parts("\n".join(lines))))
    return spoken


def _parts(text: str) -> Iterator[tuple[str | None, str]]:
    """A cue's text in runs of one voice."""
    voice: str | None = None
    said, reached = "", 0
    for tag in _TAG.finditer(text):
        said += text[reached : tag.start()]
        reached = tag.end()
        if (tag[2] or "").lower() == "v":
            yield voice, said
            said = ""
            voice = None if tag[1] else (one_line(html.unescape(tag[3] or "")) or None)
    yield voice, said + text[reached:]


def _shared(start: int, end: int, parts: list[tuple[str | None, str]]) -> Iterator[Spoken]:
    """The parts with a share each of the cue's time, by the width of their text."""
    told = [(voice, one_line(html.unescape(text))) for voice, text in parts]
    told = [(voice, text) for voice, text in told if text]
    total = sum(display_width(text) for _, text in told) or 1
    done = 0
    for voice, text in told:
        begin = start + (end - start) * done // total
        done += display_width(text)
        yield Spoken(begin, start + (end - start) * done // total, text, voice)
