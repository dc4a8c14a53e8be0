"""The page that sends recordings in; the sending itself is the browser's, by /v1/uploads."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from api_service.console.pages import media_policy, page
from api_service.console.upload_addresses import LONGEST
from api_service.console.upload_form import upload_form
from api_service.deps import CallerDep, ServicesDep

router = APIRouter(prefix="/console/upload")


class Address(BaseModel):
    """Where the bucket takes an upload: a secret."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    address: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]


class SealedAddress(BaseModel):
    """The same as the browser keeps it."""

    model_config = ConfigDict(extra="forbid")

    sealed: Annotated[str, StringConstraints(min_length=1, max_length=2 * LONGEST)]


@router.get("")
async def show_upload(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """The page."""
    shown = await upload_form(services, caller)
    return page(request, "upload/page.html", headers=media_policy(services.media_origin), **shown)


@router.post("/{upload_id}/seal")
async def seal_address(
    upload_id: UUID, said: Address, caller: CallerDep, services: ServicesDep
) -> SealedAddress:
    """Have the browser keep where the bucket takes an upload of the caller's."""
    await services.uploads.get(caller, upload_id)
    return SealedAddress(sealed=services.upload_addresses.seal(upload_id, said.address))


@router.post("/{upload_id}/open")
async def open_address(
    upload_id: UUID, kept: SealedAddress, caller: CallerDep, services: ServicesDep
) -> Address:
    """Tell the page that goes on with it."""
    await services.uploads.get(caller, upload_id)
    return Address(address=services.upload_addresses.open(upload_id, kept.sealed))
