"""Fetches a recording from the web into the object store: from the public internet alone, in bounds, checked.

The address that was judged is the address that is connected to: names are resolved here, once a connection, so a
name that resolves to something else a moment later (DNS rebinding) gains nothing. TLS still checks the name.
Environment proxies are not used: behind one, the proxy would be the one to resolve.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

import httpcore

from shared.errors import (
    EmptyUploadError,
    SourceRefusedError,
    SourceUnavailableError,
    TooLargeError,
    TranscriptsError,
    UnsupportedMediaError,
)
from shared.observation import telemetry
from shared.ports import ObjectStore, StoredObject
from shared.sources.addresses import Network, may_reach, target_of
from shared.sources.buckets import SCHEME
from shared.sources.containers import HEAD_BYTES, Container, describe, sniff
from worker_service.sources.bucket_reading import BucketReader

_MAX_HOPS: Final = 5
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_TIMEOUT: Final = {"connect": 10.0, "read": 60.0, "write": 10.0, "pool": 10.0}
_HEADERS: Final[dict[bytes | str, bytes | str]] = {
    "User-Agent": "coaching-transcripts",
    "Accept": "audio/*, video/*, application/octet-stream, */*;q=0.5",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one fetch may take, and which private networks it may reach (none, unless somebody knows why)."""

    max_bytes: int
    max_s: float
    networks: Sequence[Network] = ()


class Fetcher:
    """Fetches into one store."""

    def __init__(
        self,
        store: ObjectStore,
        limits: FetchLimits,
        *,
        buckets: BucketReader | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`buckets` None: no bucket is read from."""
        self._store = store
        self._limits = limits
        self._buckets = buckets
        self._tls = tls

    async def fetch(self, url: str, key: str) -> tuple[StoredObject, Container]:
        """Store under `key` what is at `url`, a web address or a `gs://` URI.

        Raises SourceRefusedError for what will not change by itself, SourceUnavailableError for what may,
        TooLargeError, UnsupportedMediaError, StorageError. The URL is in none of them: it may hold a signature.
        """
        recording = _Recording()
        try:
            with telemetry.span("fetch"):
                async with asyncio.timeout(self._limits.max_s), aclosing(self._source(url)) as body:
                    stored = await self._store.put(key, recording.recognised(body))
        except TimeoutError:
            raise SourceUnavailableError(
                f"The recording did not come within {self._limits.max_s:g} s. It is tried again by itself."
            ) from None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            raise SourceUnavailableError(
                f"The recording cannot be fetched now ({type(error).__name__}). It is tried again by itself."
            ) from error
        assert recording.container is not None
        return stored, recording.container

    def _source(self, url: str) -> AsyncGenerator[bytes, None]:
        if not url.startswith(SCHEME):
            return self._body(url)
        if self._buckets is None:
            raise SourceRefusedError(
                "This worker reads from no bucket: set TRANSCRIPTS_INGEST_BUCKETS for it."
            )
        return self._buckets.body(url, self._limits.max_bytes)

    async def _body(self, url: str) -> AsyncGenerator[bytes, None]:
        """The bytes at the end of the redirects; each hop is judged anew, by a connection of its own."""
        for _ in range(_MAX_HOPS + 1):
            target = self._judged(url)
            backend = _JudgingBackend(self._limits.networks)
            async with (
                httpcore.AsyncConnectionPool(
                    ssl_context=self._tls or ssl.create_default_context(), network_backend=backend
                ) as pool,
                pool.stream("GET", url, headers=_HEADERS, extensions={"timeout": _TIMEOUT}) as answer,
            ):
                where = _header(answer, b"location")
                if answer.status not in _MOVED or not where:
                    async for chunk in self._bounded(answer):
                        yield chunk
                    return
            onward = urljoin(url, where)
            if target.scheme == "https" and not onward.startswith("https:"):
                raise SourceRefusedError("The address leads from https on to http, which is not followed.")
            url = onward
        raise SourceRefusedError(f"The address leads on and on: more than {_MAX_HOPS} redirects.")

    def _judged(self, url: str) -> Any:
        try:
            return target_of(url, self._limits.networks)
        except ValueError as error:
            raise SourceRefusedError(f"A redirect of the address {error}.") from None

    async def _bounded(self, answer: httpcore.Response) -> AsyncIterator[bytes]:
        """The body, measured (F33); a declared length that is too much is refused before it is read."""
        _check(answer)
        declared = _header(answer, b"content-length")
        size = int(declared) if declared.isdecimal() else 0
        if size > self._limits.max_bytes:
            raise self._too_large()
        size = 0
        async for chunk in answer.aiter_stream():
            size += len(chunk)
            if size > self._limits.max_bytes:
                raise self._too_large()
            yield chunk

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"The recording at the address has more than the {self._limits.max_bytes} bytes that this server takes.",
            max_bytes=self._limits.max_bytes,
        )


class _Recording:
    """Holds the first bytes back until they tell what the file is (F23)."""

    def __init__(self) -> None:
        self.container: Container | None = None

    async def recognised(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        head = b""
        async for chunk in body:
            if self.container is not None:
                yield chunk
                continue
            head += chunk
            if len(head) >= HEAD_BYTES:
                self.container = _container(head)
                yield head
        if self.container is None:
            self.container = _container(head)
            yield head


class _JudgingBackend(httpcore.AsyncNetworkBackend):
    """Resolves names itself, judges what comes out, and connects to exactly that."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers; SourceRefusedError where any of them is not public."""
        try:
            async with asyncio.timeout(timeout):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, proto=socket.IPPROTO_TCP)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        addresses = list(dict.fromkeys(item[4][0] for item in found))
        for address in addresses:
            # A name with one foot inside is not to be trusted with the other one either.
            if not may_reach(ipaddress.ip_address(str(address).partition("%")[0]), self._allowed):
                raise SourceRefusedError(
                    "The address leads to a private network. Recordings are fetched from the public internet alone."
                )
        last: Exception = OSError("no address")
        for address in addresses:
            try:
                return await self._backend.connect_tcp(
                    str(address), port, timeout=timeout, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last


def _container(head: bytes) -> Container:
    if not head:
        raise EmptyUploadError("There is nothing at the address: the file is empty.")
    found = sniff(head)
    if found is None:
        raise UnsupportedMediaError(
            f"At the address is {describe(head)}, not a recording. Give the address of the file itself."
        )
    return found


def _check(answer: httpcore.Response) -> None:
    if answer.status in _PASSING:
        raise SourceUnavailableError(f"The address answered {answer.status}. It is tried again by itself.")
    error: TranscriptsError | None = None
    if answer.status != 200:
        error = SourceRefusedError(f"The address answered {answer.status} and gave no recording.")
    elif _header(answer, b"content-encoding").lower() not in {"", "identity"}:
        error = SourceRefusedError("The address gives the recording compressed, though it was asked not to.")
    if error is not None:
        raise error


def _header(answer: httpcore.Response, name: bytes) -> str:
    return next((value for key, value in answer.headers if key.lower() == name), b"").decode("latin-1")
