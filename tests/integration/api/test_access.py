"""Every route against every kind of wrong key: the routes are read from the application, so that new ones join."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from api_service.access.needs import PUBLIC, needed_scope
from api_service.access.tokens import new_token
from api_service.main import assemble
from shared.database import transaction
from shared.scopes import Scope
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.fixtures.repository import ROOT
from tests.integration.api.conftest import WAV, Api, StartApi

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())  # it is the code's: another test compares
USUAL = {  # what some routes want before they look for anything
    "If-Match": '"1"',
    "Tus-Resumable": "1.0.0",
    "Upload-Length": "5",
    "Upload-Offset": "0",
    "X-HTTP-Method-Override": "DELETE",
}


def routes() -> list[tuple[str, str]]:
    """Method and path of every route, those that no document shows included."""
    found = {
        (method, context.path or "/")
        for context in iter_route_contexts(assemble().routes)
        for method in context.methods or {"GET"}
        if method != "HEAD"
    }
    return sorted(found, key=lambda route: (route[1], route[0]))


CLOSED = [(method, path) for method, path in routes() if needed_scope(method, path) is not None]


MADE_BY_WORKERS = {"/v1/sessions/{session_id}/waveform"}
CONSOLE_BODIES = {
    "/console/upload/{upload_id}/seal": {"address": "https://bucket.example/upload"},
    "/console/upload/{upload_id}/open": {"sealed": "unreadable"},
}
ENDLESS = {"/console/operate/events"}  # streams that a test of their own reads


@dataclass
class Matrix:
    """A running API with a tenant that has something of every kind, and the requests that ask for it."""

    api: Api
    mine: str
    ids: dict[str, str]

    async def ask(self, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
        url = path.format_map({**dict.fromkeys(parameters(path), "0"), **self.ids})
        body = body_of(method, path)
        headers = {**USUAL, **body.pop("headers", {}), **headers}
        return await self.api.http.request(method, url, headers=headers, **body)

    async def failures(self, headers: dict[str, str], expected: int) -> list[str]:
        """The routes that do not answer with this status, as a problem that the document tells of."""
        wrong = []
        for method, path in CLOSED:
            answer = await self.ask(method, path, headers)
            documented = DOCUMENT["paths"].get(path, {}).get(method.lower(), {}).get("responses")
            if answer.status_code != expected or (documented and str(expected) not in documented):
                wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            elif answer.json()["status"] != expected or "WWW-Authenticate" not in answer.headers:
                wrong.append(f"{method} {path}: no problem document with its header")
        return wrong


def parameters(path: str) -> list[str]:
    return [part.strip("{}").partition(":")[0] for part in path.split("/") if part.startswith("{")]


def body_of(method: str, path: str) -> dict[str, Any]:
    """A body that the route takes: the example of its schema, as the document has it; the console is not in it."""
    if path in CONSOLE_BODIES:
        return {"json": CONSOLE_BODIES[path]}
    operation = DOCUMENT["paths"].get(path, {}).get(method.lower(), {})
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        return {"files": {"audio": ("call.wav", WAV)}}
    if "application/json" not in content:
        for kind, media in content.items():
            return {"content": media.get("example", b"bytes"), "headers": {"Content-Type": kind}}
        return {}
    schema = content["application/json"]["schema"]
    named = [schema, *schema.get("anyOf", [])]
    for each in named:
        if "$ref" in each:
            found = DOCUMENT["components"]["schemas"][each["$ref"].rpartition("/")[2]]
            return {"json": (found.get("examples") or [{}])[0]}
    return {"json": {}}


@pytest.fixture
async def matrix(start_api: StartApi) -> AsyncIterator[Matrix]:
    async with start_api(TRANSCRIPTS_PEPPER=PEPPER) as api:
        key, token = await made_key(api.pool, tenant="mine")
        api.http.headers.update(bearer(token))
        sent = await api.send(title="confidential")
        await api.succeed(await api.claimed(sent))
        del api.http.headers["Authorization"]
        webhook = await api.http.post(
            "/v1/webhooks", json={"url": "https://app.example/"}, headers=bearer(token)
        )
        test = await api.http.post(f"/v1/webhooks/{webhook.json()['id']}/test", headers=bearer(token))
        upload = await api.http.post("/v1/uploads", headers={**USUAL, **bearer(token)})
        ids = {
            "upload_id": upload.json()["id"],
            "webhook_id": webhook.json()["id"],
            "delivery_id": test.json()["id"],
            "session_id": sent["session"]["id"],
            "job_id": sent["job"]["id"],
            "key_id": str(key.id),
        }
        yield Matrix(api, token, ids)


async def test_without_a_key_that_opens_every_route_is_a_401(matrix: Matrix) -> None:
    """F43: whatever is wrong with the key, and however the route came to be."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    _, expired = await made_key(matrix.api.pool, tenant="mine", expires_at=past)
    revoked_key, revoked = await made_key(matrix.api.pool, tenant="mine")
    async with transaction(matrix.api.pool) as connection:
        await connection.execute("UPDATE api_key SET revoked_at = now() WHERE id = $1", revoked_key.id)
    kinds: dict[str, dict[str, str]] = {
        "no key": {},
        "unknown": bearer(new_token()),
        "misspelt": bearer(matrix.mine[:-1] + ("a" if matrix.mine[-1] != "a" else "b")),
        "no token": {"Authorization": "Bearer"},
        "another scheme": {"Authorization": f"Basic {matrix.mine}"},
        "another header": {"X-API-Key": matrix.mine},
        "expired": bearer(expired),
        "revoked": bearer(revoked),
    }
    for kind, headers in kinds.items():
        assert await matrix.failures(headers, 401) == [], kind


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_key_without_the_scope_is_a_403(matrix: Matrix, scope: Scope) -> None:
    """F43: a scope opens what it names and nothing else."""
    _, token = await made_key(matrix.api.pool, tenant="mine", scopes=set(Scope) - {scope})
    matrix_of_scope = [route for route in CLOSED if needed_scope(*route) == scope]
    wrong = []
    for method, path in matrix_of_scope:
        answer = await matrix.ask(method, path, bearer(token))
        if answer.status_code != 403 or f'scope="{scope}"' not in answer.headers["WWW-Authenticate"]:
            wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []


