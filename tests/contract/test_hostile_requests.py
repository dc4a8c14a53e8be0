"""What has no place in a database, in every text, number and date that a request carries: refused, never a 500."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.contract.fuzz import stocked
from tests.fixtures.keys import PEPPER, bearer, made_key
from tests.integration.api.conftest import running_api

_DATES = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01", "9999-12-31", "0000-00-00")
_TEXTS = ("\x00", "%", "a" * 200, "1" * 5_000, "9" * 30, "\N{ARABIC-INDIC DIGIT ONE}")
_QUERIES = {
    "/v1/sessions": ("q", "language", "created_after", "created_before", "cursor", "limit", "status"),
    "/v1/jobs": ("cursor", "limit", "status", "session_id"),
    "/v1/search?q=are&": ("session_id", "language", "created_after", "created_before", "cursor", "sort"),
    "/v1/search?": ("q",),
    "/v1/exports?format=txt&": ("session_id", "q", "created_after", "created_before", "words"),
    "/v1/ops/jobs": ("tenant_id", "engine", "worker", "error_code", "created_after", "cursor"),
    "/v1/usage": ("first", "last"),
    "/v1/keys": ("cursor",),
    "/v1/webhooks": ("cursor",),
    "/v1/sessions/{session_id}/transcript/history": ("cursor", "limit"),
    "/v1/sessions/{session_id}/transcript": ("format", "max_line_chars", "redact", "chars_per_second"),
    "/v1/webhooks/{webhook_id}/deliveries": ("cursor", "status"),
}
_PLACES = (
    "/v1/ops/tenants/{}/budget", "/v1/ops/jobs/{}", "/v1/jobs/{}", "/v1/uploads/{}", "/v1/keys/{}", "/{}",
    "/v1/sessions/<session_id>/segments/{}", "/v1/sessions/<session_id>/transcript/history/{}",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    "\x00", "\ud800", 2**63, 10**400, 1e308, None, {}, "9999-12-31T23:59:59-23:59", "P999999999999D",
)  # fmt: skip
_BODIES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("PATCH", "/v1/sessions/{session_id}", {"title": "a", "metadata": {"a": 1}, "delete_after": "P1D"}),
    ("POST", "/v1/sessions", {"source_url": "https://example.com/a.wav", "title": "a", "language": "en",
        "speakers": 2, "phrases": ["a"], "metadata": {}, "webhook_url": "https://example.com/"}),
    ("POST", "/v1/sessions/{session_id}/jobs", {"language": "en", "engine": "scripted", "model": "m",
        "speakers": 2, "phrases": ["a"], "priority": "low"}),
    ("PUT", "/v1/sessions/{session_id}/speakers", {"speakers": [{"number": 1, "name": "Ana", "role": "coach"}]}),
    ("PATCH", "/v1/sessions/{session_id}/segments/0", {"text": "How are you?", "speaker": 1}),
    ("POST", "/v1/sessions/{session_id}/segments/0/split", {"at": 3, "speaker": 1}),
    ("POST", "/v1/sessions/{session_id}/segments/0/merge", {"count": 2, "speaker": 1}),
    ("POST", "/v1/webhooks", {"url": "https://example.com/", "events": ["job.failed"], "description": "a"}),
    ("POST", "/v1/webhooks/{webhook_id}/replay", {"ids": [], "failed_since": "2026-01-01T00:00:00Z"}),
    ("POST", "/v1/keys", {"name": "a", "scopes": ["sessions:read"], "expires_at": "P1D"}),
    ("POST", "/v1/keys/{key_id}/rotate", {"until": "P1D", "expires_at": "P2D"}),
    ("POST", "/v1/ops/workers/%00/drain", {"reason": "a"}),
    ("POST", "/v1/ops/queue/pause", {"reason": "a"}),
    ("POST", "/v1/ops/jobs/requeue", {"tenant_id": "a", "error_code": "a", "limit": 5,
        "created_after": "2026-01-01T00:00:00Z"}),
    ("POST", "/v1/ops/jobs/cancel", {"tenant_id": "a", "engine": "a", "error_code": "a"}),
    ("PUT", "/v1/ops/tenants/%00/budget", {"micro_dollars_per_month": 5}),
    ("PUT", "/v1/ops/tenants/a/budget", {"micro_dollars_per_month": 5}),
)  # fmt: skip


@pytest.mark.parametrize("part", ["queries", "paths", "bodies"])
async def test_nothing_that_a_request_holds_is_a_500(
    database_url: str, redis_url: str, tmp_path: Path, part: str
) -> None:
    async with running_api(database_url, redis_url, tmp_path, TRANSCRIPTS_PEPPER=PEPPER) as api:
        _, token = await made_key(api.pool)
        api.http.headers.update(bearer(token))
        ids = {name: known[0] for name, known in (await stocked(api)).items()}
        wrong = []
        for method, path, content in requests_of(part, ids):
            headers = {"Content-Type": "application/json", "If-Match": "*", "Idempotency-Key": str(uuid4())}
            answer = await api.http.request(method, path, content=content, headers=headers)
            if answer.status_code >= 500:
                wrong.append(f"{answer.status_code} {method} {path[:200]} {(content or '')[:200]}")
            elif answer.is_error:
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert answer.json()["status"] == answer.status_code
        assert not wrong, "\n".join(wrong)


def requests_of(part: str, ids: dict[str, str]) -> Sequence[tuple[str, str, str | None]]:
    """Method, path and body of all requests of a kind."""
    if part == "queries":
        return [
            ("GET", f"{path.format(**ids)}{'' if '?' in path else '?'}{name}={quote(value)}", None)
            for path, names in _QUERIES.items()
            for name in names
            for value in (_DATES if name in {"first", "last"} or "created" in name else _TEXTS)
        ]
    if part == "paths":
        places = [place.replace("<session_id>", ids["session_id"]) for place in _PLACES]
        return [("GET", place.format(quote(value, safe="")), None) for place in places for value in _TEXTS]
    return [
        (method, path.format(**ids), json.dumps({**body, name: value}))
        for method, path, body in _BODIES
        for name in body
        for value in _VALUES
    ] + [(method, path.format(**ids), "[" * 20_000) for method, path, _ in _BODIES]
