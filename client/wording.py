"""Jobs, times and sizes in words, for people."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from shared.lifecycle import JobStatus

if TYPE_CHECKING:
    from client.models import Job

_WORDS: Final = {  # a phase's name as people read it
    "preparing": "Preparing",
    "uploading": "Handing over",
    "submitting": "Submitting",
    "transcribing": "Transcribing",
    "saving": "Saving",
}


def describe(job: "Job") -> str:
    """What a job does now, in a word or two."""
    if job.status is JobStatus.RUNNING:
        return _WORDS.get(job.phase or "", (job.phase or "running").capitalize())
    return {JobStatus.QUEUED: "Waiting", JobStatus.SUCCEEDED: "Done"}.get(job.status, job.status.capitalize())


def note(job: "Job") -> str:
    """What there is to say besides the percentage."""
    if job.status is JobStatus.QUEUED:
        if job.next_attempt_at is not None:
            return f"again at {job.next_attempt_at.astimezone():%H:%M:%S}: {job.error.detail if job.error else ''}"
        ahead = (job.queue_position or 1) - 1
        return f"{ahead} before it" if ahead else ""
    if job.status is JobStatus.RUNNING and job.phase == "transcribing" and job.audio_ms_done:
        heard = clock(job.audio_ms_done)
        return f"{heard} of {clock(job.audio_duration_ms)}" if job.audio_duration_ms else f"{heard} heard"
    if job.status is JobStatus.SUCCEEDED and job.audio_duration_ms:
        return clock(job.audio_duration_ms)
    if job.is_over:
        return ""  # what it said last is of the time before
    return job.message if job.phase else ""


def shortened(label: str, most: int) -> str:
    """The label where it is short; else its beginning and its end, by which files of a series differ."""
    if len(label) <= most:
        return label
    tail = most * 3 // 5
    return f"{label[: most - tail - 1]}…{label[-tail:]}"


def clock(ms: int) -> str:
    """`M:SS`, or `H:MM:SS` from an hour on."""
    minutes, seconds = divmod(ms // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def megabytes(size: int) -> str:
    """Bytes as `12.3 MB`."""
    return f"{size / 1e6:.1f} MB"


def moment(time: datetime | None) -> str:
    """A time in this machine's zone: `14:05:09` today, else `2026-11-24 14:05`."""
    if time is None:
        return ""
    local = time.astimezone()
    return (
        f"{local:%H:%M:%S}"
        if local.date() == datetime.now(UTC).astimezone().date()
        else f"{local:%Y-%m-%d %H:%M}"
    )


def age(time: datetime | None) -> str:
    """How long ago: `12 s`, `5 min`, `3 h`, `40 d`."""
    if time is None:
        return ""
    seconds = max((datetime.now(UTC) - time).total_seconds(), 0)
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds:.0f} s"


def span(seconds: float) -> str:
    """A duration: `212 ms`, `4.2 s`, `3:05 min`, `1:02:03 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{clock(round(seconds * 1000))} {'h' if seconds >= 3600 else 'min'}"
