"""What a request gets wrong in ways that people do, and what it is told; and what it gets right in an odd way."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.integration.api.conftest import WAV, Api


def detail(answer: httpx.Response, status: int = 422) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    told: str = answer.json()["detail"]
    return told


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


async def test_metadata_that_could_not_be_given_back_are_not_taken_in(api: Api) -> None:
    """A session whose answer cannot be written would be in the way of its tenant's whole list."""
    form = {"metadata": nested(33)}
    sent = await api.http.post("/v1/sessions", files={"audio": ("a.wav", WAV)}, data=form)
    assert "more than 32 objects" in detail(sent)
    deep = {"metadata": nested(32)}
    session = (await api.http.post("/v1/sessions", files={"audio": ("a.wav", WAV)}, data=deep)).json()[
        "session"
    ]
    path = f"/v1/sessions/{session['id']}"
    body = f'{{"metadata": {nested(33)}}}'
    changed = await api.http.patch(path, content=body, headers={"Content-Type": "application/json"})
    assert "more than 32 objects" in detail(changed)
    assert [each["metadata"] for each in (await api.get("/v1/sessions")).json()["items"]] == [
        session["metadata"]
    ]


@pytest.mark.parametrize("number", [5, 5.5, "5", "1764316800", True])
async def test_a_number_is_no_time(api: Api, number: Any) -> None:
    """Read as seconds since 1970 it would erase the session at once."""
    sent = await api.send()
    path = f"/v1/sessions/{sent['session']['id']}"
    assert "2027-01-31" in detail(await api.http.patch(path, json={"delete_after": number}))
    source = {"source_url": "https://example.com/a.wav", "delete_after": number}
    assert "2027-01-31" in detail(await api.http.post("/v1/sessions", json=source))
    assert "2027-01-31" in detail(await api.get(f"/v1/sessions?created_after={number}"))


async def test_a_plus_that_an_address_made_a_space_is_one_again(api: Api) -> None:
    await api.send()
    moment = datetime.now(UTC).isoformat()
    assert moment.endswith("+00:00")
    for written, found in ((moment, 0), (quote(moment), 0), ("2026-01-01T00:00:00+01:00", 1)):
        answer = await api.http.get(f"/v1/sessions?created_after={written}")
        assert len(answer.json()["items"]) == found


async def test_a_parameter_that_nothing_reads_is_refused_by_name(api: Api) -> None:
    sent = await api.send()
    session, job = f"/v1/sessions/{sent['session']['id']}", f"/v1/jobs/{sent['job']['id']}"
    for path in (job, session, f"{session}/waveform", f"{session}/audio", "/v1/engines", "/v1/usage"):
        assert detail(await api.get(f"{path}?wait=5")) == (
            "In the query parameter `wait`: there is no such field."
        )
    refused = detail(await api.http.post(f"{job}/cancel?force=true"))
    assert refused == "In the query parameter `force`: there is no such field. Nothing was stored."
    assert (await api.get(job)).json()["status"] == "queued"
    assert (await api.get("/v1/usage?first=2026-01-01&last=2026-01-02")).status_code == 200


async def test_a_body_says_that_it_is_json(api: Api) -> None:
    path = f"/v1/sessions/{(await api.send())['session']['id']}"
    for headers, told in (({}, "nothing"), ({"Content-Type": "text/plain"}, "text/plain")):
        answer = await api.http.patch(path, content='{"title": "a"}', headers=headers)
        assert f"Content-Type: application/json. It came as {told}." in detail(answer)
    json = {"Content-Type": "application/json"}
    broken = detail(await api.http.patch(path, content='{"title": ', headers=json))
    assert broken.startswith("In the body: is no JSON from character 10 on: expecting value.")


@pytest.mark.parametrize("name", ["file", "recording", "Audio"])
async def test_a_file_in_a_field_of_another_name_is_told_the_right_one(api: Api, name: str) -> None:
    answer = await api.http.post("/v1/sessions", files={name: ("a.wav", WAV)})
    assert "did you mean `audio`" in detail(answer)


async def test_an_address_that_does_not_exist_says_where_to_go_on(api: Api) -> None:
    assert "leave the slash at its end out, /v1/sessions." in detail(await api.get("/v1/sessions/"), 404)
    assert "/docs shows what is." in detail(await api.get("/v1/recordings"), 404)
    for path in ("/docs", "/openapi.json"):
        answer = await api.http.request("DELETE", path)
        assert answer.status_code == 405
        assert {way.strip() for way in answer.headers["Allow"].split(",")} == {"GET", "HEAD"}


async def test_an_answer_without_a_body_names_no_kind_of_one(api: Api) -> None:
    path = f"/v1/sessions/{(await api.send())['session']['id']}"
    answer = await api.http.delete(path)
    assert answer.status_code == 204
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [("WAIT=1", "wait=1"), ("respond-async, wait=1", "wait=1"), ("wait=1e9", None), ("wait=-1", None)],
)
async def test_a_preference_is_read_as_its_rfc_says(api: Api, prefer: str, applied: str | None) -> None:
    sent = await api.send()
    await api.http.post(f"/v1/jobs/{sent['job']['id']}/cancel")
    answer = await api.get(f"/v1/jobs/{sent['job']['id']}", Prefer=prefer)
    assert answer.headers.get("Preference-Applied") == applied
