"""The OpenAPI document: FastAPI's, with what it cannot know put right."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

from api_service.access.needs import needed_scope
from api_service.http.errors import PROBLEM_JSON
from api_service.openapi.examples import examples
from api_service.openapi.links import link
from shared.schemas.orders import RecordingOrder
from shared.schemas.problems import FieldError, Problem
from shared.scopes import Scope

_REF: Final = "#/components/schemas/{model}"
_KEY: Final = "key"
_KEY_SCHEME: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "ctk_...",
    "description": "A key of `POST /v1/keys`. Where keys are off, nobody needs one",
}
_REFUSALS: Final = {
    "401": ("Unauthorized", "No key, or one that opens nothing; `detail` says why"),
    "403": ("Forbidden", "The key lacks the scope that this needs"),
}
_REPEATS: Final = {
    "InFlight": "The request with this Idempotency-Key is being carried out",
    "OtherRequest": "This Idempotency-Key came with another request before",
}
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Sent again with the same key, the request is not carried out again: you get the first answer, with "
    "`Idempotency-Replayed: true`. 1 to 255 printable ASCII characters; a UUID is good",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_LIMITED: Final = {
    "Retry-After": {"description": "Seconds", "schema": {"type": "integer"}},
    "RateLimit": {
        "description": 'What is left of the class and when there is more: `"read";r=0;t=3`. On every answer',
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": 'How many requests in how many seconds: `"read";q=6000;w=60`. On every answer',
        "schema": {"type": "string"},
    },
}
_SENT_HEADERS: Final = {
    "webhook-id": "The same at every attempt and replay: what you have had already",
    "webhook-timestamp": "Unix seconds of this attempt",
    "webhook-signature": "`v1,` and a signature; two of them while a secret is replaced. Standard Webhooks",
}
_TRACEPARENT: Final = {
    "name": "traceparent",
    "in": "header",
    "description": "W3C Trace Context: the trace of the request that made the job, where that was traced",
    "schema": {"type": "string"},
}
_REQUEST_ID: Final = {
    "description": "The request's id: yours if you sent one, else ours; it is in the logs",
    "schema": {"type": "string"},
}


class DescribedApi(FastAPI):
    """A FastAPI application whose OpenAPI document tells of problem documents and request ids."""

    def openapi(self) -> dict[str, Any]:
        """The document; made once."""
        if self.openapi_schema is None:
            self.openapi_schema = _put_right(
                get_openapi(
                    title=self.title,
                    version=self.version,
                    openapi_version=self.openapi_version,
                    description=self.description,
                    routes=self.routes,
                    webhooks=self.webhooks.routes,
                )
            )
        return self.openapi_schema

    def methods_of(self, path: str) -> str:
        """What an Allow header says of a path; a 405 of Starlette names the methods of one route alone."""
        found = {
            method
            for route in iter_route_contexts(self.routes)
            if compile_path(route.path or "/")[0].match(path)
            for method in route.methods or ()
        }
        return ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set())))


def _tell_who_may(operation: dict[str, Any], needed: Scope | None) -> None:
    """Say which scope a key needs, and what the gate answers without."""
    if needed is None:
        operation["security"] = []
        return
    operation["security"] = [{_KEY: [needed]}]
    told = {status: {"$ref": f"#/components/responses/{name}"} for status, (name, _) in _REFUSALS.items()}
    limited = {"429": {"$ref": "#/components/responses/TooManyRequests"}}  # unless it tells of its own
    operation["responses"] = dict(sorted({**limited, **operation["responses"], **told}.items()))


def _tell_of_repeats(operation: dict[str, Any]) -> None:
    """Every POST takes an Idempotency-Key, and refuses it with another request, or while the first one runs."""
    operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})
    for status, name in (("409", "InFlight"), ("422", "OtherRequest")):
        operation["responses"].setdefault(status, {"$ref": f"#/components/responses/{name}"})
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _tell_what_is_sent(operation: dict[str, Any]) -> None:
    """A webhook is a request of ours: signed, and without a key."""
    operation["security"] = []
    operation["parameters"] = [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in _SENT_HEADERS.items()
    ]
    operation["parameters"].append(_TRACEPARENT)
    operation["responses"] = {"2XX": {"description": "Taken"}, "410": {"description": "Never again"}}


def _problem(description: str, **headers: Any) -> dict[str, Any]:
    return {
        "description": description,
        "headers": {"X-Request-Id": _REQUEST_ID, **headers},
        "content": {PROBLEM_JSON: {"schema": {"$ref": _REF.format(model=Problem.__name__)}}},
    }


def _put_right(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI documents validation errors in its own form, which we do not send."""
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for read_by_hand in (Problem, FieldError, RecordingOrder):
        schema = read_by_hand.model_json_schema(ref_template=_REF)
        schema.pop("$defs", None)  # they are there already
        schemas[read_by_hand.__name__] = schema
    for name, example in examples().items():
        schemas[name]["examples"] = [example]
    document["components"]["securitySchemes"] = {_KEY: _KEY_SCHEME}
    named = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    document["components"]["responses"] = {
        **{name: _problem(text, **named) for name, text in _REFUSALS.values()},
        **{name: _problem(text) for name, text in _REPEATS.items()},
        "TooManyRequests": _problem("More requests than your tenant may send", **_LIMITED),
    }
    document["components"]["parameters"] = {"IdempotencyKey": _IDEMPOTENCY_KEY}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            if "HTTPValidationError" in str(responses.get("422")):
                del responses["422"]
            for response in responses.values():
                response.setdefault("headers", {})["X-Request-Id"] = _REQUEST_ID
            _tell_who_may(operation, needed_scope(method.upper(), path))
            if method == "post":
                _tell_of_repeats(operation)
    for operations in document.get("webhooks", {}).values():
        _tell_what_is_sent(operations["post"])
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    link(document)
    return document
