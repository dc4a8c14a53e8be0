"""The OpenAPI document: FastAPI's, with what it cannot know put right."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import compile_path

from api_service.examples import examples
from shared.schemas import FieldError, Problem

_REF: Final = "#/components/schemas/{model}"
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
                )
            )
        return self.openapi_schema

    def methods_of(self, path: str) -> str:
        """What an Allow header says of a path; a 405 of Starlette names the methods of one route alone."""
        found = {
            method.upper()
            for pattern, operations in self.openapi()["paths"].items()
            if compile_path(pattern)[0].match(path)
            for method in operations
        }
        return ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set())))


def _put_right(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI documents validation errors in its own form, which we do not send."""
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template=_REF)
    problem.pop("$defs")
    schemas[Problem.__name__] = problem
    schemas[FieldError.__name__] = FieldError.model_json_schema()
    for name, example in examples().items():
        schemas[name]["examples"] = [example]
    for path in document["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            if "HTTPValidationError" in str(responses.get("422")):
                del responses["422"]
            for response in responses.values():
                response.setdefault("headers", {})["X-Request-Id"] = _REQUEST_ID
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document
