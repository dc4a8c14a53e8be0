"""The committed OpenAPI document."""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from api_service.openapi import __main__ as openapi

document = cache(openapi.document)

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_committed_document_is_the_one_of_the_code() -> None:
    assert COMMITTED.read_text() == openapi.text(), "run: python -m api_service.openapi > docs/openapi.json"


def operations() -> list[tuple[str, str]]:
    committed = json.loads(COMMITTED.read_text())  # ten times as fast to read as the code's is to make
    return [(path, method) for path, methods in committed["paths"].items() for method in methods]


@pytest.mark.parametrize(("path", "method"), operations())
def test_every_operation_says_what_it_does_and_how_it_fails(path: str, method: str) -> None:
    operation = document()["paths"][path][method]
    assert operation["description"]
    if path.startswith("/v1/") and path != "/v1/engines":
        failures = [code for code in operation["responses"] if int(code) >= 400]
        assert failures
        for code in failures:
            answer = operation["responses"][code]
            if "$ref" in answer:
                answer = document()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
            assert list(answer["content"]) == ["application/problem+json"]


def test_every_reference_leads_somewhere() -> None:
    whole = json.dumps(document())
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', whole))
    assert named <= document()["components"]["schemas"].keys()
    assert "HTTPValidationError" not in whole


def test_every_link_leads_to_an_operation_that_takes_what_it_gives() -> None:
    """Clients and `python -m tests.contract.fuzz` go along them."""
    paths = document()["paths"]
    takes = {
        operation["operationId"]: {each["name"] for each in operation["parameters"] if "name" in each}
        for ways in paths.values()
        for operation in ways.values()
        if "parameters" in operation
    }
    links = [
        link
        for path, method in operations()
        for answer in paths[path][method]["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) > 40
    for link in links:
        assert set(link.get("parameters", {})) <= takes[link["operationId"]], link
