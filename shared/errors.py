"""One tree of errors: a class's docstring is its message, its `code` is stable and part of the contract."""

from typing import Any, ClassVar


class TranscriptsError(Exception):
    """Something went wrong that the service did not foresee. The job and the recording are kept."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    transient: ClassVar[bool] = False  # worth another attempt without anyone changing anything

    def __init__(self, detail: str | None = None, **extra: Any) -> None:
        """Keep `detail` (a sentence for people; the docstring when absent) and JSON-safe `extra` members."""
        self.detail = detail or " ".join((self.__doc__ or "").split())
        self.extra = extra
        super().__init__(self.detail)

    def as_dict(self) -> dict[str, Any]:
        """The error as it is stored on a job: `code`, `detail`, `transient`, and any extra members."""
        return {"code": self.code, "detail": self.detail, "transient": self.transient, **self.extra}


# What a caller did ----------------------------------------------------------------------------------


class InvalidRequestError(TranscriptsError):
    """The request is not of the form that this endpoint takes. Nothing was stored."""

    code = "invalid_request"
    status = 422


class UnauthorizedError(TranscriptsError):
    """This needs a key: send it as `Authorization: Bearer ctk_...`."""

    code = "unauthorized"
    status = 401


class ForbiddenError(TranscriptsError):
    """The key does not have the scope that this needs."""

    code = "forbidden"
    status = 403


class NotFoundError(TranscriptsError):
    """There is nothing under this id, or it is not yours."""

    code = "not_found"
    status = 404


class MethodNotAllowedError(TranscriptsError):
    """This address does not take that method; the Allow header names those that it takes."""

    code = "method_not_allowed"
    status = 405


class ConflictError(TranscriptsError):
    """The resource is not in a state that allows this."""

    code = "conflict"
    status = 409


class NotReadyError(ConflictError):
    """The transcript is not ready yet. Follow the job, then ask again."""

    code = "not_ready"


class StaleRevisionError(TranscriptsError):
    """Somebody changed this since you saw it. Nothing was changed; get it again, then decide."""

    code = "stale_revision"
    status = 412


class RevisionRequiredError(TranscriptsError):
    """Say in If-Match which revision of the transcript you saw: its ETag, or `*` for any. Nothing was changed."""

    code = "revision_required"
    status = 428


class TooLargeError(TranscriptsError):
    """The recording is over this server's size limit. Nothing was stored."""

    code = "too_large"
    status = 413


class EmptyUploadError(InvalidRequestError):
    """The file is empty. Nothing was stored; check the file, then send it again."""

    code = "empty_upload"


class UploadOffsetError(ConflictError):
    """The upload stands elsewhere. Ask where with HEAD, then go on from there; what was received is kept."""

    code = "upload_offset"


class UploadIncompleteError(ConflictError):
    """The upload is not whole yet. Send the rest of it first."""

    code = "upload_incomplete"


class UploadExpiredError(TranscriptsError):
    """The upload was not finished in time, and is erased. Begin it anew."""

    code = "upload_expired"
    status = 410


class ChecksumMismatchError(TranscriptsError):
    """The bytes are not those that the checksum is of. They were not kept; send them again."""

    code = "checksum_mismatch"
    status = 460  # tus's own


class UploadDamagedError(InvalidRequestError):
    """The upload is not what its checksum says. Nothing was made of it; begin it anew."""

    code = "upload_damaged"


class TusVersionError(TranscriptsError):
    """This speaks tus 1.0.0: send the header Tus-Resumable: 1.0.0. Nothing was stored."""

    code = "tus_version"
    status = 412


class UploadStalledError(TranscriptsError):
    """The client sent nothing for a minute in the middle of an upload. Nothing was stored; send it again."""

    code = "upload_stalled"
    status = 408
    transient = True


class UnsupportedMediaError(TranscriptsError):
    """The upload is not a recording that can be read. Nothing was stored."""

    code = "unsupported_media"
    status = 415


class UnsupportedOptionError(TranscriptsError):
    """The engine cannot do what was asked. Nothing was spent."""

    code = "unsupported_option"
    status = 422


class RangeError(TranscriptsError):
    """The range lies outside the recording. Ask for bytes that it has."""

    code = "range_not_satisfiable"
    status = 416


