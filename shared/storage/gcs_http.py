"""Requests to Cloud Storage: with a token, tried again where that is safe, errors made ours.

No URL is ever logged or put into an error: that of an upload session is as good as a password (F39).
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote

import httpx

from shared.errors import (
    ObjectExistsError,
    ObjectMissingError,
    RangeError,
    StorageError,
    StorageMisconfiguredError,
    TranscriptsError,
)
from shared.observation import telemetry
from shared.storage.google_identity import Identity

GOOGLE: Final = "https://storage.googleapis.com"
UNSTARTED: Final = httpx.codes.PERMANENT_REDIRECT  # 308: Cloud Storage's "Resume Incomplete"

_FORBIDDEN: Final = httpx.codes.FORBIDDEN
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
_CONNECTIONS: Final = httpx.Limits(max_connections=500, max_keepalive_connections=50)
_LONGEST_WAIT_S: Final = 8.0
_TRIES: Final = 8  # with waits from 0.25 s on: some twenty seconds


class Patience:
    """How often a thing may fail in a row: waits grow, with jitter; progress begins anew."""

    def __init__(self, base_s: float) -> None:
        self._base_s = base_s
        self._failures = 0

    def progress(self) -> None:
        """It went on: earlier failures do not count any more."""
        self._failures = 0

    async def after(self, error: TranscriptsError) -> None:
        """Wait before the next try; raises `error` where it is not worth one, or there were enough."""
        self._failures += 1
        if not error.transient or self._failures >= _TRIES:
            raise error
        wait_s = min(self._base_s * 2 ** (self._failures - 1), _LONGEST_WAIT_S)
        await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  (jitter, no secret)


class CloudStorage:
    """One server that speaks Cloud Storage's JSON and XML APIs."""

    def __init__(self, identity: Identity, *, endpoint: str = GOOGLE, wait_s: float = 0.25) -> None:
        """`endpoint` is Google's or an emulator's; `wait_s` is the first wait after a failure."""
        self.endpoint = endpoint.rstrip("/")
        self.identity = identity
        self._wait_s = wait_s
        self._http = httpx.AsyncClient(timeout=_TIMEOUT, limits=_CONNECTIONS)

    def patience(self) -> Patience:
        """A new one."""
        return Patience(self._wait_s)

    def object_path(self, bucket: str, name: str) -> str:
        """The path of an object's resource in the JSON API."""
        return f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}"

    async def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """An authorised request that may be repeated; returns the answer where it is a success.

        Raises what `refusal` makes of any other answer, after the tries that are worth it.
        """
        patience = self.patience()
        while True:
            try:
                return checked(await self._authorised(method, path, **request))
            except TranscriptsError as error:
                await patience.after(error)

    async def ask(self, method: str, url: str, **request: Any) -> httpx.Response:
        """One request to an upload session, whose URL authorises it; any answer is returned."""
        try:
            with telemetry.span(f"storage {method}"):
                return await self._http.request(method, url, **request)
        except httpx.TransportError as error:
            raise _unreachable(error) from error

    @asynccontextmanager
    async def stream(self, path: str, **request: Any) -> AsyncIterator[httpx.Response]:
        """One authorised GET whose body is read by the caller; refusals are raised. Broken reads are StorageError."""
        headers = {**request.pop("headers", {}), **await self._authorisation()}
        try:
            async with self._http.stream("GET", self.endpoint + path, headers=headers, **request) as response:
                if response.is_error:
                    await response.aread()
                    self._heed(response)
                yield checked(response)
        except httpx.TransportError as error:
            raise _unreachable(error) from error

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()
        self.identity.close()

    async def _authorised(self, method: str, path: str, **request: Any) -> httpx.Response:
        headers = {**request.pop("headers", {}), **await self._authorisation()}
        try:
            with telemetry.span(f"storage {method}"):
                response = await self._http.request(method, self.endpoint + path, headers=headers, **request)
        except httpx.TransportError as error:
            raise _unreachable(error) from error
        self._heed(response)
        return response

    def _heed(self, response: httpx.Response) -> None:
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self.identity.forget_token()

    async def _authorisation(self) -> Mapping[str, str]:
        token = await self.identity.token()
        return {"Authorization": f"Bearer {token}"} if token else {}


def checked(response: httpx.Response) -> httpx.Response:
    """The answer, where it is a success; else raises what it says."""
    if response.is_success:
        return response
    raise refusal(response)


def refusal(response: httpx.Response) -> TranscriptsError:
    """What an answer that is no success means, told by its status and never by its text (F7, F8)."""
    status = response.status_code
    if status in _PASSING:
        return StorageError(f"Cloud Storage answered {status}. What was stored before is kept; try again.")
    match status:
        case httpx.codes.NOT_FOUND | httpx.codes.GONE:
            return _missing(response)
        case httpx.codes.PRECONDITION_FAILED:
            return ObjectExistsError()
        case httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return RangeError()
        case httpx.codes.UNAUTHORIZED:
            # Once more with a new token; Patience ends it where that is refused as well.
            return StorageError("Cloud Storage refuses our access token. Check the service account's key.")
    advice = (
        " Give the service account roles/storage.objectUser on the bucket." if status == _FORBIDDEN else ""
    )
    return StorageMisconfiguredError(
        f"Cloud Storage refused the request ({status}): {_message(response)}{advice}"
    )


def _missing(response: httpx.Response) -> TranscriptsError:
    if "bucket does not exist" in _message(response):  # the one case that only the text tells apart
        return StorageMisconfiguredError(
            "The bucket does not exist. Make it, or set another: TRANSCRIPTS_STORAGE_URL names that of the recordings, "
            "TRANSCRIPTS_GOOGLE_BUCKET Google's."
        )
    return ObjectMissingError()


def _message(response: httpx.Response) -> str:
    try:
        text = str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        text = "it says no more."
    return text[:300]


def _unreachable(error: httpx.TransportError) -> StorageError:
    return StorageError(
        f"Cloud Storage cannot be reached ({type(error).__name__}). What was stored before is kept; try again."
    )
