"""Sessions: recordings sent in, listed, changed, transcribed again, erased."""

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import UUID, uuid4

from client.calls import uploads
from client.calls.file_parts import OnSent
from client.calls.reading import ask, listed, read, send
from client.errors import ConflictError
from client.models import Job, Order, Session, Submission, Waveform
from client.plans import Feed, Plan, Request
from client.retries import IDEMPOTENCY_KEY, Backoff, answered
from shared.lifecycle import JobStatus

RESUMABLE_BYTES: Final = 8 * 1024 * 1024
"""From this size on an upload that breaks is worth resuming."""

_PATH: Final = "/v1/sessions"
_KEEP: Final = object()
_JOINED_S: Final = 180.0  # parts are joined before it is answered
_TRIES: Final = 8  # with their pauses more than half a minute: longer than a deploy


def submit(
    recording: Path,
    order: Order | None = None,
    *,
    on_sent: OnSent | None = None,
    idempotency_key: str | None = None,
    upload_id: UUID | None = None,
    on_upload: Callable[[UUID], None] | None = None,
) -> Plan[Submission]:
    """Send a recording, streamed from disk; ends once it is stored and its job is queued.

    A second call with the same `idempotency_key` gets the first one's answer, as long as file and order are the same.
    A large recording goes as a resumable upload where the service takes those, straight to the bucket where it keeps
    recordings in one: `on_upload` is told its id, and `upload_id` goes on with one that was begun.
    """
    order, key = order or Order(), idempotency_key or str(uuid4())
    if upload_id is None:
        if recording.stat().st_size < RESUMABLE_BYTES or not (yield from uploads.offered()):
            return (yield from _by_form(recording, order, on_sent, key))
        upload_id = (yield from uploads.create(recording)).id
        if on_upload is not None:
            on_upload(upload_id)
    yield from uploads.send(upload_id, recording, on_sent=on_sent)
    return (yield from _of_upload(upload_id, order, key))


def submit_from(
    address: str, order: Order | None = None, *, idempotency_key: str | None = None
) -> Plan[Submission]:
    """Have the service fetch a recording itself: from an address that is open or signed, or `gs://bucket/name`.

    The answer does not wait for it; what goes wrong with it is the job's error.
    """
    member = "gcs_uri" if address.startswith("gs://") else "source_url"
    request = Request(
        "POST",
        _PATH,
        headers={IDEMPOTENCY_KEY: idempotency_key or str(uuid4())},
        body={"json": {member: address, **(order or Order()).members()}},
    )
    return read(Submission, (yield from answered(request, Backoff(_TRIES))))


def _by_form(recording: Path, order: Order, on_sent: OnSent | None, key: str) -> Plan[Submission]:
    with recording.open("rb") as file:
        request = Request(
            "POST",
            _PATH,
            # The boundary follows from the key, so that a repeated request is the same to the last byte.
            headers={IDEMPOTENCY_KEY: key, "Content-Type": f"multipart/form-data; boundary={key}"},
            body={
                "data": order.form(),
                "files": {"audio": (recording.name, _Counted(file, on_sent) if on_sent else file)},
            },
        )
        return read(Submission, (yield from answered(request, Backoff(_TRIES))))


def _of_upload(upload_id: UUID, order: Order, key: str) -> Plan[Submission]:
    """Make a session of a whole upload, or find the one that was made of it before."""
    request = Request(
        "POST",
        _PATH,
        headers={IDEMPOTENCY_KEY: key},
        body={"json": {"upload_id": str(upload_id), **order.members()}},
        read_s=_JOINED_S,
    )
    try:
        return read(Submission, (yield from answered(request, Backoff(_TRIES))))
    except ConflictError as error:
        made, job = error.problem.get("session_id"), error.problem.get("job_id")
        if not (made and job):
            raise
        session = yield from get(UUID(made))
        return Submission(session=session, job=(yield from ask(Job, "GET", f"/v1/jobs/{job}")))


def get(session_id: UUID) -> Plan[Session]:
    """One session; NotFoundError."""
    return ask(Session, "GET", f"{_PATH}/{session_id}")


def list_(
    *,
    status: Sequence[JobStatus] = (),
    language: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    q: str | None = None,
    limit: int | None = None,
) -> Feed[Session]:
    """Sessions, newest first; `q` is a part of the title, `language` `en` finds `en-US` too."""
    return listed(
        Session,
        _PATH,
        limit,
        status=list(status),
        language=language,
        created_after=created_after,
        created_before=created_before,
        q=q,
    )


def update(
    session_id: UUID,
    *,
    title: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    delete_after: Any = _KEEP,
) -> Plan[Session]:
    """Change what is given; `delete_after=None` keeps the session for good."""
    body: dict[str, Any] = {} if title is None else {"title": title}
    if metadata is not None:
        body["metadata"] = dict(metadata)
    if delete_after is not _KEEP:
        body["delete_after"] = (
            delete_after.isoformat() if hasattr(delete_after, "isoformat") else delete_after
        )
    return ask(Session, "PATCH", f"{_PATH}/{session_id}", body={"json": body})


def delete(session_id: UUID) -> Plan[None]:
    """Erase the recording, the transcript and the jobs; a job that runs is cancelled."""
    return send("DELETE", f"{_PATH}/{session_id}")


def transcribe_again(session_id: UUID, order: Order | None = None) -> Plan[Job]:
    """Queue another job, with another language, engine or model; what the order leaves out stays as it was."""
    members = (order or Order()).members()
    return ask(Job, "POST", f"{_PATH}/{session_id}/jobs", body={"json": members})


def waveform(session_id: UUID) -> Plan[Waveform]:
    """How loud the recording is, moment by moment; NotFoundError where no worker has drawn it yet."""
    return ask(Waveform, "GET", f"{_PATH}/{session_id}/waveform")


class _Counted(io.RawIOBase):
    """A file that says how much of it was read, which is how much httpx has sent."""

    def __init__(self, file: BinaryIO, on_sent: OnSent) -> None:
        super().__init__()
        self._file = file
        self._on_sent = on_sent
        self._total = Path(file.name).stat().st_size

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._on_sent(self._file.tell(), self._total)
        return chunk

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()
