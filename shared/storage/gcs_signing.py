"""V4 signed URLs: permission to do one thing to one object, made without asking anybody (with a key).

The canonical request is Google's documented one; a test compares it with what google-cloud-storage makes.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlsplit

from shared.storage.google_identity import Identity

_ALGORITHM: Final = "GOOG4-RSA-SHA256"
LONGEST_S: Final = 7 * 86_400
"""The longest that Google lets a V4 signed URL live."""


async def signed_url(
    identity: Identity,
    *,
    endpoint: str,
    bucket: str,
    name: str,
    method: str,
    seconds: int,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> str:
    """The URL; a request must carry `headers` exactly as given here, or it is refused (F27)."""
    if not 0 < seconds <= LONGEST_S:
        raise ValueError(f"a signed URL lives at most {LONGEST_S} s")
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/auto/storage/goog4_request"
    sent = {"host": urlsplit(endpoint).netloc, **{k.lower(): v.strip() for k, v in (headers or {}).items()}}
    names = ";".join(sorted(sent))
    parameters = {
        **(query or {}),
        "X-Goog-Algorithm": _ALGORITHM,
        "X-Goog-Credential": f"{await identity.email()}/{scope}",
        "X-Goog-Date": moment,
        "X-Goog-Expires": str(seconds),
        "X-Goog-SignedHeaders": names,
    }
    path = f"/{bucket}/{quote(name, safe='/~')}"
    search = "&".join(f"{_quoted(key)}={_quoted(value)}" for key, value in sorted(parameters.items()))
    lines = "".join(f"{key}:{sent[key]}\n" for key in sorted(sent))
    canonical = "\n".join((method, path, search, lines, names, "UNSIGNED-PAYLOAD"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = await identity.sign("\n".join((_ALGORITHM, moment, scope, digest)).encode())
    return f"{endpoint}{path}?{search}&X-Goog-Signature={signature.hex()}"


def _quoted(text: str) -> str:
    return quote(text, safe="~")
