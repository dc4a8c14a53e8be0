"""arq's worker with leases: how jobs are claimed, held, given up and ended. `docs/queue.md` tells the whole.

Everything that a worker tells Redis about its jobs goes through one script, the turn: it renews the lease,
ends what ended, claims what is due, and frees the jobs of dead workers, in one round trip. There is one turn
at a time, so what the worker believes and what Redis holds can be compared exactly after each.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from signal import Signals
from typing import Any, Final

from arq.connections import ArqRedis
from arq.typing import StartupShutdown
from arq.worker import Function
from redis.exceptions import RedisError

from shared.observation.logs import get_logger
from shared.queue import names
from shared.queue.envelope import loads
from worker_service.queue.lease_scripts import JOIN, LEAVE, TURN
from worker_service.queue.runs import End, Held, RunningWorker

log = get_logger(__name__)

HANDOVER: Final = "handover"  # why a run was cancelled: the argument of its CancelledError
LOST: Final = "lease lost"

_BACK: Final[End] = ("back", 0)
_NOT_CANCELLED_BY_US: Final[End] = ("retry", 1_000)  # a run that cancels itself must not spin

_BATCH: Final = 1_000  # jobs ended or claimed in one turn: a script holds up every other client while it runs
_POLL_S: Final = 0.5  # how soon a job is seen that came without a token, from a stock client
_LISTEN_S: Final = 3  # shorter than the connection's timeout
_MOST_TROUBLE_S: Final = 1.0  # between two attempts to reach Redis
_GOODBYE_S: Final = 1.0


class LeaseWorker(RunningWorker):
    """An arq worker whose jobs survive it; run it with `async_run`, end it with `stop`.

    A task is `async def run(ctx, job_id, ...)`. It raises `arq.Retry(defer=...)` to be run again, is cancelled
    (with HANDOVER or LOST as the reason) when it must let go, and any other exception ends the job. Nothing
    here limits attempts: `ctx["job_try"]` counts failures and crashes, the decision belongs to the task.
    """

    def __init__(
        self,
        functions: Sequence[Function],
        *,
        redis: ArqRedis,
        queue_name: str = names.DEFAULT_QUEUE,
        max_jobs: int = 10,
        lease_s: float = 10.0,
        drain_s: float = 8.0,
        job_timeout_s: float = 86_400.0,
        ctx: dict[Any, Any] | None = None,
        on_job_start: StartupShutdown | None = None,
        on_job_end: StartupShutdown | None = None,
        handle_signals: bool = False,
    ) -> None:
        """`redis` comes from `shared.queue.client.connect(..., retries=0)` and stays the caller's to close.

        `lease_s`: how long a killed worker keeps its jobs. `drain_s`: how long cancelled runs may take to hand
        over at `stop`.
        """
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = False
        self._joined = False
        self._trouble_s = 0.0
        self._held: dict[str, Held] = {}
        self._ends: dict[str, End] = {}  # of jobs in `_held`, until Redis knows
        self._lost: set[asyncio.Task[End]] = set()  # runs of jobs that were lost, until they have let go
        self._changed = asyncio.Event()  # a run ended, or a token came: time for a turn
        self._idle = asyncio.Event()  # there are free slots and nothing is due: time to listen
        super().__init__(
            functions,
            redis_pool=redis,
            queue_name=queue_name,
            max_jobs=max_jobs,
            job_timeout=job_timeout_s,
            keep_result=0,
            ctx=ctx,
            on_job_start=on_job_start,
            on_job_end=on_job_end,
            handle_signals=handle_signals,
            job_deserializer=loads,
        )
        self.worker_id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self.jobs_claimed = self.jobs_lost = self.jobs_handed_over = self.jobs_due = 0
        self._lease_ms = int(lease_s * 1000)
        self._drain_s = drain_s
        self._keys = names.keys(queue_name)
        # Two connections for good: taking one from the pool each time costs as much as the round trip.
        self._speaking, self._listening = redis.client(), redis.client()
        scripts = map(self._speaking.register_script, (JOIN, TURN, LEAVE))
        self._join_script, self._turn_script, self._leave_script = scripts

    @property
    def jobs_running(self) -> int:
        """How many jobs this worker holds; never more than `max_jobs`."""
        return len(self._held)

    @property
    def held(self) -> list[str]:
        """The ids of the jobs that this worker holds."""
        return list(self._held)

    def stop(self) -> None:
        """Claim no more, cancel the runs, give their jobs back; `async_run` returns when that is done."""
        self._stopping = True
        self.allow_pick_jobs = False
        self._changed.set()
        self._idle.set()
        for loop in self._loops:
            loop.cancel()

    def handle_sig(self, signum: Signals) -> None:
        """What arq calls for SIGINT and SIGTERM."""
        self.stop()

    async def main(self) -> None:
        """Serve until `stop` or a cancel, then hand over."""
        log.info("worker starts", worker=self.worker_id, queue=self.queue_name, max_jobs=self.max_jobs)
        try:
            async with asyncio.TaskGroup() as group:
                self._loops = [group.create_task(self._serve()), group.create_task(self._listen())]
                if self._stopping:
                    self.stop()
        finally:
            self.stop()
            for held in self._held.values():
                held.run.cancel(HANDOVER)
            await self._hand_over()
            await self._speaking.aclose()
            await self._listening.aclose()

    async def _serve(self) -> None:
        while (
            not self._stopping
        ):  # a cancel alone may get lost in redis-py: `asyncio.wait_for` of Python 3.11
            await self._cycle()

    async def _cycle(self) -> None:
        """One turn, and then the wait until there is reason for another. Redis may come and go."""
        self._changed.clear()
        try:
            pause_s = await self._turn() if self._joined else await self._join()
            self._trouble_s = 0.0
        except (RedisError, OSError) as error:
            self._joined = False  # the turn may have happened: only the reply is known to be lost
            self._trouble_s = min(max(self._trouble_s * 2, 0.1), _MOST_TROUBLE_S)
            log.warning("Redis is out of reach; runs go on", retry_s=self._trouble_s, reason=repr(error))
            await asyncio.sleep(self._trouble_s)
        else:
            if pause_s > 0 and not self._changed.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._changed.wait()

    async def _join(self) -> float:
        """Register, and agree with Redis on what is ours. Next comes a turn, at once."""
        args: list[Any] = [self.worker_id, self._lease_ms]
        for job_id, held in self._held.items():
            args += (job_id, held.score, held.envelope or b"", self._ends.get(job_id, ("running", 0))[0])
        for job in await self._join_script(keys=self._keys, args=args):
            self._lose(job.decode())
        self._joined = True
        return 0.0

    async def _turn(self) -> float:
        """Tell Redis what ended, hear what is ours now; returns how long there is nothing to do, in seconds."""
        ends = list(islice(self._ends.items(), _BATCH))
        free = self.max_jobs - len(self._held) + len(ends)
        args: list[Any] = [self.worker_id, self._lease_ms, min(free, _BATCH) if self.allow_pick_jobs else 0]
        for job_id, (how, ms) in ends:
            args += (job_id, how, ms, self._held[job_id].rank)
        reply = await self._turn_script(keys=self._keys, args=args)
        if reply is None:
            self._joined = False
            return 0.0
        next_ms, self.jobs_due, held_there, fenced, jobs = reply
        for job_id, _ in ends:
            del self._ends[job_id], self._held[job_id]
        for job in fenced:
            self._note_lost(job.decode())
        for job, score, envelope, tries in jobs:
            self._start(job.decode(), Held(score, envelope, tries))
        self._joined = held_there == len(self._held)
        if len(ends) == _BATCH or (jobs and self.jobs_due > 0 and free > len(jobs)):
            return 0.0
        return self._pause_s(free - len(jobs), next_ms)

    def _pause_s(self, free: int, next_ms: int) -> float:
        """How long to wait after a turn that left nothing to do but to run the jobs."""
        renew_s = self._lease_ms / 4000
        if free <= 0:
            self._idle.clear()
            return renew_s
        self._idle.set()
        poll_s = min(_POLL_S, renew_s)
        return poll_s if next_ms < 0 else min(poll_s, next_ms / 1000 + 0.001)

    async def _listen(self) -> None:
        """Take a token whenever there is nothing to do; a token that gets lost costs one poll."""
        wake = names.wake_key(self.queue_name)
        while not self._stopping:
            await self._idle.wait()
            try:
                if await self._listening.blpop([wake], timeout=_LISTEN_S):  # type: ignore[misc]  # typed for both clients
                    self._idle.clear()
                    self._changed.set()
            except (RedisError, OSError):
                await asyncio.sleep(_POLL_S)

    def _start(self, job_id: str, held: Held) -> None:
        self.jobs_claimed += 1
        self._held[job_id] = held
        held.run = asyncio.create_task(self._run(job_id, held))
        held.run.add_done_callback(partial(self._ended, job_id, held))

    def _ended(self, job_id: str, held: Held, run: "asyncio.Task[End]") -> None:
        if self._held.get(job_id) is not held:
            return  # lost meanwhile: nothing of this run is told to Redis
        if not run.cancelled():
            self._ends[job_id] = run.result()
        elif self._stopping:
            self.jobs_handed_over += 1
            self._ends[job_id] = _BACK
        else:
            self._ends[job_id] = _NOT_CANCELLED_BY_US
        self._changed.set()

    def _lose(self, job_id: str) -> None:
        """This job is not ours any more: end our run of it, if it has not ended."""
        held = self._held.pop(job_id)
        self._ends.pop(job_id, None)
        if not held.run.done():
            self._note_lost(job_id)
            self._lost.add(held.run)
            held.run.add_done_callback(self._lost.discard)
            held.run.cancel(LOST)

    def _note_lost(self, job_id: str) -> None:
        self.jobs_lost += 1
        log.warning("a job was taken over by another worker", job_id=job_id, worker=self.worker_id)

    async def _hand_over(self) -> None:
        """Give back what the runs let go, as they do; what they still hold at the end is given back too."""
        self._joined = False  # `stop` may have cut a turn short
        loop = asyncio.get_running_loop()
        end = loop.time() + self._drain_s
        try:
            async with asyncio.timeout_at(end):
                while self._held and loop.time() < end:
                    await self._cycle()
        except TimeoutError:
            log.warning("runs did not let go in time", jobs=len(self._held))
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await self._leave_script(keys=self._keys, args=[self.worker_id])
        except (RedisError, OSError) as error:
            log.warning("no goodbye to Redis; the lease ends by itself", reason=repr(error))
        log.info("worker stopped", worker=self.worker_id, handed_over=self.jobs_handed_over)
