"""An object's bytes as an answer, for both APIs."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tests.fakes.google.gate import reset
from tests.fakes.google.objects import StorageRefusal, Stored
from tests.fakes.google.uploads import damaged

_BLOCK = 64 * 1024


def media(request: Request, stored: Stored) -> Response:
    """An object's bytes with Google's headers; 206 for a range, 416 for one that is not in the object."""
    first, last = _range(request.headers.get("range"), stored.size)
    document = stored.document
    headers = {
        "Content-Length": str(last - first + 1),
        "Accept-Ranges": "bytes",
        "ETag": document["etag"],
        "X-Goog-Generation": document["generation"],
        "X-Goog-Metageneration": document["metageneration"],
        "X-Goog-Hash": f"crc32c={document['crc32c']},md5={document['md5Hash']}",
        "X-Goog-Stored-Content-Length": document["size"],
        "X-Goog-Stored-Content-Encoding": "identity",
    }
    partial = "range" in request.headers
    if partial:
        headers["Content-Range"] = f"bytes {first}-{last}/{stored.size}"
    if request.method == "HEAD":
        return Response(headers=headers, media_type=document["contentType"])
    return StreamingResponse(
        _blocks(request, stored, first, last),
        206 if partial else 200,
        headers=headers,
        media_type=document["contentType"],
    )


async def _blocks(request: Request, stored: Stored, first: int, last: int) -> AsyncIterator[bytes]:
    left, fault = last - first + 1, request.state.fault
    cut = fault.size if fault and fault.do == "cut" else None
    with stored.path.open("rb") as file:
        file.seek(first)
        while left > 0:
            block = file.read(min(_BLOCK, left))
            if cut is not None and (cut := cut - len(block)) < 0:
                yield block[:cut]
                await reset(request, flush=True)
                return
            left -= len(block)
            yield damaged(block, fault)
            fault = None


def _range(header: str | None, size: int) -> tuple[int, int]:
    """First and last byte of `bytes=a-b`, `bytes=a-` or `bytes=-n`."""
    if not header:
        return 0, size - 1
    first, _, last = header.removeprefix("bytes=").partition("-")
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        raise StorageRefusal(416, "The requested range cannot be satisfied.", "requestedRangeNotSatisfiable")
    return start, end
