"""Which buckets of Cloud Storage recordings may be read from, and what a `gs://` URI names; standard library only.

Whoever may send recordings may have any object of these buckets transcribed, and read the transcript. So the owner
lists them, the list is empty unless he does, and a bucket of the service's own, where all tenants' recordings are, is
never on it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.errors import SetupError

SCHEME: Final = "gs://"
MAX_URI: Final = 1_500
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_MAX_NAME_BYTES: Final = 1_024  # Cloud Storage's


@dataclass(frozen=True, slots=True)
class BucketObject:
    """A URI taken apart."""

    bucket: str
    name: str


def object_of(uri: str, buckets: Sequence[str]) -> BucketObject:
    """What the URI names; ValueError, with words for the caller, where that is nothing to read."""
    if not uri.startswith(SCHEME):
        raise ValueError("must begin with gs://")
    bucket, _, name = uri.removeprefix(SCHEME).partition("/")
    if bucket not in buckets:
        raise ValueError("must be in a bucket that this server reads from")
    if not name or name.endswith("/") or name in {".", ".."}:
        raise ValueError("must name an object: gs://bucket/name")
    if len(name.encode(errors="replace")) > _MAX_NAME_BYTES or not name.isprintable():
        raise ValueError(f"must name an object in at most {_MAX_NAME_BYTES} bytes without control characters")
    return BucketObject(bucket, name)


def buckets_of(text: str, *own: str | None) -> tuple[str, ...]:
    """The buckets of TRANSCRIPTS_INGEST_BUCKETS; SetupError where one is none, or is of `own`: URLs of our buckets."""
    names = tuple(part.strip().removeprefix(SCHEME).rstrip("/") for part in text.split(",") if part.strip())
    ours = {url.removeprefix(SCHEME).partition("/")[0] for url in own if url and "file://" not in url}
    for name in names:
        if not _BUCKET.fullmatch(name):
            raise SetupError(f"TRANSCRIPTS_INGEST_BUCKETS: {name!r} is not the name of a bucket.")
        if name in ours:
            raise SetupError(
                f"TRANSCRIPTS_INGEST_BUCKETS: {name} is a bucket of this service's own. Whoever may send recordings "
                "could read those of others in it. Name another."
            )
    return names
