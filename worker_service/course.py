"""What runs for a job: one operation that hears its recording, or one for each piece; started, resumed, followed.

A piece is what a whole recording is otherwise: written down before it is started, submitted once, followed again by
its name. All pieces are meant at once, so that a budget allows all of them or none, and run side by side.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from shared.database import Pool
from shared.errors import FencedError
from shared.jobs.operations import Cost, Operation
from shared.jobs.pieces import Intent, Piece, PieceRepository
from shared.lifecycle import Phase
from shared.observation.logs import get_logger
from shared.records import JobRecord
from shared.transcript import Notice
from worker_service.engines.port import (
    Engine,
    OperationEndedError,
    Plan,
    SpeechRequest,
    SpeechResult,
    outputs,
)
from worker_service.media.preparing import PreparedAudio
from worker_service.operations import Operations
from worker_service.pieces.assembly import Heard, assemble
from worker_service.pieces.cutting import Cutting, Span, spans
from worker_service.pieces.files import cut
from worker_service.status import StatusBoard
from worker_service.together import to_the_end, until_one_is_lost

log = get_logger(__name__)

_STAGED_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Course:
    """Either `whole`, or `pieces` of which some may still have to be started, or nothing yet.

    `files` are the pieces' audio, for an engine whose operations do not outlive the process.
    """

    whole: Operation | None = None
    pieces: tuple[Piece, ...] = ()
    files: Mapping[int, Path] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be started."""
        return self.whole is not None or (bool(self.pieces) and not self.missing)

    @property
    def missing(self) -> tuple[Piece, ...]:
        """The pieces that nothing hears."""
        return tuple(piece for piece in self.pieces if piece.operation is None)


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was heard, and what each operation of it has cost."""

    result: SpeechResult
    audio_ms: int
    paid: tuple[tuple[Operation, Cost], ...]
    mended: frozenset[str] = frozenset()  # codes of notices that are not true any more

    @property
    def notices(self) -> list[Notice]:
        """What was noticed before anything was started."""
        every = (notice for operation, _ in self.paid for notice in operation.notices)
        return [notice for notice in every if notice.code not in self.mended]


class Courses:
    """What a run does with the operations of its job; every method raises FencedError where the job was lost."""

    def __init__(self, pool: Pool, status: StatusBoard, cutting_slots: asyncio.Semaphore) -> None:
        """`cutting_slots` bounds how many recordings are decoded at once."""
        self._operations = Operations(pool, status)
        self._pieces = PieceRepository(pool)
        self._status = status
        self._cutting_slots = cutting_slots
        self._staging = asyncio.Semaphore(_STAGED_AT_ONCE)

    async def resume(self, job: JobRecord, engine: Engine) -> Course:
        """What earlier attempts have started."""
        whole = await self._operations.resume(job, engine)
        if whole is not None:
            return Course(whole)
        pieces = await self._pieces.of(job.id)
        return Course(pieces=tuple(await to_the_end(self._resumed(job, engine, piece) for piece in pieces)))

    async def start(self, job: JobRecord, engine: Engine, course: Course, audio: PreparedAudio) -> Course:
        """Start what is missing, each once; raises what the engine raises.

        After anything but a refusal a later attempt looks for the operation.
        """
        request = _request(job, job.attempt, audio.path, audio.duration_ms)
        plan = engine.check(request)
        notices = [*audio.warnings, *plan.notices]
        if not course.pieces and plan.cutting is None:
            return Course(await self._operations.start(job, engine, request, plan, notices))
        pieces = course.pieces or await asyncio.to_thread(_divided, audio, plan.cutting)
        missing = [piece for piece in pieces if piece.operation is None]
        self._status.report(job, Phase.PREPARING, f"Cutting the recording into {len(pieces)} pieces", 1.0)
        async with self._cutting_slots:
            files = await cut(audio.path, audio.path.parent, {piece.n: _span(piece) for piece in missing})
        requests = [
            _of_piece(replace(request, model=plan.model), piece, files.get(piece.n)) for piece in missing
        ]
        started = await self._start_pieces(job, engine, plan, notices, missing, requests)
        return Course(pieces=tuple(started.get(piece.n, piece) for piece in pieces), files=files)

    async def follow(
        self, job: JobRecord, engine: Engine, course: Course, audio: PreparedAudio | None
    ) -> Hearing:
        """Wait for what runs, and put together what was heard."""
        if course.whole is not None:
            path = None if audio is None else audio.path
            return await self._follow_whole(job, engine, course.whole, path)
        total = _Progress(self._status, job, course.pieces)
        results = await until_one_is_lost(
            self._follow_piece(job, engine, piece, course.files.get(piece.n), total.of(piece))
            for piece in course.pieces
        )
        heard = [Heard(_span(piece), result) for piece, result in zip(course.pieces, results, strict=True)]
        return Hearing(
            # Hours of words take tenths of a second: not on the loop (F17).
            await asyncio.to_thread(assemble, heard, speakers=job.speakers),
            total.duration_ms,
            tuple(
                (_operation(piece), result.cost) for piece, result in zip(course.pieces, results, strict=True)
            ),
        )

    async def discard(self, job: JobRecord, engine: Engine, heard: Hearing) -> None:
        """Leave nothing of a job that has been saved in the engine's store."""
        await self._operations.discard(engine, outputs(job.id), [operation for operation, _ in heard.paid])

    # Pieces --------------------------------------------------------------------------------------------

    async def _resumed(self, job: JobRecord, engine: Engine, piece: Piece) -> Piece:
        if piece.operation is None:
            return piece
        return replace(piece, operation=await self._operations.resumed(job, engine, piece.operation))

    async def _start_pieces(
        self,
        job: JobRecord,
        engine: Engine,
        plan: Plan,
        notices: Sequence[Notice],
        pieces: Sequence[Piece],
        requests: Sequence[SpeechRequest],
    ) -> dict[int, Piece]:
        """Stage all, mean all, submit all: between the second and the third nothing is waited for."""
        self._status.report(job, Phase.UPLOADING, "Handing the audio to the speech engine")
        plans = [engine.check(request) for request in requests]
        intents = [
            Intent(piece, request.prefix, each.cost)
            for piece, request, each in zip(pieces, requests, plans, strict=True)
        ]
        async with self._operations.staging(job, engine):
            staged = await to_the_end(self._stage(engine, request) for request in requests)
            message = f"Starting the speech engine on {len(requests)} pieces"
            self._status.report(job, Phase.SUBMITTING, message)
            intended = await self._pieces.intend(job, intents, model=plan.model, notices=notices)
            if intended is None:
                raise FencedError
        log.info(
            "pieces are started",
            job_id=str(job.id),
            pieces=len(intended),
            audio_ms=sum(request.duration_ms for request in requests),
            expected_micro_dollars=sum(each.cost.micro_dollars for each in plans),
        )
        started = await to_the_end(
            self._operations.submit(job, engine, _operation(piece), request, where)
            for piece, request, where in zip(intended, requests, staged, strict=True)
        )
        return {
            piece.n: replace(piece, operation=operation)
            for piece, operation in zip(intended, started, strict=True)
        }

    async def _stage(self, engine: Engine, request: SpeechRequest) -> str:
        async with self._staging:
            return await engine.stage(request)

    async def _follow_piece(
        self,
        job: JobRecord,
        engine: Engine,
        piece: Piece,
        audio: Path | None,
        progress: Callable[[int], None],
    ) -> SpeechResult:
        operation = _operation(piece)
        whole = _request(job, operation.attempt, None, operation.audio_ms)
        return await self._heard(job, engine, operation, _of_piece(whole, piece, audio), progress)

    # One operation -------------------------------------------------------------------------------------

    async def _follow_whole(
        self, job: JobRecord, engine: Engine, operation: Operation, audio: Path | None
    ) -> Hearing:
        self._status.report(job, Phase.TRANSCRIBING, "Listening")

        def progress(audio_ms: int) -> None:
            share = audio_ms / operation.audio_ms
            self._status.report(job, Phase.TRANSCRIBING, "Listening", share, audio_ms)

        request = _request(job, operation.attempt, audio, operation.audio_ms)
        result = await self._heard(job, engine, operation, request, progress)
        return Hearing(result, operation.audio_ms, ((operation, result.cost),))

    async def _heard(
        self,
        job: JobRecord,
        engine: Engine,
        operation: Operation,
        request: SpeechRequest,
        progress: Callable[[int], None],
    ) -> SpeechResult:
        assert operation.name is not None
        try:
            return await engine.follow(request, operation.name, progress)
        except OperationEndedError as end:
            await self._operations.ended(job, engine, operation, end)
            raise end.error from end


