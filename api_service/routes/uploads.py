"""Resumable uploads by tus 1.0; where recordings are kept in a bucket, also the way straight to it."""

from contextlib import aclosing
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api_service.access.callers import Caller
from api_service.deps import CallerDep, ServicesDep
from api_service.http.responses import answer
from api_service.intake import tus
from api_service.routes.documented import problems, tus_headers, tus_request
from api_service.services import Services
from shared.errors import MethodNotAllowedError
from shared.schemas.uploads import UploadResource
from shared.uploads import UploadRecord

router = APIRouter(prefix="/v1/uploads", tags=["Uploads"])

_SPOKEN: Final = {"Tus-Resumable": tus.VERSION}


@router.options(
    "", status_code=204, responses={204: {"headers": tus_headers("Tus-Version", "Tus-Extension")}}
)
async def describe_uploads(services: ServicesDep) -> Response:
    """What is spoken: the version of tus, its extensions, the largest upload."""
    return Response(
        status_code=204,
        headers={
            **_SPOKEN,
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Checksum-Algorithm": tus.ALGORITHMS,
            "Tus-Max-Size": str(services.max_upload_bytes),
        },
    )


@router.post(
    "",
    status_code=201,
    response_model=UploadResource,
    responses={
        201: {"headers": tus_headers("Location", "Upload-Offset", "Upload-Expires")},
        **problems(408, 412, 413, 415, 422),
    },
    openapi_extra=tus_request(
        "Upload-Length", "Upload-Metadata", body="The first bytes, if you like to send them at once"
    ),
)
async def create_upload(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Announce a recording of `Upload-Length` bytes; send it to the `Location` that is answered, in as many pieces as
    it takes. With a body (`Content-Type: application/offset+octet-stream`) the first piece comes along.
    """
    tus.require_version(request.headers)
    size = tus.number(request.headers, "Upload-Length")
    said = tus.announcement_of(request.headers)
    carries = request.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in request.headers
    if carries:
        tus.require_bytes(request.headers)
    upload = await services.uploads.create(caller, size, said)
    if carries:
        upload = await _receive(request, caller, services, upload.id, 0)
    direct = await services.uploads.direct(caller, upload)
    headers = {**_headers(upload), "Location": f"/v1/uploads/{upload.id}"}
    return answer(UploadResource.of(upload, direct), status=201, headers=headers)


@router.get(
    "/{upload_id}",
    response_model=UploadResource,
    responses={200: {"headers": tus_headers("Upload-Offset", "Upload-Length")}, **problems(404, 410)},
)
async def get_upload(upload_id: UUID, caller: CallerDep, services: ServicesDep) -> Response:
    """How far an upload is. `HEAD` tells it in headers, as tus wants it."""
    upload = await services.uploads.get(caller, upload_id)
    direct = await services.uploads.direct(caller, upload)
    return answer(UploadResource.of(upload, direct), headers=_headers(upload))


@router.patch(
    "/{upload_id}",
    status_code=204,
    responses={
        204: {"headers": tus_headers("Upload-Offset", "Upload-Expires")},
        **problems(404, 408, 409, 410, 412, 413, 415, 422, 460),
    },
    openapi_extra=tus_request(
        "Upload-Offset", "Upload-Checksum", body="The bytes that follow `Upload-Offset`"
    ),
)
async def send_bytes(request: Request, upload_id: UUID, caller: CallerDep, services: ServicesDep) -> Response:
    """Send bytes. What came before a connection broke is kept: ask with HEAD how much, and go on from there.

    With `Upload-Checksum` all bytes of the request are kept or none.
    """
    tus.require_version(request.headers)
    tus.require_bytes(request.headers)
    offset = tus.number(request.headers, "Upload-Offset")
    upload = await _receive(request, caller, services, upload_id, offset)
    return Response(status_code=204, headers=_headers(upload))


@router.delete(
    "/{upload_id}", status_code=204, responses=problems(404, 410, 412), openapi_extra=tus_request()
)
async def delete_upload(
    request: Request, upload_id: UUID, caller: CallerDep, services: ServicesDep
) -> Response:
    """Give an upload up: what was received is erased. A session that was made of it stays."""
    tus.require_version(request.headers)
    await services.uploads.delete(caller, upload_id)
    return Response(status_code=204, headers=_SPOKEN)


@router.post("/{upload_id}", status_code=204, include_in_schema=False)
async def override_method(
    request: Request, upload_id: UUID, caller: CallerDep, services: ServicesDep
) -> Response:
    """What tus asks of servers for clients that can only POST: the method that the header names."""
    match request.headers.get("X-HTTP-Method-Override", "").upper():
        case "PATCH":
            return await send_bytes(request, upload_id, caller, services)
        case "DELETE":
            return await delete_upload(request, upload_id, caller, services)
    raise MethodNotAllowedError


async def _receive(
    request: Request, caller: Caller, services: Services, upload_id: UUID, offset: int
) -> UploadRecord:
    declared = request.headers.get("Content-Length", "")
    request.state.body_limit = None  # the upload's size is the limit
    async with aclosing(request.stream()) as chunks:
        return await services.uploads.receive(
            caller,
            upload_id,
            offset=offset,
            chunks=chunks,
            declared=int(declared) if declared.isdecimal() else None,
            checksum=tus.checksum_of(request.headers),
        )


def _headers(upload: UploadRecord) -> dict[str, Any]:
    headers = {
        **_SPOKEN,
        "Upload-Offset": str(upload.received),
        "Upload-Length": str(upload.size),
        "Upload-Expires": tus.http_date(upload.expires_at),
        "Cache-Control": "no-store",
    }
    if upload.upload_metadata:
        headers["Upload-Metadata"] = upload.upload_metadata
    return headers
