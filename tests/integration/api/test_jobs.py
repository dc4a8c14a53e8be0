"""Jobs over HTTP: polled, listed, cancelled, retried."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.errors import EngineUnavailableError, NoAudioError
from shared.ids import new_id
from shared.lifecycle import Phase
from tests.integration.api.conftest import Api, eventually
from worker_service.status import StatusBoard


async def progress(api: Api, job_id: UUID, percent: int) -> None:
    """What a worker's tick writes."""
    await api.pool.execute(
        "UPDATE processing_status SET phase = 'transcribing', progress = $2, audio_ms_done = 1500,"
        " message = 'Listening' WHERE job_id = $1",
        job_id, percent,
    )  # fmt: skip


async def test_a_poll_shows_what_the_worker_wrote(api: Api) -> None:
    """F15: one record, served as it stands."""
    sent = await api.send()
    job = await api.claimed(sent)
    board = StatusBoard(api.pool, tick_s=1)
    board.track(job, lambda: None)
    board.report(job, Phase.TRANSCRIBING, "Listening", 0.5, 1500)
    await board.tick()
    assert await api.jobs.measured(job.id, job.attempt, 3000)
    seen = (await api.get(f"/v1/jobs/{job.id}")).json()
    assert (seen["status"], seen["phase"], seen["progress"]) == ("running", "transcribing", 54)
    assert (seen["audio_ms_done"], seen["audio_duration_ms"], seen["message"]) == (1500, 3000, "Listening")
    assert (seen["attempt"], seen["queue_position"]) == (1, None)


