"""The gRPC side: Speech v2's BatchRecognize, Operations and Locations, as the clients call them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc

from google.cloud.location import locations_pb2
from google.cloud.speech_v2.types import cloud_speech, locations_metadata
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, empty_pb2
from google.rpc import error_details_pb2, status_pb2
from tests.fakes.google import capabilities
from tests.fakes.google.faults import Faults, Quotas, Refusal
from tests.fakes.google.objects import StorageRefusal
from tests.fakes.google.operations import Operations
from tests.fakes.google.signing import Account
from tests.fakes.google.state import State

Handler = Callable[[Any], Any]
_SPEECH: Final = "google.cloud.speech.v2.Speech"
_OPERATIONS: Final = "google.longrunning.Operations"
_LOCATIONS: Final = "google.cloud.location.Locations"


class SpeechService:
    """Answers gRPC calls; every call passes the faults, the quotas and the count of calls."""

    def __init__(
        self, state: State, operations: Operations, faults: Faults, quotas: Quotas, account: Account
    ) -> None:
        self._state = state
        self._account = account
        self._operations = operations
        self._faults = faults
        self._quotas = quotas
        self._working: set[asyncio.Future[Any]] = set()

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """One handler a service, for `grpc.aio.Server.add_generic_rpc_handlers`."""
        speech = {"BatchRecognize": (self.batch_recognize, cloud_speech.BatchRecognizeRequest.deserialize)}
        operations = {
            "GetOperation": (self.get_operation, operations_pb2.GetOperationRequest.FromString),
            "ListOperations": (self.list_operations, operations_pb2.ListOperationsRequest.FromString),
            "CancelOperation": (self.cancel_operation, operations_pb2.CancelOperationRequest.FromString),
            "DeleteOperation": (self.delete_operation, operations_pb2.DeleteOperationRequest.FromString),
        }
        locations = {
            "ListLocations": (self.list_locations, locations_pb2.ListLocationsRequest.FromString),
            "GetLocation": (self.get_location, locations_pb2.GetLocationRequest.FromString),
        }
        return [
            grpc.method_handlers_generic_handler(
                service,
                {
                    name: grpc.unary_unary_rpc_method_handler(
                        self._served(name, handler),
                        request_deserializer=read,
                        response_serializer=lambda reply: reply.SerializeToString(),
                    )
                    for name, (handler, read) in methods.items()
                },
            )
            for service, methods in ((_SPEECH, speech), (_OPERATIONS, operations), (_LOCATIONS, locations))
        ]

    def _served(
        self, method: str, handler: Handler
    ) -> Callable[[Any, grpc.aio.ServicerContext], Awaitable[Any]]:
        async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
            # A client that gives up does not stop what it has asked for.
            work = asyncio.ensure_future(self._answer(method, handler, request, _authorization(context)))
            self._working.add(work)
            work.add_done_callback(self._done)
            try:
                reply = await asyncio.shield(work)
            except Refusal as refusal:
                self._state.count(method, refusal.code.name)
                await _abort(context, refusal)
            self._state.count(method, "OK")
            return reply

        return call

    async def _answer(self, method: str, handler: Handler, request: Any, authorization: str | None) -> Any:
        text = str(request)
        await asyncio.sleep(self._state.settings.grpc_latency_ms / 1_000)
        for when in ("before", "after"):
            fault = await self._faults.strike(method, when, text)
            if fault:
                raise Refusal(grpc.StatusCode[str(fault.code)], fault.message, fault.ms, fault.reason)
            if when == "before":
                self._admit(authorization)
                reply = handler(request)
        return reply

    def _admit(self, authorization: str | None) -> None:
        if self._state.settings.require_grpc_auth:
            try:
                self._account.check_token(authorization)
            except StorageRefusal as refusal:
                raise Refusal(grpc.StatusCode.UNAUTHENTICATED, refusal.message) from refusal

    def _done(self, work: "asyncio.Future[Any]") -> None:
        self._working.discard(work)
        if not work.cancelled():
            work.exception()  # looked at, in case that the client is gone

    def batch_recognize(self, request: cloud_speech.BatchRecognizeRequest) -> operations_pb2.Operation:
        """Start an operation; what is refused here made none."""
        project, location = capabilities.check(request)
        self._quotas.take("batch", location)
        return self._operations.submit(project, location, request)

    def get_operation(self, request: operations_pb2.GetOperationRequest) -> operations_pb2.Operation:
        """One operation."""
        self._quotas.take("operation", _location(request.name))
        return self._operations.get(request.name)

    def list_operations(
        self, request: operations_pb2.ListOperationsRequest
    ) -> operations_pb2.ListOperationsResponse:
        """A page of a location's operations."""
        self._quotas.take("operation", _location(request.name))
        page, token = self._operations.page(
            request.name, request.filter, request.page_size, request.page_token
        )
        return operations_pb2.ListOperationsResponse(operations=page, next_page_token=token)

    def cancel_operation(self, request: operations_pb2.CancelOperationRequest) -> empty_pb2.Empty:
        """Best effort."""
        self._quotas.take("operation", _location(request.name))
        self._operations.cancel(request.name)
        return empty_pb2.Empty()

    def delete_operation(self, request: operations_pb2.DeleteOperationRequest) -> empty_pb2.Empty:
        """Forget the operation; it is not stopped."""
        self._quotas.take("operation", _location(request.name))
        self._operations.delete(request.name)
        return empty_pb2.Empty()

    def list_locations(
        self, request: locations_pb2.ListLocationsRequest
    ) -> locations_pb2.ListLocationsResponse:
        """Every location with its models, languages and features."""
        names = [f"{request.name}/locations/{location}" for location in capabilities.LOCATIONS]
        return locations_pb2.ListLocationsResponse(locations=[_location_resource(name) for name in names])

    def get_location(self, request: locations_pb2.GetLocationRequest) -> locations_pb2.Location:
        """One location; NOT_FOUND for one that this server does not have."""
        return _location_resource(request.name)


def _authorization(context: grpc.aio.ServicerContext) -> str | None:
    """What the caller sent to prove who it is."""
    sent = dict(context.invocation_metadata() or ())
    return sent.get("authorization")


def _location(name: str) -> str:
    """The location in a resource's name; INVALID_ARGUMENT where there is none."""
    parts = name.split("/")
    if len(parts) < 4 or parts[0] != "projects" or parts[2] != "locations":
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"Invalid resource name: {name!r}.")
    return parts[3]


def _location_resource(name: str) -> locations_pb2.Location:
    location = _location(name)
    if location not in capabilities.LOCATIONS:
        raise Refusal(grpc.StatusCode.NOT_FOUND, f"Location {location!r} was not found.")
    resource = locations_pb2.Location(name=name, location_id=location)
    resource.metadata.Pack(locations_metadata.LocationsMetadata.pb(capabilities.metadata(location)))
    return resource


async def _abort(context: grpc.aio.ServicerContext, refusal: Refusal) -> None:
    """Answer with the code, and with the details in the trailer where Google puts them."""
    status = status_pb2.Status(code=refusal.code.value[0], message=refusal.message)
    exhausted = refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    if reason := refusal.reason or ("RATE_LIMIT_EXCEEDED" if exhausted else ""):
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="googleapis.com"))
        status.details.append(detail)
    if refusal.retry_ms:
        info = error_details_pb2.RetryInfo()
        info.retry_delay.FromMilliseconds(refusal.retry_ms)
        detail = any_pb2.Any()
        detail.Pack(info)
        status.details.append(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    await context.abort(refusal.code, refusal.message)
