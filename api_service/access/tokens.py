"""The form of a key: a prefix that scanners for leaked secrets know, chance, and a checksum.

`ctk_` and 38 characters: 32 of chance (190 bits) and 6 of a CRC-32 over what stands before. The checksum tells a
typing error, and a string that is no key at all, without a look into the database.
"""

import re
import secrets
import string
import zlib
from typing import Final

PREFIX: Final = "ctk_"
SHOWN: Final = len(PREFIX) + 4
"""How many characters of a key are kept to tell it from others."""

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM: Final = 32
_CHECK: Final = 6
_FORM: Final = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECK}}}")


def new_token() -> str:
    """A new key."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def is_token(text: str) -> bool:
    """Whether the text has the form of a key, its checksum included."""
    return bool(_FORM.fullmatch(text)) and _checksum(text[:-_CHECK]) == text[-_CHECK:]


def _checksum(body: str) -> str:
    value = zlib.crc32(body.encode())
    digits = []
    for _ in range(_CHECK):
        value, digit = divmod(value, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