async def test_a_poll_of_what_has_not_changed_is_a_304(api: Api) -> None:
    """F18."""
    sent = await api.send()
    url = f"/v1/jobs/{sent['job']['id']}"
    first = await api.get(url)
    assert first.headers["Retry-After"] == "2"
    again = await api.get(url, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert (await api.get(url, If_None_Match=f'"other", W/{first.headers["ETag"]}')).status_code == 304
    await progress(api, (await api.claimed(sent)).id, 40)
    assert (await api.get(url, If_None_Match=first.headers["ETag"])).status_code == 200


async def test_a_poll_without_a_database_is_an_error_not_an_empty_answer(api: Api) -> None:
    """F19."""
    sent = await api.send()
    await api.pool.execute("ALTER TABLE processing_status RENAME TO gone")
    answer = await api.get(f"/v1/jobs/{sent['job']['id']}")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "processing_status" not in answer.text


async def test_a_failed_job_tells_why_as_a_problem_does(api: Api) -> None:
    job = await api.claimed(await api.send())
    assert await api.jobs.fail(job.id, job.attempt, NoAudioError())
    answer = await api.get(f"/v1/jobs/{job.id}")
    assert answer.status_code == 200
    assert "Retry-After" not in answer.headers
    assert answer.json()["error"] == {
        "type": "urn:coaching-transcripts:problem:media_no_audio",
        "title": "Media no audio",
        "code": "media_no_audio",
        "detail": "The file holds no audio track. Upload a recording with sound.",
        "transient": False,
    }


async def test_a_job_that_waits_for_its_next_attempt_says_when(api: Api) -> None:
    job = await api.claimed(await api.send())
    assert await api.jobs.retry_later(job.id, job.attempt, EngineUnavailableError(), timedelta(seconds=33))
    at = await api.pool.fetchval("SELECT next_attempt_at FROM job")
    answer = await api.get(f"/v1/jobs/{job.id}")
    assert (answer.json()["status"], answer.json()["failures"]) == ("queued", 1)
    assert datetime.fromisoformat(answer.json()["next_attempt_at"]) == at
    assert answer.json()["queue_position"] is None
    assert 30 <= int(answer.headers["Retry-After"]) <= 33


async def test_places_in_the_queue_follow_priority_and_time(api: Api) -> None:
    low = await api.send(priority="low")
    first, second = await api.send(), await api.send()
    high = await api.send(priority="high")

    async def in_line() -> bool:
        found = (await api.get("/v1/jobs?status=queued")).json()["items"]
        places = {job["id"]: job["queue_position"] for job in found}
        return [places[sent["job"]["id"]] for sent in (high, first, second, low)] == [1, 2, 3, 4]

    await eventually(in_line)  # the order is read once a tick


async def test_a_list_of_jobs_is_paged_and_filtered(api: Api) -> None:
    sent = [await api.send() for _ in range(5)]
    running = await api.claimed(sent[2])
    ids = [each["job"]["id"] for each in reversed(sent)]
    first = (await api.get("/v1/jobs?limit=2")).json()
    second = (await api.get(f"/v1/jobs?limit=2&cursor={first['next_cursor']}")).json()
    third = (await api.get(f"/v1/jobs?limit=2&cursor={second['next_cursor']}")).json()
    assert [job["id"] for page in (first, second, third) for job in page["items"]] == ids
    assert third["next_cursor"] is None
    active = (await api.get("/v1/jobs?status=running&status=failed")).json()["items"]
    assert [job["id"] for job in active] == [str(running.id)]
    of_one = (await api.get(f"/v1/jobs?session_id={sent[0]['session']['id']}")).json()["items"]
    assert [job["id"] for job in of_one] == [sent[0]["job"]["id"]]


@pytest.mark.parametrize("claimed", [False, True])
async def test_a_job_is_cancelled_from_any_active_state(api: Api, claimed: bool) -> None:
    """F12: an action, at once, and final; a second one is no error."""
    sent = await api.send()
    job = await api.claimed(sent) if claimed else None
    for _ in range(2):
        answer = await api.http.post(f"/v1/jobs/{sent['job']['id']}/cancel")
        assert answer.status_code == 200
        assert (answer.json()["status"], answer.json()["error"]["code"]) == ("cancelled", "cancelled")
    if job is not None:
        assert not await api.jobs.fail(job.id, job.attempt, NoAudioError())
    assert (await api.get(f"/v1/sessions/{sent['session']['id']}")).json()["status"] == "cancelled"


async def test_what_has_ended_is_not_cancelled(api: Api) -> None:
    """F12: terminal states are final."""
    job = await api.claimed(await api.send())
    await api.succeed(job)
    answer = await api.http.post(f"/v1/jobs/{job.id}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "succeeded" in answer.json()["detail"]


async def test_a_retry_is_a_new_job(api: Api) -> None:
    """F2: neither start nor retry is ever refused for a row that is stuck; the old job stays as it ended."""
    sent = await api.send(language="zh-TW", speakers="3", phrases="Ana")
    job = await api.claimed(sent)
    assert await api.jobs.fail(job.id, job.attempt, NoAudioError())
    answer = await api.http.post(f"/v1/jobs/{job.id}/retry")
    assert answer.status_code == 202
    again: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{again['id']}"
    assert (again["retry_of"], again["status"], again["attempt"]) == (str(job.id), "queued", 0)
    assert (again["language"], again["speakers"]) == ("zh-TW", 3)
    assert (await api.get(f"/v1/jobs/{job.id}")).json()["status"] == "failed"
    session = (await api.get(f"/v1/sessions/{sent['session']['id']}")).json()
    assert (session["job_id"], session["status"]) == (again["id"], "queued")


async def test_a_double_click_on_retry_makes_one_job(api: Api) -> None:
    """F9."""
    job = await api.claimed(await api.send())
    assert await api.jobs.fail(job.id, job.attempt, NoAudioError())
    first = await api.http.post(f"/v1/jobs/{job.id}/retry")
    second = await api.http.post(f"/v1/jobs/{job.id}/retry")
    assert (second.status_code, second.json()["code"]) == (409, "conflict")
    assert second.json()["job_id"] == first.json()["id"]
    assert await api.pool.fetchval("SELECT count(*) FROM job") == 2


async def test_only_what_went_wrong_is_retried(api: Api) -> None:
    sent = await api.send()
    answer = await api.http.post(f"/v1/jobs/{sent['job']['id']}/retry")
    assert answer.status_code == 409
    assert "this one is queued" in answer.json()["detail"]


async def test_a_retry_without_its_recording_is_refused_before_it_is_queued(api: Api) -> None:
    """F2: a missing file strands nothing."""
    sent = await api.send()
    assert (await api.http.post(f"/v1/jobs/{sent['job']['id']}/cancel")).status_code == 200
    api.stored()[0].unlink()
    answer = await api.http.post(f"/v1/jobs/{sent['job']['id']}/retry")
    assert (answer.status_code, answer.json()["code"]) == (410, "object_missing")
    assert await api.pool.fetchval("SELECT count(*) FROM job") == 1


async def test_an_eta_comes_from_how_long_others_took(api: Api) -> None:
    """F16."""
    for _ in range(3):
        done = await api.claimed(await api.send())
        assert await api.jobs.measured(done.id, done.attempt, 60_000)
        await api.pool.execute("UPDATE job SET started_at = now() - interval '30 s' WHERE id = $1", done.id)
        await api.succeed(done)
    running = await api.claimed(await api.send())
    assert await api.jobs.measured(running.id, running.attempt, 40_000)
    seen = (await api.get(f"/v1/jobs/{running.id}")).json()
    began = datetime.fromisoformat(seen["started_at"])
    for end in seen["eta"].values():  # half of realtime, in whole seconds
        assert timedelta(seconds=19) <= datetime.fromisoformat(end) - began <= timedelta(seconds=22)


async def test_an_unknown_id_is_a_404_whatever_it_looks_like(api: Api) -> None:
    for unknown in (str(new_id()), "42", "nonsense"):
        for path in (
            "jobs/{}",
            "jobs/{}/events",
            "sessions/{}",
            "sessions/{}/audio",
            "sessions/{}/transcript",
        ):
            answer = await api.get(f"/v1/{path.format(unknown)}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
