"""Any order of rings, claims, ends, lost replies, frozen and dead workers, and lost data: no job lost, none held twice.

Real workers are stepped by hand against a real server. The scripts are those of production but for their clock,
which stands in a key and moves when the test says so.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

import pytest
from arq.connections import ArqRedis
from arq.worker import Retry, func
from hypothesis import Phase, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import booleans, integers, none, one_of, sampled_from
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.lifecycle import Priority
from shared.ports import Ring
from shared.queue import client, names
from shared.queue.client import RedisJobQueue, connect
from tests.fixtures.queue_server import QueueServer
from worker_service.queue import leases
from worker_service.queue.leases import LeaseWorker

_QUEUE: Final = "model"
_JOBS: Final = [UUID(int=number) for number in range(1, 7)]
_LEASE_S: Final = 10.0
_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_PARKED: Final = 3e12  # scores beyond are those of jobs that run

_CLOCK: Final = f"{_QUEUE}:clock"
_TIME: Final = "{string.match(redis.call('GET', KEYS[1] .. ':clock'), '(%d+) (%d+)')}"
_EVERYTHING: Final = """
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'string' then found[#found + 1] = {key, kind, redis.call('GET', key)}
  elseif kind == 'hash' then found[#found + 1] = {key, kind, redis.call('HGETALL', key)}
  elseif kind == 'zset' then found[#found + 1] = {key, kind, redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')} end
end
return found
"""

job_ids = sampled_from(_JOBS)


class _Deaf(ArqRedis):
    """A client that may lose the answer to what it sent."""

    deaf = False

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        answer = await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        if self.deaf:
            raise RedisConnectionError
        return answer


class _Worker:
    """A worker that moves one step at a time, and may lose the reply of a step."""

    def __init__(self, url: str, name: str, max_jobs: int, tries: dict[str, int]) -> None:
        self.tries = tries
        self.redis = _Deaf(connect(url, queue=_QUEUE, retries=0).connection_pool)
        self.runs: dict[str, asyncio.Future[str]] = {}
        self.leased = LeaseWorker(
            [func(self._run, name=names.TRANSCRIBE)],
            redis=self.redis, queue_name=_QUEUE, max_jobs=max_jobs, lease_s=_LEASE_S,
        )  # fmt: skip
        self.leased.worker_id = name

    async def _run(self, ctx: dict[Any, Any], job_id: str) -> None:
        assert ctx["job_try"] == self.tries.get(job_id, 0) + 1, (
            "every crash and retry counts, and nothing else"
        )
        future = self.runs[job_id] = asyncio.get_running_loop().create_future()
        try:
            how = await future
        finally:
            if self.runs.get(job_id) is future:
                del self.runs[job_id]
        if how == "retry":
            raise Retry(defer=3)

    async def step(self, *, lose_reply: bool) -> bool:
        """A join or a turn; returns whether this side heard the answer."""
        speaking = cast("_Deaf", self.leased._speaking)
        speaking.deaf = lose_reply
        try:
            await (self.leased._turn() if self.leased._joined else self.leased._join())
        except RedisConnectionError:
            self.leased._joined = False
        finally:
            speaking.deaf = False
            await settle()
        return not lose_reply

    async def die(self) -> None:
        for held in self.leased._held.values():
            held.run.cancel()
        await settle()
        await self.leased._speaking.aclose()
        await self.redis.aclose(close_connection_pool=True)


async def settle() -> None:
    """Let every run go as far as it can."""
    for _ in range(6):
        await asyncio.sleep(0)


class _State:
    """All that Redis holds."""

    def __init__(self, everything: list[list[Any]]) -> None:
        self.strings: dict[str, str] = {}
        self.hashes: dict[str, dict[str, str]] = {}
        self.zsets: dict[str, dict[str, float]] = {}
        for key, kind, found in everything:
            name = key.decode()
            if kind == b"string":
                self.strings[name] = found.decode()
                continue
            texts = [each.decode() for each in found]
            pairs = dict(zip(texts[::2], texts[1::2], strict=True))
            if kind == b"hash":
                self.hashes[name] = pairs
            else:
                self.zsets[name] = {member: float(score) for member, score in pairs.items()}

    def held(self, wid: str) -> set[str]:
        """The jobs that Redis holds for a worker."""
        return set(self.hashes.get(_held_key(wid), {}))


class QueueMachine(RuleBasedStateMachine):
    """What may happen to a queue. `owed` is the model: the jobs that somebody rang for and nobody has done."""

    workers = Bundle("workers")
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis: ArqRedis = connect(self.url, queue=_QUEUE)
        self.bell = RedisJobQueue(self.redis, _QUEUE)
        self.now_ms = 0
        self.look = self.redis.register_script(_EVERYTHING)
        self.owed: set[str] = set()
        self.forgotten: set[str] = set()  # owed, and Redis lost them: workers or the sweep put them back
        self.tries: dict[str, int] = {}
        self.alive: list[_Worker] = []
        self.born = 0
        self.do(self.redis.flushdb())
        self.advance(1_000)

    def do(self, work: Any) -> Any:
        return self.runner.run(_as_coroutine(work))

    def epoch_ms(self) -> int:
        return int(_EPOCH.timestamp() * 1000) + self.now_ms

    def state(self) -> _State:
        return _State(self.do(self.look()))

    # What happens ----------------------------------------------------------------------------------------

    @rule(ms=one_of(integers(1, 2_000), sampled_from([5_000, 11_000, 60_000])))
    def advance(self, ms: int) -> None:
        self.now_ms += ms
        seconds, ms = divmod(self.epoch_ms(), 1000)
        self.do(self.redis.set(_CLOCK, f"{seconds} {ms * 1000}"))

    @rule(job=job_ids, priority=sampled_from(Priority), in_s=one_of(none(), integers(1, 40)))
    def ring(self, job: UUID, priority: Priority, in_s: int | None) -> None:
        due = None if in_s is None else _EPOCH + timedelta(milliseconds=self.now_ms, seconds=in_s)
        self.do(self.bell.ring([Ring(job, priority, due)]))
        self.owed.add(str(job))
        self.forgotten.discard(str(job))

    @precondition(lambda self: len(self.alive) < 3)
    @rule(target=workers, max_jobs=integers(1, 4))
    def start(self, max_jobs: int) -> _Worker:
        return self._start(max_jobs)

    def _start(self, max_jobs: int) -> _Worker:
        self.born += 1
        worker: _Worker = self.do(self._born(max_jobs))
        self.alive.append(worker)
        return worker

    async def _born(self, max_jobs: int) -> _Worker:
        return _Worker(self.url, f"w{self.born}", max_jobs, self.tries)

    @rule(worker=workers, lose_reply=booleans())
    def step(self, worker: _Worker, lose_reply: bool) -> None:
        self._expect(worker)
        if self.do(worker.step(lose_reply=lose_reply)):
            self._agree(worker)

    @rule(worker=workers)
    def serve(self, worker: _Worker) -> None:
        for _ in range(2):
            self._expect(worker)
            assert self.do(worker.step(lose_reply=False))
            self._agree(worker)

    @rule(worker=workers, how=sampled_from(["done", "retry"]), which=integers(0, 3))
    def end(self, worker: _Worker, how: str, which: int) -> None:
        running = sorted(worker.runs)
        if running:
            worker.runs[running[which % len(running)]].set_result(how)
            self.do(settle())

    @rule(worker=consumes(workers))
    def kill(self, worker: _Worker) -> None:
        self.alive.remove(worker)
        self.do(worker.die())

    @rule(worker=consumes(workers))
    def stop(self, worker: _Worker) -> None:
        """SIGTERM: a join, the ends, and goodbye."""
        worker.leased.stop()
        for held in worker.leased._held.values():
            held.run.cancel()
        worker.leased._joined = False
        self.do(settle())
        while True:
            self._expect(worker)
            assert self.do(worker.step(lose_reply=False))
            if worker.leased._joined and not worker.leased._held:
                break
        self.do(worker.leased._leave_script(keys=worker.leased._keys, args=[worker.leased.worker_id]))
        self.kill(worker)

    @rule()
    def flush(self) -> None:
        """Redis loses everything; jobs whose end a worker has seen are known to Postgres."""
        self.do(self.redis.flushdb())
        self.advance(0)
        for worker in self.alive:
            self.owed -= {job for job, (how, _) in worker.leased._ends.items() if how == "done"}
        self.forgotten = set(self.owed)
        self.tries.clear()
        for worker in self.alive:
            for held in worker.leased._held.values():
                held.tries = 0

    @rule()
    def sweep(self) -> None:
        """What the sweep does for jobs that nobody runs."""
        believed = {job for worker in self.alive for job in worker.leased._held}
        for job in sorted(self.forgotten - believed):
            self.ring(UUID(job), Priority.NORMAL, None)

    # What must be ----------------------------------------------------------------------------------------

    def _expect(self, worker: _Worker) -> None:
        """Before a step: what its script must do to the model."""
        state, me = self.state(), worker.leased.worker_id
        leases_ = state.zsets.get(names.workers_key(_QUEUE), {})
        if not worker.leased._joined or me not in leases_:
            return
        mine = state.held(me)
        for job, (how, _) in worker.leased._ends.items():
            if job in mine and how == "done":
                self.tries.pop(job, None)
                if job not in state.hashes.get(names.again_key(_QUEUE), {}):
                    self.owed.discard(job)
            elif job in mine and how == "retry":
                self.tries[job] = self.tries.get(job, 0) + 1
        now = self.epoch_ms()
        if max(leases_.values()) < now + _LEASE_S * 200:
            return  # nobody could renew: nobody is taken for dead
        for wid, end in leases_.items():
            if end <= now and wid != me:
                for job in state.held(wid):
                    self.tries[job] = self.tries.get(job, 0) + 1

    def _agree(self, worker: _Worker) -> None:
        """After a step whose answer was heard, and that found nothing to settle, both sides believe the same."""
        if worker.leased._joined:
            mine = self.state().held(worker.leased.worker_id)
            assert mine == set(worker.leased._held)
            self.forgotten -= mine

    @invariant()
    def nothing_is_lost_and_nothing_is_held_twice(self) -> None:
        state = self.state()
        places = state.zsets.get(_QUEUE, {})
        held: dict[str, str] = {}
        for wid in {key.removeprefix(_held_key("")) for key in state.hashes if key.startswith(_held_key(""))}:
            for job in state.held(wid):
                assert job not in held, "held twice"
                held[job] = wid
        for job in map(str, _JOBS):
            assert state.strings.get(names.HOLDER_PREFIX + job) == held.get(job)
            assert (places.get(job, 0) > _PARKED) == (job in held), "parked while it is held, and only then"
            assert (job in places) == (names.JOB_PREFIX + job in state.strings)
            if job in self.owed - self.forgotten:
                assert job in places, "lost"
            if job not in self.owed:
                assert job not in places, "done, and still there"
                assert names.TRIES_PREFIX + job not in state.strings

    def teardown(self) -> None:
        """Whatever happened: one more worker, and everything that is owed gets done."""
        try:
            while self.alive:
                self.kill(self.alive[-1])
            self.advance(3_600_000)
            self.sweep()
            worker = self._start(10)
            while self.owed or worker.leased._held:
                assert self.now_ms < 10_000_000, "what is owed gets done"
                self.serve(worker)
                for job in list(worker.runs):
                    worker.runs[job].set_result("done")
                self.do(settle())
                self.advance(
                    4_000
                )  # less than a lease: a worker that never renews in time frees nobody's jobs
                self.nothing_is_lost_and_nothing_is_held_twice()
            self.kill(worker)
        finally:
            self.do(self.redis.aclose(close_connection_pool=True))
            self.runner.close()


def _held_key(wid: str) -> str:
    return names.held_prefix(_QUEUE) + wid


async def _as_coroutine(work: Any) -> Any:
    return await work


def test_no_job_is_lost_and_none_is_held_twice(server: QueueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """F1, F5, F11."""
    for module, name in ((leases, "JOIN"), (leases, "TURN"), (leases, "LEAVE"), (client, "RING")):
        script = getattr(module, name)
        assert script.count("call('TIME')") == 1
        monkeypatch.setattr(module, name, script.replace("call('TIME')", _TIME))
    monkeypatch.setattr(QueueMachine, "url", server.url.removesuffix("/0") + "/5")
    run_state_machine_as_test(
        QueueMachine,
        settings=settings(
            max_examples=30, stateful_step_count=40, deadline=None, derandomize=True, phases=[Phase.generate]
        ),
    )
