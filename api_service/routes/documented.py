"""What the OpenAPI document says of answers that are not one model: problems, headers, files, the upload's form."""

from typing import Any, Final

from api_service.http.responses import JSON
from api_service.intake import tus
from api_service.intake.forms import AUDIO
from shared.exports import FORMATS
from shared.schemas.orders import RecordingOrder, SessionForm
from shared.schemas.problems import Problem

_PROBLEMS: Final = {
    402: "The tenant's budget of this month does not allow it; nothing was stored or spent",
    404: "There is nothing under this id",
    408: "The client sent nothing for a minute",
    409: "The state of the resource does not allow this",
    412: "It has changed since you saw it; `revision` is the one that it has now",
    410: "The recording is no longer stored",
    413: "The body is over the limit; nothing was stored",
    415: "The body is of a kind that this does not take; `detail` says more",
    416: "The range lies outside the recording",
    422: "The request is not of the form that this takes; `errors` names every place",
    428: "`If-Match` must say what you saw",
    460: "The bytes are not those that `Upload-Checksum` is of; they were not kept",
    429: "The wait in the queue is too long, or the rate too high; nothing was stored. See `Retry-After`",
    503: "A part of the service does not answer; see `Retry-After`",
}

LOCATION: Final = {
    "Location": {"description": "The job's address", "schema": {"type": "string"}},
    "Retry-After": {"description": "When to look first, in seconds", "schema": {"type": "integer"}},
}
NEXT: Final = {
    "Link": {
        "description": 'The next page as `<...>; rel="next"`; absent on the last',
        "schema": {"type": "string"},
    }
}
POLLED: Final = {
    "ETag": {"description": "Send it back in `If-None-Match`", "schema": {"type": "string"}},
    "Retry-After": {"description": "While active: when to ask again", "schema": {"type": "integer"}},
    "Preference-Applied": {"description": "`wait=N` when the request was held", "schema": {"type": "string"}},
}
CACHED: Final = {
    "ETag": {"description": "Send it back in `If-None-Match`", "schema": {"type": "string"}},
}
TAGGED: Final = {
    "ETag": {"description": "Send it in `If-Match` to change this", "schema": {"type": "string"}},
}
EDITED: Final = {
    "ETag": {
        "description": "The revision now: what to send in `If-Match` next",
        "schema": {"type": "string"},
    },
}


def header(name: str, description: str) -> dict[str, Any]:
    """A request header that the route reads by itself."""
    schema = {"type": "string"}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


_TUS: Final = {
    "Location": "Where to send the bytes",
    "Tus-Version": "The versions of tus that are spoken",
    "Tus-Extension": "The extensions of tus that are spoken",
    "Upload-Checksum": "An algorithm (sha1, sha256, md5, crc32c), a space, and the digest in base64",
    "Upload-Expires": "When the upload is erased, unless more of it comes",
    "Upload-Length": "Bytes of the whole recording",
    "Upload-Metadata": "Pairs of a key and a value in base64, by comma: filename, filetype, crc32c (itself base64)",
    "Upload-Offset": "Bytes that are stored for good",
}
_TUS_REQUIRED: Final = frozenset({"Upload-Length", "Upload-Offset"})


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` entries of these errors."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {
        status: {
            "description": _PROBLEMS[status],
            "content": {"application/problem+json": {"schema": schema}},
        }
        for status in sorted({*statuses, 503})
    }


def file_response(description: str, *media_types: str) -> dict[str, Any]:
    """The entry of an answer that is a file."""
    binary = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
    name = {"description": "The file's name, in any script (RFC 6266)", "schema": {"type": "string"}}
    return {
        "description": description,
        "headers": {"Content-Disposition": name},
        "content": dict.fromkeys(media_types, binary),
    }


def exports() -> dict[str, Any]:
    """The entry of a transcript in its formats."""
    kinds = [each.media_type.partition(";")[0] for each in FORMATS.values()]
    entry = file_response("The transcript", *kinds)
    entry["headers"] |= TAGGED
    entry["content"] = {kind: {"schema": {"type": "object" if kind == JSON else "string"}} for kind in kinds}
    return entry


def captions_body() -> dict[str, Any]:
    """The request body of an import."""
    text = {"schema": {"type": "string"}}
    content = {
        kind: text | {"example": example}
        for kind, example in (
            ("text/vtt", "WEBVTT\n\n00:00:01.000 --> 00:00:03.500\n<v Anna>How are you?</v>\n"),
            ("application/x-subrip", "1\n00:00:01,000 --> 00:00:03,500\nAnna: How are you?\n"),
        )
    }
    return {"requestBody": {"required": True, "content": content}}


def upload_body() -> dict[str, Any]:
    """The request body of a new session: OpenAPI's multipart form, or JSON that says where the recording is."""
    schema = SessionForm.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    schema["properties"] = {
        AUDIO: {
            "type": "string",
            "contentMediaType": "application/octet-stream",
            "description": "The recording: wav, mp3, m4a, mp4, mov, ogg, webm, flac, aac, amr, aiff, caf",
        },
        **schema["properties"],
    }
    schema["required"] = [AUDIO]
    order = {"$ref": f"#/components/schemas/{RecordingOrder.__name__}"}
    content = {"multipart/form-data": {"schema": schema}, JSON: {"schema": order}}
    return {"requestBody": {"required": True, "content": content}}


def tus_headers(*names: str) -> dict[str, Any]:
    """The headers of tus in an answer."""
    described = {name: {"description": _TUS[name], "schema": {"type": "string"}} for name in names}
    return {"Tus-Resumable": {"description": "1.0.0", "schema": {"type": "string"}}, **described}


def tus_request(*names: str, body: str | None = None) -> dict[str, Any]:
    """The headers of tus in a request, and what its body is; those are read by hand, since tus has its own errors."""
    parameters = [
        {
            "name": name,
            "in": "header",
            "required": name in _TUS_REQUIRED,
            "description": _TUS[name],
            "schema": {"type": "string"},
        }
        for name in names
    ]
    version = {"name": "Tus-Resumable", "in": "header", "required": True, "schema": {"const": "1.0.0"}}
    extra: dict[str, Any] = {"parameters": [version, *parameters]}
    if body is not None:
        binary = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
        extra["requestBody"] = {"description": body, "content": {tus.BYTES: binary}}
    return extra
