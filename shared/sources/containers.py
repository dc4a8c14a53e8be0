"""What a file is, from its first bytes: a container of sound, or a word for what else it is."""

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

HEAD_BYTES: Final = 4096
"""How many first bytes `sniff` and `describe` want to see; fewer will do for a shorter file."""


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of recording: its stable name, its media type, and its usual extension."""

    name: str
    media_type: str
    extension: str


WAV: Final = Container("wav", "audio/wav", ".wav")
MP3: Final = Container("mp3", "audio/mpeg", ".mp3")
MP4: Final = Container("mp4", "audio/mp4", ".m4a")
MOV: Final = Container("mov", "video/quicktime", ".mov")
OGG: Final = Container("ogg", "audio/ogg", ".ogg")
WEBM: Final = Container("webm", "audio/webm", ".webm")
FLAC: Final = Container("flac", "audio/flac", ".flac")
AAC: Final = Container("aac", "audio/aac", ".aac")
AMR: Final = Container("amr", "audio/amr", ".amr")
AIFF: Final = Container("aiff", "audio/aiff", ".aiff")
CAF: Final = Container("caf", "audio/x-caf", ".caf")

CONTAINERS: Final = (WAV, MP3, MP4, MOV, OGG, WEBM, FLAC, AAC, AMR, AIFF, CAF)

_W64 = b"riff\x2e\x91\xcf\x11"
_EBML = b"\x1a\x45\xdf\xa3"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MOV_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")

_RULES: Final[tuple[tuple[Callable[[bytes], bool], Container], ...]] = (
    (lambda h: h[:4] in (b"RIFF", b"RF64") and h[8:12] == b"WAVE", WAV),
    (lambda h: h.startswith(_W64), WAV),
    (lambda h: h[4:8] == b"ftyp" and h[8:12] == b"qt  ", MOV),
    (lambda h: h[4:8] == b"ftyp", MP4),
    (lambda h: h[4:8] in _MOV_ATOMS and len(h) >= 8, MOV),
    (lambda h: h.startswith(b"OggS"), OGG),
    (lambda h: h.startswith(_EBML), WEBM),
    (lambda h: h.startswith(b"fLaC"), FLAC),
    (lambda h: h.startswith(b"#!AMR"), AMR),
    (lambda h: h[:4] == b"FORM" and h[8:12] in (b"AIFF", b"AIFC"), AIFF),
    (lambda h: h.startswith(b"caff\x00\x01"), CAF),
    (lambda h: _adts(h, 0), AAC),
    (lambda h: _mpeg_audio(h, 0), MP3),
)

_OTHERS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"PK\x03\x04", "a ZIP archive (or a document in one, such as docx or xlsx)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file, which is not supported"),
    (b"MThd", "a MIDI file"),
    (b"#EXTM3U", "a playlist"),
    (b"SQLite format 3", "a database"),
)


def sniff(head: bytes) -> Container | None:
    """The container that the first bytes are of, or None where it is none that we read."""
    if head[:3] == b"ID3":
        return _after_id3(head)
    return next((container for matches, container in _RULES if matches(head)), None)


def by_name(name: str) -> Container | None:
    """The container of that name."""
    return next((container for container in CONTAINERS if container.name == name), None)


def describe(head: bytes) -> str:
    """What bytes that are no recording are, as a noun with its article."""
    if not head:
        return "an empty file"
    known = next((name for magic, name in _OTHERS if head.startswith(magic)), None)
    return known or _describe_text(head[:HEAD_BYTES]) or "a file of unknown kind"


def _describe_text(head: bytes) -> str | None:
    encoding = "utf-16" if head.startswith(_UTF_16) else "utf-8"
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # not merely a character that the end of the head cuts in two
            return None
        text = head[: error.start].decode(encoding)
    if not all(c.isprintable() or c.isspace() or c == "\ufeff" for c in text):
        return None
    start = text.lstrip("\ufeff \t\r\n").lower()
    if start.startswith(("<!doctype html", "<html")):
        return "a web page"
    if start.startswith("<"):
        return "an XML document"
    return "a JSON document" if start.startswith(("{", "[")) else "a text file"


def _after_id3(head: bytes) -> Container:
    """An ID3 tag stands before MP3, and sometimes before AAC or FLAC; a long tag hides which."""
    if len(head) < 10:
        return MP3
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    rest = head[10 + size :]
    if rest.startswith(b"fLaC"):
        return FLAC
    return AAC if _adts(rest, 0) else MP3


def _adts(head: bytes, at: int) -> bool:
    """An ADTS header (ISO 14496-3, 1.A.2): sync of 12 bits, layer 0, a sampling rate that exists."""
    return (
        len(head) >= at + 7
        and head[at] == 0xFF
        and head[at + 1] & 0xF6 == 0xF0
        and head[at + 2] >> 2 & 0xF < 13
    )


def _mpeg_audio(head: bytes, at: int) -> bool:
    """An MPEG audio header (ISO 11172-3, 2.4.1.3), with fields that are not reserved.

    Layer I, which nobody uses, is left out: there a text in UTF-16 begins like one.
    """
    return (
        len(head) >= at + 4
        and head[at] == 0xFF
        and head[at + 1] & 0xE0 == 0xE0
        and head[at + 1] >> 3 & 3 != 1  # version
        and head[at + 1] >> 1 & 3 in {1, 2}  # layer III, II
        and head[at + 2] >> 4 != 0xF  # bit rate
        and head[at + 2] >> 2 & 3 != 3  # sampling rate
    )
