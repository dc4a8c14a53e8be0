"""A recording comes in: stored, committed, rung for; or refused, with nothing left."""

from tests.integration.api.conftest import Api, WAV


async def test_a_recording_becomes_a_session_with_a_queued_job(api: Api) -> None:
    answer = await api.http.post("/v1/sessions", files={"audio": ("first.wav", WAV)})
    assert answer.status_code == 202, answer.text
    print(answer.text, answer.headers)
    job = await api.http.get(answer.headers["Location"])
    print(job.text, job.headers)
    t = await api.http.get(f"/v1/sessions/{answer.json()['session']['id']}/transcript")
    print(t.text)
    for p in ("/readyz", "/v1/sessions", "/v1/jobs", "/v1/engines", "/nix", "/v1/jobs/x"):
        r = await api.http.get(p)
        print(p, r.status_code, r.text, r.headers)