class BudgetExceededError(TranscriptsError):
    """The budget of this month does not allow it. Nothing was spent."""

    code = "budget_exceeded"
    status = 402


class RateLimitedError(TranscriptsError):
    """Too many requests in too short a time. Nothing was done; try again after the time in Retry-After."""

    code = "rate_limited"
    status = 429
    transient = True


class OverloadedError(TranscriptsError):
    """The queue is full. Nothing was stored; try again after the time in Retry-After."""

    code = "overloaded"
    status = 429
    transient = True


# What is wrong with a recording (found by a worker: the job fails with it) -----------------------------


class MediaError(TranscriptsError):
    """The recording cannot be read. Upload it again in another format."""

    code = "media_unreadable"
    status = 422


class NoAudioError(MediaError):
    """The file holds no audio track. Upload a recording with sound."""

    code = "media_no_audio"


class EmptyAudioError(MediaError):
    """The recording has no length: not one sample of sound is in it."""

    code = "media_empty"


class MediaTooLongError(MediaError):
    """The recording is longer than this server takes."""

    code = "media_too_long"


class MediaTimeoutError(MediaError):
    """Reading the recording took longer than its size explains. It was given up to protect the worker."""

    code = "media_timeout"


class SourceRefusedError(TranscriptsError):
    """The recording cannot be fetched from its address. Give another, or send the file."""

    code = "source_refused"
    status = 422


class SourceUnavailableError(TranscriptsError):
    """The recording cannot be fetched now. It is tried again by itself."""

    code = "source_unavailable"
    status = 503
    transient = True


# What happened to a job --------------------------------------------------------------------------------


class MediaInterruptedError(TranscriptsError):
    """The process that read the recording was killed, as where memory runs out. The job is tried again by itself."""

    code = "media_interrupted"
    transient = True


class EngineError(TranscriptsError):
    """The speech engine failed. The recording is kept; retry the job."""

    code = "engine_failed"


class EngineRefusedError(EngineError):
    """The speech engine refuses this recording or these options. The recording is kept; change the order."""

    code = "engine_refused"


class EngineUnavailableError(EngineError):
    """The speech engine cannot be reached now. The job is tried again by itself."""

    code = "engine_unavailable"
    transient = True


class EngineQuotaError(EngineError):
    """The speech engine refuses more work for now. The job is tried again by itself."""

    code = "engine_quota"
    transient = True


class EngineMisconfiguredError(EngineError):
    """The speech engine is not set up on this worker. `doctor` names what is missing."""

    code = "engine_misconfigured"


class StorageError(TranscriptsError):
    """The object store did not do what was asked. The job is tried again by itself."""

    code = "storage_failed"
    status = 503
    transient = True


class StorageMisconfiguredError(StorageError):
    """The object store refuses us: the service is not set up to use it. What was stored before is kept."""

    code = "storage_misconfigured"
    transient = False


class ObjectExistsError(TranscriptsError):
    """There is an object under this key already. It was left as it is."""

    code = "object_exists"
    status = 409


class ObjectMissingError(TranscriptsError):
    """The recording is no longer in the object store. Upload it again."""

    code = "object_missing"
    status = 410


class QueueUnavailableError(TranscriptsError):
    """The queue cannot be reached now. What was accepted is kept, and is run when the queue is back."""

    code = "queue_unavailable"
    status = 503
    transient = True


class AttemptsExhaustedError(TranscriptsError):
    """The job failed too often. The recording is kept; retry the job when the cause is gone."""

    code = "attempts_exhausted"


class FencedError(TranscriptsError):
    """Another attempt owns this job now, or it ended: what this run found out is dropped."""

    code = "fenced"


class CancelledByUserError(TranscriptsError):
    """The job was cancelled. The recording is kept; retry the job to run it again."""

    code = "cancelled"


# What is wrong with the set-up ---------------------------------------------------------------------------


class SetupError(TranscriptsError):
    """The service cannot start as it is set up."""

    code = "setup"


class UnknownSettingError(SetupError):
    """A setting has a name that nothing reads."""

    code = "setup_unknown_setting"


class NotReadyToServeError(SetupError):
    """A part that the service needs does not answer."""

    code = "unavailable"
    status = 503
    transient = True
