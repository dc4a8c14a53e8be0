"""Keys: made, listed, replaced, revoked. A key itself is shown once, by the call that makes it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api_service.access.key_records import KeyRecord
from api_service.deps import CallerDep, ServicesDep
from api_service.http.queries import PageQuery, write_cursor
from api_service.http.responses import answer, next_link
from api_service.routes.documented import NEXT, problems
from shared.schemas.base import Page
from shared.schemas.keys import KeyOrder, KeyResource, KeyRotation, NewKey

router = APIRouter(prefix="/v1/keys", tags=["Keys"])

_MADE = {"Location": {"description": "The key's address", "schema": {"type": "string"}}}


@router.post(
    "",
    status_code=201,
    response_model=NewKey,
    responses={201: {"headers": _MADE}, **problems(409, 413, 422)},
)
async def create_key(order: KeyOrder, caller: CallerDep, services: ServicesDep) -> Response:
    """Make a key that can do no more than the one you ask with. The answer shows it; nothing shows it again."""
    return _made(*await services.keys.create(caller, order))


@router.get("", response_model=Page[KeyResource], responses={200: {"headers": NEXT}, **problems(422)})
async def list_keys(
    request: Request, caller: CallerDep, services: ServicesDep, query: Annotated[PageQuery, Query()]
) -> Response:
    """The keys of your tenant, newest first, those that open nothing any more included."""
    found = await services.keys.page(caller, limit=query.limit + 1, before=query.before)
    shown = found[: query.limit]
    cursor = write_cursor(shown[-1].id) if len(found) > len(shown) else None
    page = Page[KeyResource](items=[_resource(key) for key in shown], next_cursor=cursor)
    return answer(page, headers=next_link(request, cursor))


@router.get("/{key_id}", response_model=KeyResource, responses=problems(404))
async def get_key(key_id: UUID, caller: CallerDep, services: ServicesDep) -> Response:
    """One key."""
    return answer(_resource(await services.keys.get(caller, key_id)))


@router.post(
    "/{key_id}/rotate",
    status_code=201,
    response_model=NewKey,
    responses={201: {"headers": _MADE}, **problems(404, 409, 413, 422)},
)
async def rotate_key(
    key_id: UUID, caller: CallerDep, services: ServicesDep, wanted: KeyRotation | None = None
) -> Response:
    """Make a key in the place of this one: same name, same scopes. With `until` both open until then."""
    return _made(*await services.keys.rotate(caller, key_id, wanted or KeyRotation()))


@router.delete("/{key_id}", status_code=204, responses=problems(404))
async def revoke_key(key_id: UUID, caller: CallerDep, services: ServicesDep) -> None:
    """Revoke a key: it opens nothing from now on. It stays in the list."""
    await services.keys.revoke(caller, key_id)


def _made(key: KeyRecord, token: str) -> Response:
    resource = NewKey(**_resource(key).model_dump(), key=token)
    return answer(resource, status=201, headers={"Location": f"/v1/keys/{key.id}"})


def _resource(key: KeyRecord) -> KeyResource:
    return KeyResource(
        id=key.id,
        tenant=key.tenant_id,
        name=key.name,
        start=key.start,
        scopes=sorted(key.scopes),
        status=key.status,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )
