"""The fonts of PDF files: found where they are installed, checked, and cut down to the characters of a text.

They come from packages of people that we do not know, so a file is opened only when its bytes are those that
were looked at. docs/decisions/0006 says why these.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

from shared.errors import SetupError

REPLACEMENT: Final = "\u25a1"
"""What stands for a character that no font has."""

_WEIGHT: Final = 400.0  # regular; what some of the files show by themselves is their thinnest
_UNUSED: Final = ("BASE", "DSIG", "GDEF", "GPOS", "GSUB", "VORG", "VVAR", "vhea", "vmtx")


@dataclass(frozen=True, slots=True)
class Face:
    """A font: our name for it, the package and the file that it comes in, and the SHA-256 of that file."""

    name: str
    package: str
    file: str
    sha256: str


_CJK: Final = "justmytype-intl-cjk"
_LATIN: Final = Face(  # Greek, Cyrillic and Devanagari too
    "latin",
    "fontpkg-noto-sans",
    "fontpkg_noto_sans/files/NotoSans[wdth,wght].ttf",
    "bfb7bb691513f12e734dc346c03a03f784912432d7e3fa8e56efcf906fe86b3d",
)
_TRADITIONAL, _SIMPLIFIED, _JAPANESE, _KOREAN = (
    Face(
        f"noto-{tag}",
        _CJK,
        f"justmytype_intl_cjk/fonts/ofl/notosans{tag}/NotoSans{tag.upper()}[wght].ttf",
        sha256,
    )
    for tag, sha256 in (
        ("tc", "864727d210d54f2537bbe23b3a839436c3992af72de9322af5270897246bd44f"),
        ("sc", "a3041811a78c361b1de50f953c805e0244951c21c5bd412f7232ef0d899af0da"),
        ("jp", "c2f3b4d463500a2ddcd3849cded1fceeb9fd6d1c32e6cbecd568453ba50fc68f"),
        ("kr", "194018e6b2b293a7964f037b25c0249ce1418bc9ab3c971060a03aa57861e252"),
    )
)


def preferred(language: str | None) -> Sequence[Face]:
    """The fonts in the order in which they are asked for a character.

    The same character is drawn differently in Taipei, Beijing, Tokyo and Seoul, so the language decides.
    """
    subtags = (language or "").replace("_", "-").lower().split("-")
    first = {"ja": _JAPANESE, "ko": _KOREAN}.get(subtags[0], _TRADITIONAL)
    if subtags[0] in {"zh", "cmn"} and {"hans", "cn", "sg"} & set(subtags):
        first = _SIMPLIFIED
    rest = [face for face in (_TRADITIONAL, _SIMPLIFIED, _JAPANESE, _KOREAN) if face is not first]
    return (_LATIN, first, *rest)


def share(characters: Iterable[str], faces: Sequence[Face]) -> dict[Face, str]:
    """Which font draws which of the characters; those that none has are in no value."""
    left = set(characters)
    shares: dict[Face, str] = {}
    for face in faces:
        if not left:
            break
        drawn = {character for character in left if ord(character) in _repertoire(face)}
        if drawn:
            shares[face] = "".join(sorted(drawn))
        left -= drawn
    return shares


def cut(face: Face, characters: str, target: Path) -> None:
    """Write the font to a file, in its regular weight and with the glyphs of `characters` alone."""
    with TTFont(_checked(face), lazy=True, recalcTimestamp=False) as font:
        options = Options(layout_features=[], hinting=False, notdef_outline=True)
        options.drop_tables = [*options.drop_tables, *_UNUSED]
        subsetter = Subsetter(options)
        subsetter.populate(text=characters)
        subsetter.subset(font)
        axes = {axis.axisTag: axis.defaultValue for axis in font["fvar"].axes} | {"wght": _WEIGHT}
        instantiateVariableFont(font, axes, inplace=True).save(target)


@cache
def _repertoire(face: Face) -> frozenset[int]:
    with TTFont(_checked(face), lazy=True) as font:
        return frozenset(font.getBestCmap())


@cache
def _checked(face: Face) -> Path:
    """The font's file; SetupError where it is not installed, or is not the file that we know."""
    try:
        path = Path(str(distribution(face.package).locate_file(face.file)))
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except (PackageNotFoundError, OSError):
        raise SetupError(
            f"PDF files need fonts of the package {face.package}. Install this service's `api` extra."
        ) from None
    if found != face.sha256:
        raise SetupError(
            f"{path} is not the font that was looked at: its SHA-256 is {found}. It was not opened."
        )
    return path
