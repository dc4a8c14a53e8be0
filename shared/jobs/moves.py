"""The statements by which a job changes its status; one form for all, `shared.jobs` runs them.

$1 is the job, and where a worker moves it $2 is its attempt: the fence.
"""

from typing import Final

from shared.jobs.messages import STARTING, message_of
from shared.lifecycle import JobStatus, sources
from shared.webhooks.events import Event, tell_of_job

_ENDS: Final = {
    JobStatus.SUCCEEDED: Event.JOB_SUCCEEDED,
    JobStatus.FAILED: Event.JOB_FAILED,
    JobStatus.CANCELLED: Event.JOB_CANCELLED,
}
_SAID: Final = message_of("m", f"'{STARTING}'")


_DETAIL: Final = "'worker', worker, 'code', error ->> 'code', 'due', next_attempt_at"


def _move(target: JobStatus, assignments: str, where: str, event: str, detail: str = _DETAIL) -> str:
    """The one form in which a status changes: fenced by its sources, mirrored into the session, noted as an event.

    The session's processing_status says the same. An end is told by webhooks, which are queued with it.
    """
    allowed = ", ".join(f"'{status}'" for status in sources(target))
    told = f", told AS ({tell_of_job(_ENDS[target], 'moved')})" if target in _ENDS else ""
    return f"""
WITH moved AS (
    UPDATE job SET status = '{target}', updated_at = now(), {assignments}
    WHERE id = $1 AND status IN ({allowed}) AND {where}
    RETURNING *
), mirrored AS (
    UPDATE session s SET status = m.status, updated_at = now()
    FROM moved m WHERE s.id = m.session_id AND s.transcription_job_id = m.id
), said AS (
    UPDATE processing_status ps SET phase = NULL, progress = greatest(ps.progress, m.progress),
        message = {_SAID}, updated_at = now()
    FROM moved m WHERE ps.job_id = m.id
), noted AS (
    INSERT INTO job_event (job_id, attempt, what, detail)
    SELECT id, attempt, '{event}', jsonb_strip_nulls(jsonb_build_object({detail})) FROM moved
){told}
SELECT m.*, greatest(m.progress, coalesce(ps.progress, 0)) AS progress,
    greatest(m.audio_ms_done, coalesce(ps.audio_ms_done, 0)) AS audio_ms_done, {_SAID} AS message, s.duration_ms
FROM moved m JOIN session s ON s.id = m.session_id LEFT JOIN processing_status ps ON ps.job_id = m.id
"""  # noqa: S608  (the parts are constants)


_FENCE = "attempt = $2 AND status = 'running'"
_KEPT = "coalesce((SELECT p.{0} FROM processing_status p WHERE p.job_id = $1), 0)"
_KEEP_AUDIO = f"audio_ms_done = greatest(audio_ms_done, {_KEPT.format('audio_ms_done')}"
_KEEP_PROGRESS = f"progress = greatest(progress, {_KEPT.format('progress')}), {_KEEP_AUDIO})"
_ALL_AUDIO = "(SELECT s.duration_ms FROM session s WHERE s.id = session_id)"
# A claim of a job that still says `running` is a takeover: its worker died, and that counts as a failure.
CLAIM: Final = _move(
    JobStatus.RUNNING,
    "attempt = attempt + 1, failures = failures + (status = 'running')::int, worker = $2, next_attempt_at = NULL,"
    " started_at = coalesce(started_at, now())",
    "(next_attempt_at IS NULL OR next_attempt_at <= now() + interval '1 second')"
    " AND ($3::text[] IS NULL OR engine = ANY($3))",
    "claimed",
)
HAND_OVER: Final = _move(JobStatus.QUEUED, "worker = NULL, queued_at = now()", _FENCE, "handed_over")
# A worker died, and no other is in its lane: the job waits for whichever worker runs its engine next.
LOSE: Final = _move(
    JobStatus.QUEUED,
    "worker = NULL, queued_at = now(), failures = failures + 1, rung_at = NULL, lane = NULL",
    _FENCE,
    "worker_lost",
)
RETRY_LATER: Final = _move(
    JobStatus.QUEUED,
    "worker = NULL, queued_at = now(), failures = failures + 1, error = $3, next_attempt_at = now() + $4::interval",
    _FENCE,
    "will_retry",
)
# What the first engine started is nobody's now: it is stopped as a loose end, and booked
# (`worker_service.upkeep.loose_ends`).
FALL_BACK: Final = _move(
    JobStatus.QUEUED,
    "worker = NULL, queued_at = now(), failures = 0, error = $3, engine = fallback_engine, model = NULL,"
    " fell_back = jsonb_build_object('engine', engine, 'model', model, 'error', $3::jsonb), warnings = $4,"
    " operation_prefix = NULL, operation_name = NULL, rung_at = NULL, lane = NULL, next_attempt_at = NULL",
    f"{_FENCE} AND fallback_engine IS NOT NULL AND fell_back IS NULL",
    "fell_back",
    "'from', fell_back ->> 'engine', 'to', engine, 'code', error ->> 'code'",
)
FAIL: Final = _move(
    JobStatus.FAILED, f"worker = NULL, finished_at = now(), error = $3, {_KEEP_PROGRESS}", _FENCE, "failed"
)
SUCCEED: Final = _move(
    JobStatus.SUCCEEDED,
    "worker = NULL, finished_at = now(), error = NULL, progress = 100, warnings = $3, model = $4, language = $5,"
    f" {_KEEP_AUDIO}, {_ALL_AUDIO})",
    _FENCE,
    "succeeded",
)
CANCEL: Final = _move(
    JobStatus.CANCELLED,
    f"worker = NULL, finished_at = now(), error = $2, {_KEEP_PROGRESS}",
    "true",
    "cancelled",
)