class _Progress:
    """The progress of a recording, from that of its pieces."""

    def __init__(self, status: StatusBoard, job: JobRecord, pieces: Sequence[Piece]) -> None:
        self.duration_ms = max(piece.end_ms for piece in pieces)
        self._status = status
        self._job = job
        self._sent_ms = sum(_span(piece).length_ms for piece in pieces)
        self._done_ms = dict.fromkeys((piece.n for piece in pieces), 0)
        self._message = f"Listening to {len(pieces)} pieces"
        self._tell()

    def of(self, piece: Piece) -> Callable[[int], None]:
        """Called with the milliseconds of a piece that are done."""

        def progress(audio_ms: int) -> None:
            self._done_ms[piece.n] = audio_ms
            self._tell()

        return progress

    def _tell(self) -> None:
        share = sum(self._done_ms.values()) / self._sent_ms
        self._status.report(
            self._job, Phase.TRANSCRIBING, self._message, share, int(share * self.duration_ms)
        )


def _divided(audio: PreparedAudio, cutting: Cutting | None) -> tuple[Piece, ...]:
    assert cutting is not None
    found = spans(audio.waveform.peaks, audio.waveform.ms_per_peak, audio.duration_ms, cutting)
    return tuple(Piece(n, span.start_ms, span.end_ms) for n, span in enumerate(found))


def _span(piece: Piece) -> Span:
    return Span(piece.start_ms, piece.end_ms)


def _operation(piece: Piece) -> Operation:
    assert piece.operation is not None
    return piece.operation


def _of_piece(request: SpeechRequest, piece: Piece, audio: Path | None) -> SpeechRequest:
    length_ms = piece.end_ms - piece.start_ms
    return replace(request, audio=audio, duration_ms=length_ms, piece=piece.n, start_ms=piece.start_ms)


def _request(job: JobRecord, attempt: int, audio: Path | None, duration_ms: int) -> SpeechRequest:
    return SpeechRequest(
        job_id=job.id,
        attempt=attempt,
        audio=audio,
        duration_ms=duration_ms,
        language=job.language,
        model=job.model,
        speakers=job.speakers,
        diarization=job.diarization,
        phrases=tuple(job.phrases),
        processing=job.processing,
    )
