"""File names for downloads: from any title, in any script, safe on every system and in an HTTP header."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

_MAX_BYTES: Final = 180  # most file systems take 255; browsers append " (1)" and more
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*]+')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)  # devices on Windows
_ATTR_CHARS: Final = "!#$&+-.^_`|~"  # RFC 5987, section 3.2.1, besides letters and digits


def file_name(title: str, extension: str) -> str:
    """A name for the exported file: the title without what a file system or a shell refuses, `.extension`.

    A title of which nothing remains gives `transcript.extension`.
    """
    visible = "".join(c for c in unicodedata.normalize("NFC", title) if _is_visible(c))
    stem = " ".join(_FORBIDDEN.sub(" ", visible).split()).strip(". ")
    stem = stem.encode()[:_MAX_BYTES].decode(errors="ignore").strip(". ")
    if _RESERVED.fullmatch(stem.partition(".")[0]):
        stem = f"_{stem}"
    return f"{stem or 'transcript'}.{extension}"


def _is_visible(character: str) -> bool:
    """White space and the joiners of Persian and emoji stay; controls, bidi overrides, surrogates go."""
    return (
        character.isspace()
        or character in "\u200c\u200d"
        or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )


def content_disposition(filename: str) -> str:
    """The Content-Disposition of a download (RFC 6266); always ASCII, whatever script the name is in.

    A name that is not plain ASCII goes in `filename*` (RFC 5987) and, for old clients, as a look-alike in
    `filename`: accents dropped, the rest as underscores.
    """
    decomposed = unicodedata.normalize("NFKD", filename)
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    fallback = re.sub(r"[^ -~]+", "_", bare)
    fallback = re.sub(r'["\\%]', "_", fallback)
    stem, _, extension = fallback.rpartition(".")
    if not stem.strip("_ "):
        fallback = f"transcript.{extension}"
    plain = f'attachment; filename="{fallback}"'
    if fallback == filename:
        return plain
    return f"{plain}; filename*=UTF-8''{quote(filename, safe=_ATTR_CHARS)}"
