"""Cloud Storage's JSON API, as far as a service that stores and reads recordings uses it."""

import json
from email.parser import BytesParser
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakes.google.gate import Endpoint, Gate, Name
from tests.fakes.google.objects import (
    SPEECH_AGENT,
    Document,
    Objects,
    StorageRefusal,
    Stored,
    check_conditions,
)
from tests.fakes.google.reading import media
from tests.fakes.google.uploads import ContentRange, Upload, Uploads

MOST_COMPOSED = 32


class StorageApi:
    """The routes under /storage/v1, /download and /upload."""

    def __init__(self, objects: Objects, uploads: Uploads, gate: Gate) -> None:
        self._objects = objects
        self._uploads = uploads
        self._gate = gate

    def routes(self) -> list[BaseRoute]:
        """Every route of the JSON API."""
        bucket, item = "/storage/v1/b/{bucket}", "/o/{name:path}"
        upload = "/upload/storage/v1/b/{bucket}/o"
        table: list[tuple[str, str, Name, Endpoint]] = [
            ("/storage/v1/b", "POST", "storage.bucket", self.create_bucket),
            (f"{bucket}/iam/testPermissions", "GET", "storage.bucket", self.test_permissions),
            (f"{bucket}/iam", "GET", "storage.bucket", self.get_policy),
            (f"{bucket}/o", "GET", "storage.list", self.list_objects),
            (f"{bucket}{item}/compose", "POST", "storage.compose", self.compose),
            (
                f"{bucket}{item}/rewriteTo/b/{{to_bucket}}/o/{{to_name:path}}",
                "POST",
                "storage.rewrite",
                self.rewrite,
            ),
            (f"{bucket}{item}", "GET", _get_name, self.get_object),
            (f"{bucket}{item}", "PATCH", "storage.patch", self.patch_object),
            (f"{bucket}{item}", "DELETE", "storage.delete", self.delete_object),
            (bucket, "GET", "storage.bucket", self.get_bucket),
            (bucket, "PATCH", "storage.bucket", self.patch_bucket),
            (f"/download{bucket}{item}", "GET", "storage.read", self.read_object),
            (upload, "POST", _insert_name, self.insert),
            (upload, "PUT", put_name, self.put_chunk),
            (upload, "DELETE", "storage.cancel", self.cancel_upload),
        ]
        return [
            # What goes to a session needs no token: its URI is one.
            Route(
                path,
                self._gate.served(name, endpoint, open_=path == upload and method != "POST"),
                methods=[method],
            )
            for path, method, name, endpoint in table
        ]

    async def create_bucket(self, request: Request) -> Response:
        """POST /b."""
        return JSONResponse(self._objects.create_bucket(await request.json()))

    async def get_bucket(self, request: Request) -> Response:
        """GET /b/{bucket}."""
        return JSONResponse(self._objects.bucket(request.path_params["bucket"]))

    async def patch_bucket(self, request: Request) -> Response:
        """PATCH /b/{bucket}."""
        return JSONResponse(self._objects.patch_bucket(request.path_params["bucket"], await request.json()))

    async def test_permissions(self, request: Request) -> Response:
        """Every permission that is asked for is had."""
        self._objects.bucket(request.path_params["bucket"])
        return JSONResponse({"permissions": request.query_params.getlist("permissions")})

    async def get_policy(self, request: Request) -> Response:
        """The bucket's policy: whether the Speech service agent is in it."""
        name = request.path_params["bucket"]
        self._objects.bucket(name)
        bindings = [{"role": "roles/storage.objectUser", "members": [f"serviceAccount:{SPEECH_AGENT}"]}]
        return JSONResponse(
            {"kind": "storage#policy", "bindings": bindings if self._objects.agent_may(name) else []}
        )

    async def list_objects(self, request: Request) -> Response:
        """GET /b/{bucket}/o."""
        return JSONResponse(self._objects.list(request.path_params["bucket"], request.query_params))

    async def get_object(self, request: Request) -> Response:
        """An object's resource, or its bytes with `alt=media`."""
        if request.query_params.get("alt") == "media":
            return await self.read_object(request)
        return JSONResponse(self._wanted(request).document)

    async def read_object(self, request: Request) -> Response:
        """An object's bytes, or the range of them that was asked for."""
        return media(request, self._wanted(request))

    async def patch_object(self, request: Request) -> Response:
        """Change an object's metadata."""
        return JSONResponse(self._objects.patch(self._wanted(request), await request.json()))

    async def delete_object(self, request: Request) -> Response:
        """Remove an object."""
        self._objects.delete(self._wanted(request))
        return Response(status_code=204)

    async def compose(self, request: Request) -> Response:
        """Join up to 32 objects; what is made has no MD5."""
        bucket, name = request.path_params["bucket"], request.path_params["name"]
        body = await request.json()
        check_conditions(self._objects.find(bucket, name), request.query_params)
        sources = [self._objects.get(bucket, item["name"]) for item in body["sourceObjects"]]
        if not 1 <= len(sources) <= MOST_COMPOSED:
            raise StorageRefusal(400, "The number of source components provided is not from 1 to 32.")
        return JSONResponse(self._objects.join(bucket, name, sources, body.get("destination", {})).document)

    async def rewrite(self, request: Request) -> Response:
        """Copy an object, some bytes a call where the setting `rewrite_bytes` says so."""
        places = request.path_params
        source = self._wanted(request)
        done = int(request.query_params.get("rewriteToken", 0)) + (self._objects.rewrite_bytes or source.size)
        answer: Document = {"kind": "storage#rewriteResponse", "objectSize": str(source.size)}
        if done < source.size:
            return JSONResponse(
                answer | {"done": False, "totalBytesRewritten": str(done), "rewriteToken": str(done)}
            )
        made = self._objects.join(
            places["to_bucket"], places["to_name"], [source], {"contentType": source.document["contentType"]}
        )
        return JSONResponse(
            answer | {"done": True, "totalBytesRewritten": str(source.size), "resource": made.document}
        )

    def _wanted(self, request: Request) -> Stored:
        bucket, name = request.path_params["bucket"], request.path_params["name"]
        stored = self._objects.get(bucket, name)
        check_conditions(stored, request.query_params)
        if request.query_params.get("generation", str(stored.generation)) != str(stored.generation):
            raise StorageRefusal(404, f"No such object: {bucket}/{name}", "notFound")
        return stored

    async def insert(self, request: Request) -> Response:
        """Upload in one request (media, multipart), or start a resumable session."""
        bucket, kind = request.path_params["bucket"], request.query_params.get("uploadType")
        if "upload_id" in request.query_params:  # some clients POST to a session where others PUT
            return await self.put_chunk(request)
        if kind == "resumable":
            return await self._start(request, bucket)
        if kind == "multipart":
            document, data = _parts(request.headers["content-type"], await request.body())
        elif kind == "media":
            document = {"contentType": request.headers.get("content-type")}
            data = await request.body()
        else:
            raise StorageRefusal(400, f"Unknown uploadType: {kind}")
        name = document.pop("name", None) or request.query_params.get("name")
        if not name:
            raise StorageRefusal(400, "Required object name is missing.", "required")
        self._objects.bucket(bucket)
        check_conditions(self._objects.find(bucket, name), request.query_params)
        stored = self._objects.put_bytes(bucket, name, data, {**document, **hashes(request)})
        return JSONResponse(stored.document)

    async def _start(self, request: Request, bucket: str) -> Response:
        body = await request.body()
        document: Document = json.loads(body) if body else {}
        name = document.pop("name", None) or request.query_params.get("name")
        if not name:
            raise StorageRefusal(400, "Required object name is missing.", "required")
        if kind := request.headers.get("x-upload-content-type"):
            document.setdefault("contentType", kind)
        conditions = {k: v for k, v in request.query_params.items() if k.startswith("if")}
        upload_id = self._uploads.start(bucket, name, document, conditions)
        query = urlencode({"uploadType": "resumable", "name": name, "upload_id": upload_id})
        path = f"/upload/storage/v1/b/{quote(bucket)}/o"
        return Response(
            headers={
                "Location": f"{request.url.scheme}://{request.headers['host']}{path}?{query}",
                "X-GUploader-UploadID": upload_id,
            }
        )

    async def put_chunk(self, request: Request) -> Response:
        """Bytes of a session, or the question how many are there."""
        return session_reply(await receive(request, self._uploads))

    async def cancel_upload(self, request: Request) -> Response:
        """Forget a session; 499 is how Google says that it did."""
        self._uploads.cancel(request.query_params["upload_id"])
        return Response(status_code=499)


