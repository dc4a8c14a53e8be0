"""Files that are too large to hold: recordings, and many transcripts as a zip, written to disk as they come."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

import httpx

from client.calls.file_parts import OnSent
from client.calls.reading import query
from client.errors import ClientError, refusal
from client.plans import Hear, Listen, Pause, Plan, Request
from client.retries import Backoff, may_pass, unreachable

_TRIES: Final = 8
_QUIET_S: Final = 120.0  # a zip's files are made one after the other


def audio(session_id: UUID, path: Path, *, on_received: OnSent | None = None) -> Plan[None]:
    """Write the session's recording to `path`, as it came; where the line breaks, it goes on from there.

    `path` is whole or not there: until the end the bytes are in `path` with `.part` at its end.
    """
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        yield from _whole(Request("GET", f"/v1/sessions/{session_id}/audio"), file, on_received)
    part.replace(path)


def archive(
    formats: Iterable[str],
    path: Path,
    *,
    session_ids: Iterable[UUID] = (),
    language: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    q: str | None = None,
    redact: Iterable[str] = (),
) -> Plan[None]:
    """Write the transcripts of many sessions to a zip at `path`, each in every one of the formats.

    The sessions are those with the ids, or those of the filters; `contents.json` in it tells which files are of which
    session, and why a session has none.
    """
    params = query(
        {
            "format": list(formats),
            "session_id": [str(each) for each in session_ids] or None,
            "language": language,
            "created_after": created_after,
            "created_before": created_before,
            "q": q,
            "redact": ",".join(redact) or None,
        }
    )
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        request = Request("GET", "/v1/exports", params=params, read_s=_QUIET_S)
        yield from _whole(request, file, None)
    part.replace(path)


def _whole(request: Request, file: BinaryIO, on_received: OnSent | None) -> Plan[None]:
    """Hear all of an answer, in as many requests as it takes."""
    backoff, tag = Backoff(_TRIES), ""
    while True:
        before = file.tell()
        headers = {"Range": f"bytes={before}-", "If-Range": tag} if before and tag else {}
        try:
            response: httpx.Response = yield Listen(request.with_headers(headers))
            if response.is_error:
                raise refusal(response)
            if response.status_code != httpx.codes.PARTIAL_CONTENT:  # from the beginning, then
                file.seek(0)
                file.truncate()
            tag = response.headers.get("ETag", "")
            yield from _hear(response, file, on_received)
        except httpx.HTTPError as failed:
            error: ClientError = unreachable(failed)
        except ClientError as refused:
            error = refused
        else:
            return
        if file.tell() > before:
            backoff.reset()
        pause = backoff.after(error) if may_pass(error) else None
        if pause is None:
            raise error
        yield Pause(pause)


def _hear(response: httpx.Response, file: BinaryIO, on_received: OnSent | None) -> Plan[None]:
    length = response.headers.get("Content-Length", "")
    total = file.tell() + int(length) if length.isdecimal() else 0
    while chunk := (yield Hear()):
        file.write(chunk)
        if on_received is not None:
            on_received(file.tell(), max(total, file.tell()))
