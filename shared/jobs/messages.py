"""What a job says of itself in words. A run speaks while it runs; every other state has its own words, as SQL."""

from typing import Final

WAITING: Final = "Waiting for a worker"
WAITING_AGAIN: Final = "Waiting for another try"
STARTING: Final = "Starting"
FINISHED: Final = "Finished"
CANCELLED: Final = "Cancelled"
FAILED: Final = "Failed"


def message_of(job: str, running: str) -> str:
    """The message of the job row with the alias `job`; `running` is the expression for one that runs.

    The words belong to the job's own row, so they stay when the session gets another job. A failure is told by the
    first sentence of its detail.
    """
    return f"""CASE {job}.status
    WHEN 'queued' THEN CASE WHEN {job}.next_attempt_at IS NULL THEN '{WAITING}' ELSE '{WAITING_AGAIN}' END
    WHEN 'succeeded' THEN '{FINISHED}'
    WHEN 'cancelled' THEN '{CANCELLED}'
    WHEN 'failed' THEN concat_ws(
        ': ', '{FAILED}', nullif(rtrim(split_part({job}.error ->> 'detail', '. ', 1), '.'), ''))
    ELSE {running} END"""
