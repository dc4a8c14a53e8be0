"""From language tags (BCP 47) to the codes that Whisper knows; standard library only, no model is loaded."""

from collections.abc import Mapping
from typing import Final

from shared.errors import UnsupportedOptionError

CODES: Final = frozenset(
    (  # noqa: SIM905 - a list of a hundred quoted codes would be harder to read
        "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu"
        " hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt"
        " ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh"
    ).split()
)
UNSPACED: Final = frozenset(
    {"ja", "km", "lo", "my", "th", "yue", "zh"}
)  # written without spaces between words

# Other names of the same languages: retired codes, ISO 639-3, and what Whisper's authors called differently.
_ALIASES: Final[Mapping[str, str]] = {
    "arb": "ar", "cmn": "zh", "fil": "tl", "in": "id", "iw": "he", "ji": "yi", "jv": "jw", "mo": "ro",
    "nb": "no", "pes": "fa", "swh": "sw", "zsm": "ms",
}  # fmt: skip
_ONLY_LARGE_V3: Final = frozenset({"yue"})


def whisper_code(tag: str | None, *, bundled: bool = False) -> str | None:
    """Whisper's code for a tag such as `en-US`, `zh-TW` or `zh_Hant`; None for None: to be detected.

    Raises UnsupportedOptionError for a language that Whisper (with `bundled`, a small Whisper) does not know,
    before any work is done (F20).
    """
    if tag is None:
        return None
    primary = tag.strip().replace("_", "-").split("-")[0].lower()
    code = _ALIASES.get(primary, primary)
    if code in CODES and not (bundled and code in _ONLY_LARGE_V3):
        return code
    raise UnsupportedOptionError(
        f"The local engine does not know the language {tag!r}. Give a tag such as en, en-US, zh-TW or ja, or "
        "leave it out to have the language detected."
    )
