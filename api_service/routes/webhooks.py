"""Webhooks: registered, changed, tried out; what was delivered, and again."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api_service.deps import CallerDep, ServicesDep
from api_service.http.queries import DeliveryQuery, PageQuery, write_cursor
from api_service.http.responses import answer, next_link
from api_service.routes.documented import NEXT, problems
from shared.schemas.base import Page
from shared.schemas.webhooks import (
    DeliveryResource,
    EndpointOrder,
    EndpointPatch,
    EndpointResource,
    JobPayload,
    NewEndpoint,
    Replay,
    Replayed,
    SecretRotation,
    SessionPayload,
)
from shared.webhooks.events import SUBSCRIBABLE, Event
from shared.webhooks.records import EndpointRecord

router = APIRouter(prefix="/v1/webhooks", tags=["Webhooks"])
sent = APIRouter(generate_unique_id_function=lambda route: route.name)
"""What is sent, for the OpenAPI document."""

_MADE = {"Location": {"description": "The webhook's address", "schema": {"type": "string"}}}


@router.post(
    "",
    status_code=201,
    response_model=NewEndpoint,
    responses={201: {"headers": _MADE}, **problems(409, 413, 422)},
)
async def create_webhook(order: EndpointOrder, caller: CallerDep, services: ServicesDep) -> Response:
    """Register an address that is told when a job has ended or a session is gone.

    The answer shows the secret that signs what is sent; nothing shows it again.
    """
    endpoint, secret = await services.webhooks.create(caller, order)
    return _shown(endpoint, secret, headers={"Location": f"/v1/webhooks/{endpoint.id}"})


@router.get("", response_model=Page[EndpointResource], responses={200: {"headers": NEXT}, **problems(422)})
async def list_webhooks(
    request: Request, caller: CallerDep, services: ServicesDep, query: Annotated[PageQuery, Query()]
) -> Response:
    """The webhooks of your tenant, newest first."""
    found = await services.webhooks.page(caller, limit=query.limit + 1, before=query.before)
    shown = found[: query.limit]
    cursor = write_cursor(shown[-1].id) if len(found) > len(shown) else None
    page = Page[EndpointResource](items=[EndpointResource.of(each) for each in shown], next_cursor=cursor)
    return answer(page, headers=next_link(request, cursor))


@router.get("/{webhook_id}", response_model=EndpointResource, responses=problems(404))
async def get_webhook(webhook_id: UUID, caller: CallerDep, services: ServicesDep) -> Response:
    """One webhook; one that was switched off says why."""
    return answer(EndpointResource.of(await services.webhooks.get(caller, webhook_id)))


@router.patch("/{webhook_id}", response_model=EndpointResource, responses=problems(404, 413, 422))
async def update_webhook(
    webhook_id: UUID, patch: EndpointPatch, caller: CallerDep, services: ServicesDep
) -> Response:
    """Change address or events, switch off or on. Switched off, what waits to be delivered is given up."""
    return answer(EndpointResource.of(await services.webhooks.patch(caller, webhook_id, patch)))


@router.delete("/{webhook_id}", status_code=204, responses=problems(404))
async def delete_webhook(webhook_id: UUID, caller: CallerDep, services: ServicesDep) -> None:
    """Remove a webhook, and what was to be delivered to it."""
    await services.webhooks.delete(caller, webhook_id)


@router.post("/{webhook_id}/rotate", response_model=NewEndpoint, responses=problems(404, 409, 413, 422))
async def rotate_webhook_secret(
    webhook_id: UUID, caller: CallerDep, services: ServicesDep, wanted: SecretRotation | None = None
) -> Response:
    """Sign with another secret. With `until`, what is sent bears two signatures until then: either secret verifies."""
    return _shown(*await services.webhooks.rotate(caller, webhook_id, wanted or SecretRotation()))


@router.post(
    "/{webhook_id}/test", status_code=202, response_model=DeliveryResource, responses=problems(404, 409)
)
async def test_webhook(webhook_id: UUID, caller: CallerDep, services: ServicesDep) -> Response:
    """Have a `webhook.test` delivered; look at the delivery to see how it went."""
    delivery = await services.webhooks.test(caller, webhook_id)
    where = {"Location": f"/v1/webhooks/{webhook_id}/deliveries/{delivery.id}", "Retry-After": "2"}
    return answer(DeliveryResource.of(delivery, []), status=202, headers=where)


@router.get(
    "/{webhook_id}/deliveries",
    response_model=Page[DeliveryResource],
    responses={200: {"headers": NEXT}, **problems(404, 422)},
)
async def list_deliveries(
    request: Request,
    webhook_id: UUID,
    caller: CallerDep,
    services: ServicesDep,
    query: Annotated[DeliveryQuery, Query()],
) -> Response:
    """What was, is, and will be delivered, newest first, with every attempt; kept for 30 days."""
    found = await services.webhooks.deliveries(
        caller, webhook_id, limit=query.limit + 1, before=query.before, statuses=query.status
    )
    shown = found[: query.limit]
    cursor = write_cursor(shown[-1][0].id) if len(found) > len(shown) else None
    page = Page[DeliveryResource](items=[DeliveryResource.of(*each) for each in shown], next_cursor=cursor)
    return answer(page, headers=next_link(request, cursor))


@router.get(
    "/{webhook_id}/deliveries/{delivery_id}", response_model=DeliveryResource, responses=problems(404)
)
async def get_delivery(
    webhook_id: UUID, delivery_id: UUID, caller: CallerDep, services: ServicesDep
) -> Response:
    """One delivery with its attempts."""
    return answer(DeliveryResource.of(*await services.webhooks.delivery(caller, webhook_id, delivery_id)))


@router.post(
    "/{webhook_id}/replay", status_code=202, response_model=Replayed, responses=problems(404, 409, 413, 422)
)
async def replay_deliveries(
    webhook_id: UUID, wanted: Replay, caller: CallerDep, services: ServicesDep
) -> Response:
    """Deliver again, under the same `webhook-id`: some deliveries, or all that failed since a time."""
    return answer(Replayed(queued=await services.webhooks.replay(caller, webhook_id, wanted)), status=202)


def job_ended(payload: JobPayload) -> None:
    """A job has ended. Answer with a 2xx within 15 s; anything else is tried again, for three days."""


def session_deleted(payload: SessionPayload) -> None:
    """A session was erased, by a request or because its time was over."""


for _event in SUBSCRIBABLE:
    _told = session_deleted if _event is Event.SESSION_DELETED else job_ended
    sent.add_api_route(_event, _told, methods=["POST"], name=_event.replace(".", "_"), tags=["Webhooks"])


def _shown(endpoint: EndpointRecord, secret: str, headers: dict[str, str] | None = None) -> Response:
    status = 201 if headers else 200
    return answer(NewEndpoint.of(endpoint, secret=secret), status=status, headers=headers)
