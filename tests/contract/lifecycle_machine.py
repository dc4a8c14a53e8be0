"""A state machine of the life of jobs: what callers ask over HTTP and what workers write, in any order."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid4

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.errors import EngineUnavailableError, NoAudioError
from shared.lifecycle import ACTIVE, RETRYABLE, TERMINAL, JobStatus, Phase, may_become
from shared.records import JobRecord
from tests.integration.api.conftest import WAV, Api
from worker_service.status import StatusBoard

T = TypeVar("T")
_PICK = st.integers(0, 99)


class LifecycleMachine(RuleBasedStateMachine):
    """What is known here of every session and job is what the API has told; each look must fit the looks before."""

    api: ClassVar[Api]
    loop: ClassVar[asyncio.AbstractEventLoop]

    def __init__(self) -> None:
        super().__init__()
        self.board = StatusBoard(self.api.pool, tick_s=3_600)
        self.sessions: dict[str, str] = {}  # the newest job of each
        self.erased: set[str] = set()
        self.jobs: dict[str, dict[str, Any]] = {}  # as it was seen last
        self.runs: list[JobRecord] = []  # claims, those that were overtaken included
        self.accepted: dict[str, tuple[str, dict[str, Any]]] = {}  # by Idempotency-Key

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        answer = self.do(self.api.http.request(method, path, **given))
        assert answer.status_code < 500, answer.text
        return answer

    # Callers.

    @precondition(lambda self: len(self.sessions) < 3)
    @rule()
    def submit(self) -> None:
        key, title = str(uuid4()), f"session {len(self.accepted)}"
        self._accepted(key, title)
        answer = self._send(key, title)
        self.sessions[answer["session"]["id"]] = answer["job"]["id"]
        self._newly_queued(answer["job"])

    def _post(self, key: str, title: str) -> httpx.Response:
        recording = {"audio": ("a.wav", WAV)}
        headers = {"Idempotency-Key": key}
        return self.ask("POST", "/v1/sessions", files=recording, data={"title": title}, headers=headers)

    def _accepted(self, key: str, title: str) -> None:
        answer = self._post(key, title)
        assert answer.status_code == 202, answer.text
        assert "Idempotency-Replayed" not in answer.headers
        self.accepted[key] = title, answer.json()

    def _send(self, key: str, title: str) -> dict[str, Any]:
        answer = self._post(key, title)
        assert (answer.status_code, answer.headers["Idempotency-Replayed"]) == (202, "true")
        assert answer.json() == self.accepted[key][1]
        return self.accepted[key][1]

    @precondition(lambda self: self.accepted)
    @rule(pick=_PICK, other=st.booleans())
    def submit_again_with_the_same_key(self, pick: int, other: bool) -> None:
        key = _of(self.accepted, pick)
        if not other:
            self._send(key, self.accepted[key][0])
            return
        answer = self._post(key, "another")
        assert answer.status_code == 422, answer.text

    @precondition(lambda self: self.jobs)
    @rule(pick=_PICK)
    def cancel(self, pick: int) -> None:
        job = self.jobs[_of(self.jobs, pick)]
        answer = self.ask("POST", f"/v1/jobs/{job['id']}/cancel")
        allowed = job["status"] in {*ACTIVE, JobStatus.CANCELLED}
        assert answer.status_code == (200 if allowed else 409), answer.text
        if allowed:
            assert answer.json()["status"] == "cancelled"

    @precondition(lambda self: self.jobs)
    @rule(pick=_PICK)
    def retry(self, pick: int) -> None:
        job = self.jobs[_of(self.jobs, pick)]
        answer = self.ask("POST", f"/v1/jobs/{job['id']}/retry")
        if job["status"] in RETRYABLE and not self._active(job["session_id"]):
            assert answer.json()["retry_of"] == job["id"]
            self._another(job["session_id"], answer)
        else:
            assert answer.status_code == 409, answer.text

    @precondition(lambda self: self.sessions)
    @rule(pick=_PICK)
    def transcribe_again(self, pick: int) -> None:
        session = _of(self.sessions, pick)
        answer = self.ask("POST", f"/v1/sessions/{session}/jobs", json={"language": "de"})
        if self._active(session):
            assert answer.status_code == 409, answer.text
        else:
            self._another(session, answer)

    @precondition(lambda self: self.sessions)
    @rule(pick=_PICK, text=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20))
    def edit(self, pick: int, text: str) -> None:
        url = f"/v1/sessions/{_of(self.sessions, pick)}"
        before = self.ask("GET", f"{url}/transcript")
        headers = {"If-Match": before.headers.get("ETag", "*")}
        answer = self.ask("PATCH", f"{url}/segments/0", json={"text": text}, headers=headers)
        if before.status_code == 409:
            assert answer.status_code == 409, answer.text
            return
        assert answer.status_code == 200, answer.text
        after = self.ask("GET", f"{url}/transcript").json()
        assert after["segments"][0]["text"] == text
        assert after["segments"][1:] == before.json()["segments"][1:]

    @precondition(lambda self: self.sessions)
    @rule(pick=_PICK)
    def erase(self, pick: int) -> None:
        session = _of(self.sessions, pick)
        assert self.ask("DELETE", f"/v1/sessions/{session}").status_code == 204
        del self.sessions[session]
        self.erased |= {session}
        self.jobs = {n: job for n, job in self.jobs.items() if job["session_id"] != session}

    # Workers.

    @precondition(lambda self: self.jobs)
    @rule(pick=_PICK)
    def claim(self, pick: int) -> None:
        job = self.jobs[_of(self.jobs, pick)]
        claimed = self.do(self.api.jobs.claim(UUID(job["id"]), "worker-1"))
        waits = job["next_attempt_at"] is not None
        assert (claimed is not None) == (job["status"] in ACTIVE and not waits)
        if claimed is not None:
            assert claimed.attempt == job["attempt"] + 1
            self.board.track(claimed, lambda: None)
            self.runs.append(claimed)

    @precondition(lambda self: self.runs)
    @rule(pick=_PICK, phase=st.sampled_from(Phase), fraction=st.floats(0, 1))
    def report(self, pick: int, phase: Phase, fraction: float) -> None:
        run = self.runs[pick % len(self.runs)]
        self.board.report(run, phase, "", fraction, round(fraction * 1000))
        self.do(self.board.tick())

    @precondition(lambda self: self.runs)
    @rule(pick=_PICK)
    def fail(self, pick: int) -> None:
        run, ours = self._run(pick)
        assert self.do(self.api.jobs.fail(run.id, run.attempt, NoAudioError())) == ours

    @precondition(lambda self: self.runs)
    @rule(pick=_PICK)
    def hand_over(self, pick: int) -> None:
        run, ours = self._run(pick)
        assert self.do(self.api.jobs.hand_over(run.id, run.attempt)) == ours

    @precondition(lambda self: self.runs)
    @rule(pick=_PICK, seconds=st.sampled_from([-1, 3_600]))
    def retry_later(self, pick: int, seconds: int) -> None:
        run, ours = self._run(pick)
        wait = timedelta(seconds=seconds)
        error = EngineUnavailableError()
        assert self.do(self.api.jobs.retry_later(run.id, run.attempt, error, wait)) == ours

    @precondition(lambda self: self.runs)
    @rule(pick=_PICK)
    def succeed(self, pick: int) -> None:
        run, ours = self._run(pick)
        if ours:
            self.do(self.api.succeed(run))
            shown = self.ask("GET", f"/v1/sessions/{run.session_id}/transcript").json()
            assert [each["text"] for each in shown["segments"]] == ["How are you?", "Well. <b>"]
        else:
            assert not self.do(self._succeeds(run))

    async def _succeeds(self, run: JobRecord) -> bool:
        async with self.api.pool.acquire() as connection:
            return bool(await self.api.jobs.succeed(connection, run, warnings=[], model="m1", language="en"))

    def _run(self, pick: int) -> tuple[JobRecord, bool]:
        """A claim, and whether its attempt still holds the job."""
        run = self.runs[pick % len(self.runs)]
        job = self.jobs.get(str(run.id))
        ours = job is not None and (job["status"], job["attempt"]) == ("running", run.attempt)
        return run, ours

    # What holds after every step.

    @invariant()
    def what_was_answered_is_what_is_read(self) -> None:
        self._every_look_fits_the_looks_before()
        self._a_session_mirrors_its_newest_job()
        for session in self.erased:
            assert self.ask("GET", f"/v1/sessions/{session}").status_code == 404

    def _every_look_fits_the_looks_before(self) -> None:
        for number, before in self.jobs.items():
            now = self.ask("GET", f"/v1/jobs/{number}").json()
            if before["status"] in TERMINAL:
                changed = {n: (before[n], now[n]) for n in now if now[n] != before[n]}
                assert not changed, f"an end is final: {changed}"
            old, new = JobStatus(before["status"]), JobStatus(now["status"])
            assert old is new or may_become(old, new), f"{old} became {new}"
            assert now["progress"] >= before["progress"], "progress goes forward"
            assert now["attempt"] >= before["attempt"]
            for name in ("id", "session_id", "created_at", "retry_of", "engine"):
                assert now[name] == before[name]
            self.jobs[number] = now

    def _a_session_mirrors_its_newest_job(self) -> None:
        for session, newest in self.sessions.items():
            shown = self.ask("GET", f"/v1/sessions/{session}").json()
            assert (shown["job_id"], shown["status"]) == (newest, self.jobs[newest]["status"])
            assert len(self._active(session)) <= 1
            listed = self.ask("GET", f"/v1/jobs?session_id={session}&limit=200").json()["items"]
            assert {job["id"] for job in listed} == self._jobs_of(session)

    def _jobs_of(self, session: str) -> set[str]:
        return {number for number, job in self.jobs.items() if job["session_id"] == session}

    def _active(self, session: str) -> set[str]:
        return {number for number in self._jobs_of(session) if self.jobs[number]["status"] in ACTIVE}

    def _another(self, session: str, answer: httpx.Response) -> None:
        assert answer.status_code == 202, answer.text
        job = answer.json()
        assert (job["session_id"], answer.headers["Location"]) == (session, f"/v1/jobs/{job['id']}")
        self.sessions[session] = job["id"]
        self._newly_queued(job)

    def _newly_queued(self, job: dict[str, Any]) -> None:
        assert (job["status"], job["attempt"], job["progress"]) == ("queued", 0, 0)
        assert job["id"] not in self.jobs
        self.jobs[job["id"]] = job


def _of(known: dict[str, Any], pick: int) -> str:
    return list(known)[pick % len(known)]
