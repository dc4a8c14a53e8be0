"""What is an object key: a relative POSIX path that stays where it belongs in every store."""

from pathlib import PurePosixPath
from typing import Final

ASIDE: Final = ".incoming"
"""The folder in which a disk keeps what is not whole yet; no key goes there."""

_MAX_BYTES: Final = 900  # of Cloud Storage's 1,024, with room for the prefix of a bucket's URL


def checked(key: str) -> str:
    """The key without a slash at its end; ValueError where it is none."""
    parts = PurePosixPath(key).parts
    plain = "/".join(parts)
    if (
        not parts
        or any(part in {"..", "/", ASIDE} for part in parts)
        or plain != key.removesuffix("/")
        or not plain.isprintable()
        or len(plain.encode()) > _MAX_BYTES
    ):
        raise ValueError(f"not an object key: {key!r}")
    return plain
