"""The engine to fall back on, as callers ask for it."""

import pytest

from tests.integration.api.conftest import WAV, Api


async def test_it_is_kept_and_shown_and_may_be_changed_or_dropped(api: Api) -> None:
    sent = await api.send(fallback_engine="local")
    job = sent["job"]
    assert (job["engine"], job["fallback_engine"], job["fell_back_from"]) == ("scripted", "local", None)
    claimed = await api.claimed(sent)
    await api.succeed(claimed)
    jobs = f"/v1/sessions/{sent['session']['id']}/jobs"
    again = (await api.http.post(jobs, json={})).json()
    assert again["fallback_engine"] == "local"
    assert (await api.http.post(f"/v1/jobs/{again['id']}/cancel")).status_code == 200
    swapped = (await api.http.post(jobs, json={"engine": "local", "fallback_engine": "scripted"})).json()
    assert (swapped["engine"], swapped["fallback_engine"]) == ("local", "scripted")
    assert (await api.http.post(f"/v1/jobs/{swapped['id']}/cancel")).status_code == 200
    alone = (await api.http.post(jobs, json={"fallback_engine": None})).json()
    assert alone["fallback_engine"] is None
    assert (await api.http.post(f"/v1/jobs/{alone['id']}/cancel")).status_code == 200
    retried = (await api.http.post(f"/v1/jobs/{swapped['id']}/retry")).json()
    assert (retried["engine"], retried["fallback_engine"]) == ("local", "scripted")


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"fallback_engine": "scripted"}, "itself"),
        ({"engine": "local", "fallback_engine": "local"}, "itself"),
        ({"fallback_engine": "siri"}, "has no engine 'siri'"),
        ({"fallback_engine": "local", "language": "tlh"}, "does not know the language"),
    ],
)
async def test_what_it_cannot_do_is_refused_before_anything_is_stored(
    api: Api, order: dict[str, str], said: str
) -> None:
    """F20, F21."""
    answer = await api.http.post("/v1/sessions", files={"audio": ("a.wav", WAV)}, data=order)
    assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_option")
    assert answer.json()["field"] == "fallback_engine"
    assert said in answer.json()["detail"]
    assert api.stored() == []


async def test_another_job_is_checked_too(api: Api) -> None:
    sent = await api.send()
    assert (await api.http.post(f"/v1/jobs/{sent['job']['id']}/cancel")).status_code == 200
    jobs = f"/v1/sessions/{sent['session']['id']}/jobs"
    answer = await api.http.post(jobs, json={"fallback_engine": "scripted"})
    assert (answer.status_code, answer.json()["field"]) == (422, "fallback_engine")
