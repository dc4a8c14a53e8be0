"""A recording straight to Cloud Storage, by its resumable protocol: no byte of it passes through the service."""

from pathlib import Path
from typing import Final

import httpx

from client.calls.file_parts import FilePart, OnSent
from client.errors import ClientError, UnreachableError
from client.models.uploads import DirectUpload
from client.plans import Pause, Plan, Request, Send
from client.retries import Backoff, unreachable

_TRIES: Final = 12  # failures in a row without a byte more: some five minutes
_ANSWER_S: Final = 180.0
_MORE: Final = 308  # "Resume Incomplete": Range tells what is there
_TROUBLE: Final = frozenset({408, 429, 500, 502, 503, 504})


class BucketError(ClientError):
    """The bucket does not take the recording. Nothing was lost: it can be sent through the service."""

    code = "bucket_refused"


def begin(direct: DirectUpload) -> Plan[str | None]:
    """Open a resumable session: its address, which is a secret; None where the bucket cannot be reached from here."""
    request = Request(direct.method, direct.url, headers=direct.headers, elsewhere=True)
    try:
        response: httpx.Response = yield Send(request)
    except httpx.TransportError:
        return None
    return response.headers.get("Location") if response.is_success else None


def send(address: str, recording: Path, on_sent: OnSent | None) -> Plan[None]:
    """Send the file to the session; where a connection breaks, it goes on from what arrived. BucketError."""
    size, received, backoff = recording.stat().st_size, 0, Backoff(_TRIES)
    while True:
        error = yield from _rest(address, recording, received, on_sent)
        if error is None:
            return
        pause = backoff.after(error) if isinstance(error, UnreachableError) else None
        if pause is None:
            raise error
        yield Pause(pause)
        there = yield from _received(address, size)
        if there == size:
            return
        if there > received:
            backoff.reset()
        received = max(there, 0)


def _rest(address: str, recording: Path, offset: int, on_sent: OnSent | None) -> Plan[ClientError | None]:
    part = FilePart(recording, offset, on_sent)
    size = offset + part.length
    headers = {"Content-Range": f"bytes {offset}-{size - 1}/{size}"}
    request = Request(
        "PUT", address, headers=headers, stream=part, read_s=_ANSWER_S, once=True, elsewhere=True
    )
    try:
        response: httpx.Response = yield Send(request)
    except httpx.HTTPError as failed:
        return unreachable(failed)
    return _what(response)


def _received(address: str, size: int) -> Plan[int]:
    """How many bytes are there for good; -1 where the bucket does not say now."""
    request = Request("PUT", address, headers={"Content-Range": f"bytes */{size}"}, elsewhere=True)
    try:
        response: httpx.Response = yield Send(request)
    except httpx.HTTPError:
        return -1
    if response.is_success:
        return size
    if response.status_code == _MORE:
        last = response.headers.get("Range", "bytes=0--1").rpartition("-")[2]
        return int(last) + 1 if "Range" in response.headers else 0
    if isinstance(error := _what(response), BucketError):
        raise error
    return -1


def _what(response: httpx.Response) -> ClientError | None:
    if response.is_success:
        return None
    if response.status_code in _TROUBLE or response.status_code == _MORE:
        return UnreachableError(f"The bucket answers {response.status_code}.")
    return BucketError(f"The bucket answers {response.status_code} instead of taking the recording.")