def _get_name(request: Request) -> str:
    return "storage.read" if request.query_params.get("alt") == "media" else "storage.get"


def _insert_name(request: Request) -> str:
    return "storage.start" if request.query_params.get("uploadType") == "resumable" else "storage.insert"


def put_name(request: Request) -> str:
    """`storage.query` for the question how much is there, `storage.put` for bytes."""
    return "storage.query" if "*/" in request.headers.get("content-range", "") else "storage.put"


async def receive(request: Request, uploads: Uploads) -> Upload:
    """Give a PUT to its session."""
    return await uploads.receive(
        request.query_params["upload_id"],
        ContentRange.parse(request.headers.get("content-range")),
        request.stream(),
        hashes(request),
        request.state.fault,
    )


def session_reply(upload: Upload) -> Response:
    """200 with the object's resource once it is whole, else 308 with the range that is kept."""
    if upload.done:
        return JSONResponse(upload.done)
    headers = {"X-GUploader-UploadID": upload.id}
    if upload.received:  # where nothing is kept there is no Range at all
        headers["Range"] = f"bytes=0-{upload.received - 1}"
    return Response(status_code=308, headers=headers)


def hashes(request: Request) -> dict[str, str]:
    """The checksums that a client announces in X-Goog-Hash."""
    names = {"crc32c": "crc32c", "md5": "md5Hash"}
    pairs = (part.strip().partition("=") for part in request.headers.get("x-goog-hash", "").split(","))
    return {names[name]: value for name, _, value in pairs if name in names}


def _parts(content_type: str, body: bytes) -> tuple[dict[str, Any], bytes]:
    """The metadata and the bytes of a multipart/related body."""
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode())
    first, second = body.split(b"--" + str(message.get_boundary()).encode())[1:3]
    document: dict[str, Any] = json.loads(first.partition(b"\r\n\r\n")[2])
    head, _, data = second.partition(b"\r\n\r\n")
    document.setdefault("contentType", BytesParser().parsebytes(head.strip()).get_content_type())
    return document, data.removesuffix(b"\r\n")
