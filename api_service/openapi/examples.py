"""Examples for the OpenAPI document, made of the models, so that a wrong one cannot be written."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from shared.lifecycle import JobStatus, Phase, Priority, Processing
from shared.schemas.jobs import Eta, JobResource, Submission
from shared.schemas.problems import FieldError, Problem, problem_kind
from shared.schemas.service import Check, Readiness
from shared.schemas.sessions import AudioResource, SessionResource

_NOON: Final = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
_SESSION_ID: Final = UUID("019ab5d0-7c00-7a3b-9d52-3f8a1c2b4d5e")
_JOB_ID: Final = UUID("019ab5d0-7c01-7c4d-8e63-4a9b2d3c5e6f")

_SESSION: Final = SessionResource(
    id=_SESSION_ID,
    title="第三次會談",
    language="zh-TW",
    status=JobStatus.RUNNING,
    job_id=_JOB_ID,
    audio=AudioResource(
        filename="第三次會談.m4a",
        container="mp4",
        media_type="audio/mp4",
        size=28_311_552,
        sha256="9f86d081" * 8,
    ),
    duration_ms=3_120_000,
    metadata={"client": "A-17"},
    delete_after=_NOON + timedelta(days=30),
    created_at=_NOON,
    updated_at=_NOON + timedelta(seconds=20),
)
_JOB: Final = JobResource(
    id=_JOB_ID,
    session_id=_SESSION_ID,
    status=JobStatus.RUNNING,
    phase=Phase.TRANSCRIBING,
    progress=52,
    audio_ms_done=1_485_000,
    audio_duration_ms=3_120_000,
    message="Listening",
    queue_position=None,
    eta=Eta(p50=_NOON + timedelta(seconds=250), p90=_NOON + timedelta(seconds=330)),
    attempt=1,
    failures=0,
    warnings=[],
    error=None,
    next_attempt_at=None,
    engine="local",
    model="base",
    fallback_engine=None,
    fell_back_from=None,
    language="zh-TW",
    speakers=2,
    diarization=True,
    priority=Priority.NORMAL,
    processing=Processing.STANDARD,
    retry_of=None,
    created_at=_NOON,
    started_at=_NOON + timedelta(seconds=1),
    finished_at=None,
)
_PROBLEM: Final = Problem(
    **problem_kind("invalid_request"),
    status=422,
    detail="In the form field `speakers`: input should be less than or equal to 8. Nothing was stored.",
    instance="/v1/sessions",
    request_id="019ab5d07c027d1e9f74aabbccddeeff",
    errors=[FieldError(where="the form field `speakers`", detail="input should be less than or equal to 8")],
)
_READINESS: Final = Readiness(
    status="ready",
    checks={
        "postgres": Check(ok=True, detail="answers"),
        "redis_policy": Check(ok=True, detail="noeviction"),
        "workers": Check(ok=True, detail="2 seen in the last 15 s, running 3 of 8 jobs"),
    },
)

_ALL: Final[tuple[BaseModel, ...]] = (
    _SESSION,
    _JOB,
    Submission(session=_SESSION, job=_JOB),
    _PROBLEM,
    _READINESS,
)


def examples() -> dict[str, Any]:
    """An example by the name of its schema."""
    return {type(each).__name__: each.model_dump(mode="json") for each in _ALL}