async def test_another_tenant_s_key_finds_nothing(matrix: Matrix) -> None:
    """F43: what is another tenant's is a 404, as if it were not there; lists show none of it."""
    _, token = await made_key(matrix.api.pool, tenant="other", scopes=set(Scope) - {Scope.OPS})
    wrong = []
    for method, path in CLOSED:
        if needed_scope(method, path) is Scope.OPS:
            continue  # what operators see is of all tenants
        answer = await matrix.ask(method, path, bearer(token))
        leaks = "confidential" in answer.text or any(each in answer.text for each in matrix.ids.values())
        if answer.status_code >= 500 or (leaks and answer.status_code != 404):
            wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        if parameters(path) and answer.status_code != 404:
            wrong.append(
                f"{method} {path}: {answer.status_code} {answer.text[:200]} (has its body an example?)"
            )
    assert wrong == []
    assert (await matrix.api.http.get(f"/v1/sessions/{matrix.ids['session_id']}", headers=bearer(matrix.mine))
            ).json()["title"] == "confidential"  # fmt: skip


async def test_the_right_key_opens_every_route_that_reads(matrix: Matrix) -> None:
    """The matrix would also hold for an API that lets nobody in."""
    for method, path in CLOSED:
        if method == "GET" and path not in ENDLESS:
            answer = await matrix.ask(method, path, bearer(matrix.mine))
            assert answer.status_code in {200, 404, 422}, f"{path}: {answer.text}"
            if set(parameters(path)) <= matrix.ids.keys() and path not in MADE_BY_WORKERS:
                assert answer.status_code != 404, f"{path}: {answer.text}"


async def test_public_routes_ask_for_nothing_and_tell_nothing(matrix: Matrix) -> None:
    posted = {path for method, path in routes() if method == "POST"} - {"/console/sign-in"}
    others = {
        "/": 404,
        "/console": 401,
        **dict.fromkeys(posted, 405),
    }  # a program has no business at the first two
    for path in PUBLIC:
        answer = await matrix.api.http.get(path)
        assert answer.status_code == others.get(path, 200), path
        assert not any(each in answer.text for each in matrix.ids.values())


async def test_what_is_no_route_is_told_to_those_with_a_key_alone(matrix: Matrix) -> None:
    assert (await matrix.api.http.get("/v1/nothing")).status_code == 401
    assert (await matrix.api.http.get("/v1/nothing", headers=bearer(matrix.mine))).status_code == 404
    assert (await matrix.api.http.put("/v1/sessions", headers=bearer(matrix.mine))).status_code == 405


async def test_a_refused_upload_is_not_read(matrix: Matrix) -> None:
    """F41: nobody's gigabytes are taken in before it is known whose they are."""

    answer = await matrix.api.http.post("/v1/sessions", files={"audio": ("big.wav", WAV + bytes(20_000_000))})
    assert answer.status_code == 401
    assert len(matrix.api.stored()) == 1


def test_the_matrix_has_routes_of_many_scopes() -> None:
    assert {needed_scope(*route) for route in CLOSED} >= set(Scope) - {Scope.OPS}
