"""Static files: for ever in the browser's cache, since a changed one has another address."""

from typing import Final

from fastapi import APIRouter, Request, Response

from api_service.console import assets

router = APIRouter(prefix=assets.PREFIX)

_FOR_EVER: Final = "public, max-age=31536000, immutable"


@router.get("/{version}/{name:path}")
async def static_file(request: Request, version: str, name: str) -> Response:
    """A file; under another version's address it is this version's, and not kept."""
    asset = assets.asset(name)
    headers = {
        "Cache-Control": _FOR_EVER if version == assets.version() else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.compressed, headers=headers, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)
