"""Google Speech-to-Text v2 as an Engine: staged in a bucket, submitted once, followed with all others.

An operation is known by Google's name for it. One that Google has forgotten, while its result still lies in the
bucket, is known by the result's `gs://` URI instead.
"""

import asyncio
from dataclasses import replace
from typing import Final

from google.rpc import code_pb2

from shared.errors import EngineError, EngineUnavailableError, ObjectMissingError, UnsupportedOptionError
from shared.google.languages import common_tag
from shared.google.speech import AUTOMATIC, Choice, choose
from shared.jobs.operations import Cost
from shared.lifecycle import Processing
from shared.ports import ObjectStore
from shared.transcript import Notice, NoticeCode, Word
from worker_service.engines.google import ended
from worker_service.engines.google.client import CallError
from worker_service.engines.google.ended import Success
from worker_service.engines.google.locations import Locations
from worker_service.engines.google.orphans import Orphanage, location_of
from worker_service.engines.google.outputs import FOLDER, OutputWatch
from worker_service.engines.google.requests import Options, batch_request, order_of
from worker_service.engines.google.results import Heard, read
from worker_service.engines.google.tariff import Tariff
from worker_service.engines.google.watched import Ended, Watched
from worker_service.engines.port import (
    OperationEndedError,
    Plan,
    Progress,
    SpeechRequest,
    SpeechResult,
    StillRunningError,
)
from worker_service.pieces.cutting import Cutting

SUBMIT_S: Final = 15.0
SETTLE_S: Final = 30.0
"""A submit takes 20 s at most, with the connection; ten more until a new operation is listed."""

_STAGED: Final = "staged"  # beside the results, so that a listing of those holds nothing else
_STANDARD_S: Final = 3_600.0  # with the recording's length: an operation that takes longer is given up
_ECONOMY_S: Final = 25 * 3_600.0  # Google promises a day
_BUCKET: Final = "gs://"


