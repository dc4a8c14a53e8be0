"""The calls of Speech v2 in one location, over one connection: each with a timeout, none repeated by a library."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final
from urllib.parse import urlsplit

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.location import locations_pb2
from google.cloud.speech_v2 import SpeechAsyncClient
from google.cloud.speech_v2.services.speech.transports import SpeechGrpcAsyncIOTransport
from google.cloud.speech_v2.types import cloud_speech, locations_metadata
from google.longrunning import operations_pb2

from shared.errors import EngineError, EngineUnavailableError, TranscriptsError
from shared.observation import telemetry
from shared.storage.google_identity import Identity
from worker_service.engines.google import codes
from worker_service.engines.port import NotStartedError

CALL_S: Final = 20.0
_CONNECT_S: Final = 5.0
_ONLY_V2: Final = "is_v2(name)"
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),  # a page of operations can be more than the usual 4 MiB
    ("grpc.enable_retries", 0),  # not even by the transport: a repeated submit is a second bill
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


class CallError(Exception):
    """A call failed: its code, and the error of ours for it."""

    def __init__(self, code: int, error: EngineError) -> None:
        """`code` is of google.rpc.Code."""
        super().__init__(error.detail)
        self.code = code
        self.error = error


class SpeechClient:
    """One location of one project. Made on the event loop that uses it."""

    def __init__(
        self, project: str, location: str, identity: Identity, *, endpoint: str | None = None
    ) -> None:
        """`endpoint` replaces Google's: `https://host:port`, or `http://host:port` without TLS, for tests."""
        self.location = location
        self.parent = f"projects/{project}/locations/{location}"
        self.recognizer = f"{self.parent}/recognizers/_"
        self._identity = identity
        self._channel = _channel(endpoint or f"https://{host(location)}")
        self._client = SpeechAsyncClient(transport=SpeechGrpcAsyncIOTransport(channel=self._channel))

    async def batch_recognize(
        self, request: "cloud_speech.BatchRecognizeRequest", *, timeout_s: float
    ) -> str:
        """Start an operation, at most once; returns its name.

        Raises NotStartedError where there is certainly none, and EngineUnavailableError where nobody knows.
        """
        metadata = await self._ready()
        try:
            with self._span("BatchRecognize"):
                started = await self._client.batch_recognize(
                    request, timeout=timeout_s, retry=None, metadata=metadata
                )
        except GoogleAPICallError as raised:
            code, error = codes.of_call(raised)
            if codes.meaning(code).started_nothing:
                raise NotStartedError(error) from raised
            raise error from raised
        return str(started.operation.name)

    async def page(self, token: str, size: int) -> tuple[Sequence[operations_pb2.Operation], str]:
        """Some operations of this location and the token of the next page, empty on the last one. CallError."""
        request = operations_pb2.ListOperationsRequest(
            name=self.parent, filter=_ONLY_V2, page_size=size, page_token=token
        )
        page = await self._call(self._client.list_operations, request)
        return page.operations, str(page.next_page_token)

    async def get(self, name: str) -> operations_pb2.Operation:
        """One operation. CallError."""
        request = operations_pb2.GetOperationRequest(name=name)
        operation: operations_pb2.Operation = await self._call(self._client.get_operation, request)
        return operation

    async def cancel(self, name: str) -> None:
        """Ask for an operation to be stopped; best effort. CallError."""
        await self._call(self._client.cancel_operation, operations_pb2.CancelOperationRequest(name=name))

    async def capabilities(self) -> "locations_metadata.LocationsMetadata":
        """What the Locations API says that there is here. CallError."""
        request = locations_pb2.GetLocationRequest(name=self.parent)
        found = await self._call(self._client.get_location, request)
        metadata = locations_metadata.LocationsMetadata()
        found.metadata.Unpack(locations_metadata.LocationsMetadata.pb(metadata))
        return metadata

    async def aclose(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def _call(self, method: Any, request: Any) -> Any:
        metadata = await self._metadata()
        try:
            with self._span(type(request).__name__.removesuffix("Request")):
                return await method(request, timeout=CALL_S, metadata=metadata)
        except GoogleAPICallError as raised:
            raise CallError(*codes.of_call(raised)) from raised

    def _span(self, method: str) -> AbstractContextManager[object]:
        return telemetry.span(f"google.speech {method}", **{"rpc.system": "grpc", "location": self.location})

    async def _ready(self) -> tuple[tuple[str, str], ...]:
        """Have a connection and a token, so that what cannot be sent is known not to have been sent."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._channel.channel_ready()
            return await self._metadata()
        except TranscriptsError as error:
            raise NotStartedError(error) from error
        except TimeoutError:
            raise NotStartedError(
                EngineUnavailableError(
                    f"Google Speech-to-Text in {self.location} cannot be reached. Nothing was started; the job is "
                    "tried again by itself."
                )
            ) from None

    async def _metadata(self) -> tuple[tuple[str, str], ...]:
        token = await self._identity.token()
        return (("authorization", f"Bearer {token}"),) if token else ()


def host(location: str) -> str:
    """The host that serves a location."""
    return "speech.googleapis.com" if location == "global" else f"{location}-speech.googleapis.com"


def _channel(endpoint: str) -> grpc.aio.Channel:
    parts = urlsplit(endpoint)
    if parts.scheme == "http":
        return grpc.aio.insecure_channel(parts.netloc, options=_OPTIONS)
    return grpc.aio.secure_channel(parts.netloc, grpc.ssl_channel_credentials(), options=_OPTIONS)
