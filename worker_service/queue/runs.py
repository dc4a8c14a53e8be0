"""How a worker runs one job: opens its envelope, calls its task, and says how that ended."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from arq.typing import StartupShutdown
from arq.utils import ms_to_datetime
from arq.worker import Retry, Worker

from shared.observation.logs import get_logger
from shared.queue.envelope import BrokenEnvelopeError, Call, NewerEnvelopeError, opened

log = get_logger(__name__)

End = tuple[str, int]  # how a run ended, in the words of the turn's script, and its milliseconds
_DONE: Final[End] = ("done", 0)
_NOT_FOR_US: Final[End] = ("later", 5_000)  # a job that this worker does not know is offered again


@dataclass(slots=True, eq=False)
class Held:
    """A held job: the score to give back, its envelope, the failed runs before, its rank, and the run."""

    score: bytes
    envelope: bytes | None
    tries: int
    rank: int = 0
    run: "asyncio.Task[End]" = field(init=False)


class RunningWorker(Worker):
    """arq's worker without its way of holding jobs: nothing that a job or a hook does ends it."""

    async def _run(self, job_id: str, held: Held) -> End:
        """Run a job's task; returns how it ended."""
        if held.envelope is None:
            log.warning("a job without an envelope is dropped here; the sweep rings for it", job_id=job_id)
            return _DONE
        try:
            call = opened(held.envelope)
            function = self.functions[call.task]
        except (NewerEnvelopeError, KeyError) as error:
            log.warning("a job is not for this release; it is kept", job_id=job_id, reason=repr(error))
            return _NOT_FOR_US
        except BrokenEnvelopeError as error:
            log.warning("a broken envelope is dropped", job_id=job_id, reason=repr(error))
            return _DONE
        held.rank = call.rank
        ctx = {
            **self.ctx,
            "job_id": job_id,
            "job_try": max(held.tries + 1, call.job_try),
            "enqueue_time": ms_to_datetime(call.queued_ms),
            "score": int(float(held.score)),
        }
        await self._hook(self.on_job_start, ctx)
        try:
            return await self._call(function, ctx, call)
        finally:
            await self._hook(self.on_job_end, ctx)

    async def _call(self, function: Any, ctx: dict[Any, Any], call: Call) -> End:
        try:
            async with asyncio.timeout(function.timeout_s or self.job_timeout_s):
                await function.coroutine(ctx, *call.args, **call.kwargs)
        except Retry as again:
            self.jobs_retried += 1
            return "retry", again.defer_score or 0
        except Exception:  # the boundary between a task and the worker
            log.exception("a task failed", job_id=ctx["job_id"], task=function.name)
            self.jobs_failed += 1
        else:
            self.jobs_complete += 1
        return _DONE

    async def _hook(self, hook: StartupShutdown | None, ctx: dict[Any, Any]) -> None:
        if hook is None:
            return
        try:
            await hook(ctx)
        except Exception:  # a hook is not the job, and not the worker either
            log.exception("a hook failed", job_id=ctx["job_id"])
