"""Resumable uploads by tus 1.0: a line that drops costs what was under way, not what had arrived."""

import base64
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx

from client.calls import bucket
from client.calls.file_parts import FilePart, OnSent
from client.calls.reading import ask, read
from client.errors import ClientError, RefusedError, refusal
from client.models import Upload
from client.plans import Pause, Plan, Request, Send
from client.retries import Backoff, answered, may_pass, unreachable

_PATH: Final = "/v1/uploads"
_TUS: Final = {"Tus-Resumable": "1.0.0"}
_BYTES: Final = "application/offset+octet-stream"
_TRIES: Final = 12  # failures in a row without a byte more: some five minutes
_ANSWER_S: Final = 180.0  # the last bytes are answered when the whole is joined and checked


class FileChangedError(ClientError):
    """The file is not the one that the upload was begun with. Begin anew; what was sent expires by itself."""

    code = "file_changed"


def offered() -> Plan[bool]:
    """Whether the service takes resumable uploads."""
    try:
        response = yield from answered(Request("OPTIONS", _PATH, headers=_TUS))
    except RefusedError as error:
        if error.http_status in (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED):
            return False
        raise
    return "creation" in response.headers.get("Tus-Extension", "")


def create(recording: Path) -> Plan[Upload]:
    """Announce a recording; nothing of it is sent yet. TooLargeError where it is over the limit."""
    name = base64.b64encode(recording.name.encode()).decode()
    headers = {**_TUS, "Upload-Length": str(recording.stat().st_size), "Upload-Metadata": f"filename {name}"}
    return read(Upload, (yield from answered(Request("POST", _PATH, headers=headers))))


def get(upload_id: UUID) -> Plan[Upload]:
    """How far an upload is; NotFoundError, GoneError."""
    return ask(Upload, "GET", f"{_PATH}/{upload_id}")


def send(upload_id: UUID, recording: Path, *, on_sent: OnSent | None = None) -> Plan[Upload]:
    """Send what the service does not have yet; where a connection breaks, it goes on from what arrived.

    It goes straight to the bucket where the service offers that and the bucket can be reached from here.
    """
    backoff = Backoff(_TRIES)
    upload = yield from get(upload_id)
    if upload.direct is not None and upload.size == recording.stat().st_size:
        address = yield from bucket.begin(upload.direct)
        if address is not None:
            yield from bucket.send(address, recording, on_sent)
            upload = yield from get(upload_id)
    while not upload.complete:
        if recording.stat().st_size != upload.size:
            raise FileChangedError
        error = yield from _piece(upload, recording, on_sent)
        if error is not None:
            elsewhere = getattr(error, "problem_code", "") == "upload_offset"
            pause = backoff.after(error) if elsewhere or may_pass(error) else None
            if pause is None:
                raise error
            yield Pause(pause)
        before = upload.received
        upload = yield from get(upload_id)
        if upload.received > before:
            backoff.reset()
    return upload


def delete(upload_id: UUID) -> Plan[None]:
    """Give an upload up; a session that was made of it stays."""
    yield from answered(Request("DELETE", f"{_PATH}/{upload_id}", headers=_TUS))


def _piece(upload: Upload, recording: Path, on_sent: OnSent | None) -> Plan[ClientError | None]:
    """Send all that is missing in one request; the error that ended it early, if one did."""
    headers = {**_TUS, "Content-Type": _BYTES, "Upload-Offset": str(upload.received)}
    part = FilePart(recording, upload.received, on_sent)
    request = Request(
        "PATCH", f"{_PATH}/{upload.id}", headers=headers, stream=part, read_s=_ANSWER_S, once=True
    )
    try:
        response: httpx.Response = yield Send(request)
    except httpx.HTTPError as failed:
        return unreachable(failed)
    return refusal(response) if response.is_error else None
