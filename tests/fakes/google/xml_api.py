"""Cloud Storage's XML API, as far as V4 signed URLs use it: PUT, GET, HEAD, DELETE and resumable POST."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tests.fakes.google.gate import Endpoint, Gate
from tests.fakes.google.objects import Objects, StorageRefusal, check_conditions
from tests.fakes.google.reading import media
from tests.fakes.google.signing import Account
from tests.fakes.google.storage import hashes, put_name, receive, session_reply
from tests.fakes.google.uploads import Uploads, check_limit

_CONDITIONS: Final = {
    "x-goog-if-generation-match": "ifGenerationMatch",
    "x-goog-if-metageneration-match": "ifMetagenerationMatch",
}


class XmlApi:
    """The routes under /{bucket}/{name}; every request is signed, or goes to a session that was."""

    def __init__(self, objects: Objects, uploads: Uploads, account: Account, gate: Gate) -> None:
        self._objects = objects
        self._uploads = uploads
        self._account = account
        self._gate = gate

    def routes(self) -> list[BaseRoute]:
        """One route a method; they come last, since their pattern matches nearly everything."""
        table: list[tuple[list[str], str, Endpoint]] = [
            (["GET", "HEAD"], "storage.read", self.read),
            (["DELETE"], "storage.delete", self.delete),
            (["POST"], "storage.start", self.start),
        ]
        path = "/{bucket}/{name:path}"
        puts = self._gate.served(put_name, self.put, xml=True, open_=True)
        return [
            *(
                Route(
                    path,
                    self._gate.served(name, self._signed(endpoint), xml=True, open_=True),
                    methods=methods,
                )
                for methods, name, endpoint in table
            ),
            Route(path, puts, methods=["PUT"]),
        ]

    def _signed(self, endpoint: Endpoint) -> Endpoint:
        async def verified(request: Request) -> Response:
            if "X-Goog-Signature" not in request.query_params:
                raise StorageRefusal(403, "Access denied.", "AccessDenied")
            self._account.verify(request)
            return await endpoint(request)

        return verified

    async def read(self, request: Request) -> Response:
        """The object's bytes."""
        response = media(request, self._objects.get(*_place(request)))
        for parameter in ("content-type", "content-disposition"):
            if value := request.query_params.get(f"response-{parameter}"):
                response.headers[parameter] = value
        return response

    async def delete(self, request: Request) -> Response:
        """Remove the object."""
        self._objects.delete(self._objects.get(*_place(request)))
        return Response(status_code=204)

    async def start(self, request: Request) -> Response:
        """Start a session: 201, its URI in Location. What was signed about the body holds for the session."""
        if request.headers.get("x-goog-resumable") != "start":
            raise StorageRefusal(400, "x-goog-resumable: start is missing.", "InvalidArgument")
        bucket, name = _place(request)
        document = {"contentType": request.headers.get("content-type")}
        limit = request.headers.get("x-goog-content-length-range")
        upload_id = self._uploads.start(bucket, name, document, _conditions(request), limit)
        path = request.scope["raw_path"].decode()
        location = f"{request.url.scheme}://{request.headers['host']}{path}?upload_id={upload_id}"
        return Response(status_code=201, headers={"Location": location, "X-GUploader-UploadID": upload_id})

    async def put(self, request: Request) -> Response:
        """Bytes of a session, or a whole signed upload."""
        if "upload_id" in request.query_params:
            return session_reply(await receive(request, self._uploads))
        return await self._signed(self._put_whole)(request)

    async def _put_whole(self, request: Request) -> Response:
        bucket, name = _place(request)
        self._objects.bucket(bucket)
        check_conditions(self._objects.find(bucket, name), _conditions(request))
        data = await request.body()
        check_limit(request.headers.get("x-goog-content-length-range"), len(data))
        document = {"contentType": request.headers.get("content-type"), **hashes(request)}
        stored = self._objects.put_bytes(bucket, name, data, document)
        return Response(headers={"ETag": stored.document["etag"]})


def _place(request: Request) -> tuple[str, str]:
    return request.path_params["bucket"], request.path_params["name"]


def _conditions(request: Request) -> dict[str, str]:
    return {ours: request.headers[name] for name, ours in _CONDITIONS.items() if name in request.headers}
