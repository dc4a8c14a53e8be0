"""Takes secrets out of what is written down: by the name that they stand under, and by their shape anywhere.

For the log and for reports of errors. Standard library only.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

HIDDEN: Final = "[hidden]"

_NAMES: Final = (
    "password|passwd|secret|token|authorization|api[-_]?key|private[-_]?key|credential|pepper|cookie|dsn"
)
_SECRET_NAME: Final = re.compile(rf"{_NAMES}|database_url|redis_url", re.I)
# Every repetition is bounded or ends at the text's end, so that no text takes more than linear time.
_SHAPES: Final = (
    # A password in a URL, whatever the scheme.
    (re.compile(r"(?<=://)([^/@\s:]*):([^@\s/]+)@"), rf"\1:{HIDDEN}@"),
    # What makes a URL a secret: upload sessions and signatures of the large clouds, and tokens by their usual names.
    (
        re.compile(
            r"([?&](?:upload_id|x-goog-signature|x-amz-signature|x-amz-security-token|signature|sig|token|access_token"
            r"|key|api_key|code|password|secret)=)[^&\s\"'<>]+",
            re.I,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(bearer\s+|basic\s+(?=\S{16}))[\w.~+/=-]{8,}", re.I), rf"\1{HIDDEN}"),
    (re.compile(r"\b(ctk_|whsec_|ya29\.)[\w.+/=-]+"), rf"\1{HIDDEN}"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.S), HIDDEN),
    # JSON in base64, which credentials and signed tokens are.
    (re.compile(r"\b(?:eyJ|ewog|ewo|ew0K)[\w.+/=-]{40,}"), HIDDEN),
    # What Postgres and asyncpg quote of a row or of a value that they refuse: it may be what was said.
    (re.compile(r"""(Failing row contains \().*?(\)\.)(?=\n|\\n|["']|\Z)""", re.S), rf"\1{HIDDEN}\2"),
    (re.compile(r"(invalid input for query argument \$\d+: ).*?(?= \(|\Z)", re.S), rf"\1{HIDDEN}"),
    # "name": "value", in JSON and in the repr of a dict; of a list of pairs, as headers are; and NAME=value.
    (
        re.compile(
            rf"""(b?["'][\w-]{{0,60}}(?:{_NAMES})[\w-]{{0,60}}["']\s{{0,9}}[:,]\s{{0,9}}b?(["']))"""
            r"""(?:(?!\2)[^\\]|\\.)*(?:\2|\Z|\\\Z)""",
            re.I | re.S,
        ),
        rf"\1{HIDDEN}\2",
    ),
    (re.compile(rf"""\b([A-Z][A-Z0-9_]{{0,60}}(?:{_NAMES.upper()})[A-Z0-9_]{{0,60}}=)[^\s"']+"""), rf"\1{HIDDEN}"),
)  # fmt: skip
# Most texts hold nothing of the kind; one look spares them the others.
_SUSPICIOUS: Final = re.compile(
    rf"://|[?&]\w|{_NAMES}|bearer|basic\s|ctk_|whsec_|ya29|PRIVATE|Failing row|invalid input|eyJ|ew[o0]", re.I
)


def clean(text: str) -> str:
    """The text without what has the shape of a secret."""
    if _SUSPICIOUS.search(text):
        for shape, instead in _SHAPES:
            text = shape.sub(instead, text)
    return text


def cleaned(name: str, value: Any) -> Any:
    """A value that stands under `name`, with every secret in it hidden, however deep.

    What JSON has no form for becomes its repr.
    """
    if _SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): cleaned(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [cleaned("", each) for each in value]
    return clean(repr(value))