class GoogleEngine:
    """An Engine in one project and one bucket, in the locations that are set up."""

    name = "google"
    durable = True

    def __init__(
        self,
        *,
        locations: Locations,
        store: ObjectStore,
        tariff: Tariff,
        model: str = AUTOMATIC,
        options: Options | None = None,
        settle_s: float = SETTLE_S,
    ) -> None:
        """`store` is the bucket that Speech-to-Text reads and writes; it is closed with the engine."""
        self._locations = locations
        self._store = store
        self._tariff = tariff
        self._model = model
        self._options = options or Options()
        self._outputs = OutputWatch(store, locations.slow)
        self._orphanage = Orphanage(locations, settle_s=settle_s)

    def check(self, request: SpeechRequest) -> Plan:
        """The model that would be used and what it would cost; refuses what no location can do (F20, F21)."""
        choice = self._choose(request)
        cutting = None if choice.piece_ms is None else Cutting.of(choice.piece_ms)
        audio_ms = request.duration_ms if cutting is None else cutting.sent_ms(request.duration_ms)
        cost = self._tariff.cost(audio_ms, economy=_is_economy(request), estimated=True)
        return Plan(choice.model.name, cost, choice.notices, cutting)

    async def stage(self, request: SpeechRequest) -> str:
        """Put the audio into the bucket, and wait for a place in the quota of submits; returns the gs:// URI."""
        assert request.audio is not None
        location = self._choose(request).location
        key = f"{_twin(request.prefix)}{location}/{_file(request)}"
        await self._store.put_file(key, request.audio)
        await self._locations[location].submits.take()
        return self._store.uri(key)

    async def submit(self, request: SpeechRequest, staged: str) -> str:
        """One BatchRecognize, once; its results go below the request's prefix, by which it is found again."""
        choice = self._choose(request)
        client = self._locations[choice.location].client
        batch = batch_request(
            request, choice, self._options,
            recognizer=client.recognizer, audio=staged, output=self._output(request.prefix),
        )  # fmt: skip
        return await client.batch_recognize(batch, timeout_s=SUBMIT_S)

    async def find(self, prefix: str) -> str | None:
        """The operation whose results go below this prefix: by the bucket, then by Google's list (F6)."""
        key = await self._outputs.find(prefix)
        await self._open_where_staged(prefix)
        found = await self._orphanage.find(self._output(prefix), once=key is not None)
        return found or (None if key is None else self._store.uri(key))

    async def follow(self, request: SpeechRequest, operation: str, progress: Progress) -> SpeechResult:
        """Wait for the operation together with all others, and read what it wrote into the bucket."""
        await self._tariff.refresh()
        found = await self._success(request, operation, progress)
        heard = await self._heard(request, found)
        cost = self._tariff.cost(
            found.billed_ms or heard.billed_ms or request.duration_ms,
            economy=found.economy,
            estimated=not (found.billed_ms or heard.billed_ms),
        )
        return SpeechResult(
            words=_one_speaker(heard.words) if request.speakers == 1 else heard.words,
            language=common_tag(heard.language) if heard.language else request.language,
            model=found.model,
            warnings=(*heard.notices, *_more_voices(request, heard)),
            cost=cost,
        )

    async def cancel(self, operation: str, duration_ms: int) -> Cost:
        """Cancel it if it still runs; what it cost is Google's bill, or progress times duration.

        Cancelling is best effort: one that goes on all the same is StillRunningError, until it is so old that Google
        itself must have given it up.
        """
        everything = self._tariff.cost(duration_ms, economy=False, estimated=True)
        if operation.startswith(_BUCKET):
            return everything
        location = self._locations[location_of(operation)]
        try:
            await location.calls.take(urgent=True)
            found = await location.client.get(operation)
            if not found.done:
                await location.calls.take(urgent=True)
                await location.client.cancel(operation)
                await location.calls.take(urgent=True)
                found = await location.client.get(operation)
        except CallError as error:
            if error.code == code_pb2.NOT_FOUND:  # nobody knows what became of it
                return everything
            raise error.error from error
        cost = ended.cost(found, duration_ms, self._tariff, location.follower.percent(operation))
        if found.done:
            return cost
        if ended.age_s(found) > _ECONOMY_S + duration_ms / 1_000:
            return everything
        raise StillRunningError(cost)

    async def discard(self, prefix: str) -> None:
        """Delete results and staged audio below a prefix."""
        await self._store.delete_prefix(prefix)
        await self._store.delete_prefix(_twin(prefix))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._outputs.aclose()
        await self._orphanage.aclose()
        await self._locations.aclose()
        await self._store.aclose()

    async def _open_where_staged(self, prefix: str) -> None:
        """Have the location listed that an attempt staged its audio for, should it not be set up any more."""
        folder = _twin(prefix)
        async for staged in self._store.listing(folder):
            location = staged.key.removeprefix(folder).partition("/")[0]
            if location in self._locations.table:
                self._locations.open(location)

    def _choose(self, request: SpeechRequest) -> Choice:
        order = order_of(request, self._options)
        return choose(order, self._locations.names, model=self._model, table=self._locations.table)

    def _asked(self, request: SpeechRequest) -> tuple[str, bool]:
        """The model of an operation that runs, as far as is known, and whether it tells voices apart.

        It is heard also where the settings would not start it any more: it is paid.
        """
        try:
            choice = self._choose(request)
        except UnsupportedOptionError:
            return request.model or self._model, False
        return choice.model.name, choice.diarization

    def _output(self, prefix: str) -> str:
        """The prefix as Google is told it."""
        return f"{self._store.uri(prefix)}/"

    async def _success(self, request: SpeechRequest, operation: str, progress: Progress) -> Success:
        """Wait until the operation is over; OperationEndedError where it gave nothing."""
        economy = _is_economy(request)
        model, _ = self._asked(request)
        if operation.startswith(_BUCKET):
            return Success(operation, model, economy)
        end = await self._end(request, operation, progress)
        if end.operation is not None:
            return ended.success(end.operation, request.duration_ms, self._tariff)
        key = end.output or await self._outputs.find(request.prefix)
        if key is None:
            raise OperationEndedError(
                EngineUnavailableError(
                    "Google has forgotten the operation, and there is no result. The recording is kept; the job is "
                    "tried again by itself."
                ),
                self._tariff.cost(request.duration_ms, economy=economy, estimated=True),
            )
        return Success(self._store.uri(key), model, economy)

    async def _end(self, request: SpeechRequest, operation: str, progress: Progress) -> Ended:
        name = location_of(operation)
        location = self._locations[name]
        self._locations.refresh_soon(name)
        patience_s = _ECONOMY_S if _is_economy(request) else _STANDARD_S + request.duration_ms / 1_000
        watched = Watched(
            name=operation,
            prefix=request.prefix,
            duration_ms=request.duration_ms,
            progress=progress,
            began=asyncio.get_running_loop().time(),
            limit_s=patience_s,
        )
        try:
            with location.follower.watching(watched), self._outputs.watching(watched):
                return await watched.end
        except TimeoutError:
            cost = await self._cost_of_giving_up(operation, request.duration_ms)
            raise OperationEndedError(
                EngineUnavailableError(
                    f"Google's operation did not end within {patience_s / 3_600:.1f} hours and was cancelled. The "
                    "recording is kept; the job is tried again by itself."
                ),
                cost,
            ) from None

    async def _cost_of_giving_up(self, operation: str, duration_ms: int) -> Cost:
        """Cancel what has taken too long; it is not waited for, whatever becomes of it."""
        try:
            return await self.cancel(operation, duration_ms)
        except StillRunningError as still:
            return still.cost

    async def _heard(self, request: SpeechRequest, found: Success) -> Heard:
        """Read the result; one that is gone or broken ends the operation for us, at its full price."""
        _, diarization = self._asked(request)
        base = self._store.uri(FOLDER).removesuffix(FOLDER)
        try:
            data = b"".join([block async for block in self._store.read(found.uri.removeprefix(base))])
            return await asyncio.to_thread(
                read, data, duration_ms=request.duration_ms, diarization=diarization
            )
        except ObjectMissingError as error:
            gone: EngineError = EngineUnavailableError(
                "Google's result is no longer in the bucket. The recording is kept; the job is tried again by itself."
            )
            raise self._ended(gone, request, found) from error
        except ValueError as error:
            broken = EngineError("Google's result cannot be read. The recording is kept; retry the job.")
            raise self._ended(broken, request, found) from error

    def _ended(self, error: EngineError, request: SpeechRequest, found: Success) -> OperationEndedError:
        audio_ms = found.billed_ms or request.duration_ms
        return OperationEndedError(
            error, self._tariff.cost(audio_ms, economy=found.economy, estimated=found.billed_ms is None)
        )


def _is_economy(request: SpeechRequest) -> bool:
    return request.processing is Processing.ECONOMY


def _twin(prefix: str) -> str:
    """Where the audio of what goes below a prefix of results is staged."""
    return _STAGED + prefix.removeprefix(FOLDER)


def _file(request: SpeechRequest) -> str:
    """The staged audio's name; of a piece it tells which stretch of the recording it is, in milliseconds."""
    if request.piece is None:
        return "audio.flac"
    return f"{request.start_ms}-{request.start_ms + request.duration_ms}.flac"


def _one_speaker(words: tuple[Word, ...]) -> tuple[Word, ...]:
    return tuple(replace(word, speaker=1) for word in words)


def _more_voices(request: SpeechRequest, heard: Heard) -> tuple[Notice, ...]:
    voices = len({word.speaker for word in heard.words} - {None})
    if voices <= request.speakers:
        return ()
    detail = f"Google heard {voices} voices where at most {request.speakers} were expected."
    return (Notice(NoticeCode.SPEAKERS_UNCERTAIN, detail),)
