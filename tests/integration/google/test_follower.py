"""All pending operations are followed together, within the quota."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from arq.connections import ArqRedis

from shared.errors import EngineMisconfiguredError, EngineUnavailableError
from shared.lifecycle import Processing
from shared.queue.client import connect as connect_redis
from tests.fakes.google.process import FakeGoogle
from tests.integration.google.conftest import Order, lost, open_engine, started, twin
from worker_service.engines.google import client as client_module
from worker_service.engines.google import engine as engine_module
from worker_service.engines.google import follower as follower_module
from worker_service.engines.google.budget import CallBudget
from worker_service.engines.google.engine import GoogleEngine
from worker_service.engines.port import OperationEndedError, SpeechRequest

pytest_plugins = ("tests.fakes.google.fixtures",)

Following = tuple[SpeechRequest, str, "asyncio.Task[Any]"]


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[ArqRedis]:
    redis = connect_redis(redis_url, retries=0)
    yield redis
    await redis.aclose(close_connection_pool=True)


async def follow(engine: GoogleEngine, request: SpeechRequest, shown: list[int] | None = None) -> Following:
    """Start an operation and follow it beside."""
    name = await started(engine, request)
    note = (lambda _: None) if shown is None else shown.append
    return request, name, asyncio.create_task(engine.follow(request, name, note))


async def test_many_are_followed_by_a_page_and_not_one_by_one(google: FakeGoogle, order: Order) -> None:
    """Ten operations take no more calls than one would: one a second."""
    began = time.monotonic()
    google.settings(operation_ms=600_000)
    engine = open_engine(google)
    running = await asyncio.gather(*(follow(engine, order(1_000)) for _ in range(10)))
    await asyncio.sleep(2.5)
    google.settings(clock_ms=600_000)
    results = await asyncio.gather(*(task for _, _, task in running))
    assert all(result.words for result in results)
    calls = google.calls()
    looked = sum(calls.get("GetOperation", {}).values()) + sum(calls["ListOperations"].values())
    assert looked <= time.monotonic() - began + 2
    assert "RESOURCE_EXHAUSTED" not in {**calls["ListOperations"], **calls.get("GetOperation", {})}
    await engine.aclose()


async def test_progress_is_guessed_between_google_s_steps_and_never_goes_back(
    google: FakeGoogle, engine: GoogleEngine, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F15."""
    monkeypatch.setattr(follower_module, "_TICK_S", 0.05)
    google.settings(operation_ms=600_000)
    shown: list[int] = []
    _, _, task = await follow(engine, order(1_200_000), shown)
    while len(shown) < 3:
        await asyncio.sleep(0.01)
    assert shown[-1] < 0.26 * 1_200_000, "guessed, below the next step"
    google.settings(clock_ms=400_000)  # Google says 52
    while shown[-1] < 0.52 * 1_200_000:
        await asyncio.sleep(0.01)
    google.settings(clock_ms=600_000)
    await task
    assert shown == sorted(shown)
    assert len(set(shown)) == len(shown)


async def test_google_may_come_and_go(google: FakeGoogle, engine: GoogleEngine, order: Order) -> None:
    """F7, F8: trouble with looking says nothing about the operation, and no attempt ends with it."""
    google.settings(operation_ms=600_000)
    _, _, task = await follow(engine, order(1_000))
    google.fault("GetOperation", code="UNAVAILABLE", times=1)
    google.fault("GetOperation", code="RESOURCE_EXHAUSTED", times=1)
    google.settings(clock_ms=600_000)
    assert (await task).words


async def test_an_answer_that_never_comes_is_not_waited_for(
    google: FakeGoogle, engine: GoogleEngine, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F1: the library has no deadline of its own; one look that hangs would end all looking."""
    monkeypatch.setattr(client_module, "CALL_S", 1.0)
    monkeypatch.setattr(follower_module, "_SLOW_S", 1e9)  # nobody else looks into the bucket
    google.fault("GetOperation", do="hang", times=1)
    _, _, task = await follow(engine, order(1_000))
    assert (await task).words


async def test_google_s_own_wait_is_kept(
    google: FakeGoogle, engine: GoogleEngine, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F8: no look comes sooner than Google asks."""
    monkeypatch.setattr(follower_module, "_LONGEST_WAIT_S", 0.05)
    google.fault("GetOperation", code="RESOURCE_EXHAUSTED", ms=1_500)
    began = time.monotonic()
    _, _, task = await follow(engine, order(1_000))
    assert (await task).words
    assert time.monotonic() - began >= 1.5


async def test_how_fast_operations_are_is_learnt(
    google: FakeGoogle, engine: GoogleEngine, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F16: progress between Google's steps is that of operations that have ended, not of a guess made beforehand."""
    monkeypatch.setattr(follower_module, "_TICK_S", 0.05)
    google.settings(operation_ms=1_000, clock_ms=0)
    _, _, task = await follow(engine, order(1_200_000))
    await task
    google.settings(operation_ms=600_000)
    loop, speeds = asyncio.get_running_loop(), list[float]()
    request = order(1_200_000)
    name, began = await started(engine, request), loop.time()
    task = asyncio.create_task(
        engine.follow(request, name, lambda ms: speeds.append(ms / (loop.time() - began)))
    )
    while not speeds:
        await asyncio.sleep(0.01)
    assert speeds[0] > 2 * follower_module._FIRST_GUESS
    google.settings(clock_ms=600_000)
    await task


async def test_a_location_that_stays_closed_ends_the_wait(
    google: FakeGoogle, engine: GoogleEngine, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F1: what waiting does not mend is told; the operation stays, to be followed when it is mended."""
    monkeypatch.setattr(follower_module, "_LONGEST_WAIT_S", 0.05)
    google.settings(operation_ms=600_000)
    google.fault("GetOperation", code="PERMISSION_DENIED", times=-1)
    _, _, task = await follow(engine, order(1_000))
    with pytest.raises(EngineMisconfiguredError):
        await task
    assert google.operations()[0]["error"] is None


async def test_an_operation_that_never_ends_is_given_up_and_cancelled(
    google: FakeGoogle, engine: GoogleEngine, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F1: nothing hangs for days; what it cost until then is told."""
    monkeypatch.setattr(engine_module, "_STANDARD_S", 0.5)
    monkeypatch.setattr(follower_module, "_TICK_S", 0.1)
    google.fault("operation", do="hang")
    _, _, task = await follow(engine, order(1_000))
    with pytest.raises(OperationEndedError, match="did not end") as caught:
        await task
    assert type(caught.value.error) is EngineUnavailableError
    assert caught.value.cost.estimated
    assert google.operations()[0]["error"]["code"] == 1


async def test_the_cheap_way_has_a_day(
    google: FakeGoogle, engine: GoogleEngine, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is given up for a standard operation is waited for where Google promised a day."""
    monkeypatch.setattr(engine_module, "_STANDARD_S", -1e6)
    monkeypatch.setattr(follower_module, "_TICK_S", 0.1)
    google.settings(operation_ms=600_000)
    _, _, cheap = await follow(engine, order(1_000, processing=Processing.ECONOMY))
    _, _, standard = await follow(engine, order(1_000))
    with pytest.raises(OperationEndedError, match="did not end"):
        await standard
    google.settings(clock_ms=600_000)
    assert (await cheap).words


async def test_results_are_seen_in_the_bucket_where_listing_is_slow(
    google: FakeGoogle, engine: GoogleEngine, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No quota is needed for it: with not one look at an operation allowed, what succeeded is heard."""
    monkeypatch.setattr(follower_module, "_SLOW_S", 0.0)
    google.fault("GetOperation", code="RESOURCE_EXHAUSTED", times=-1)
    google.fault("ListOperations", code="RESOURCE_EXHAUSTED", times=-1)
    running = [await follow(engine, order(5_000)) for _ in range(3)]
    results = await asyncio.gather(*(task for _, _, task in running))
    assert all(result.words and result.cost.billed_ms == 5_000 for result in results)


async def test_a_run_that_stops_waiting_leaves_the_operation(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    """F10: and another follows it by its name."""
    google.settings(operation_ms=600_000)
    request, name, task = await follow(engine, order(1_000))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert google.operations()[0]["error"] is None
    google.settings(clock_ms=600_000)
    assert (await engine.follow(request, name, lambda _: None)).words
    assert google.ledger()["billed_ms"] == 1_000


async def test_one_that_listings_leave_out_is_asked_for(
    google: FakeGoogle, engine: GoogleEngine, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F1: Google may forget one of many before its end was seen; its result is in the bucket all the same."""
    monkeypatch.setattr(follower_module, "_SWEEP_S", 0.05)
    monkeypatch.setattr(follower_module, "_SLOW_S", 1e9)  # nobody else looks into the bucket
    google.settings(operation_ms=600_000, operation_requests_per_window=10_000)
    running = [await follow(engine, order(1_000)) for _ in range(3)]
    forgotten = running[1]
    google.finish(forgotten[1])
    google.forget(forgotten[1])
    assert (await forgotten[2]).words
    google.settings(clock_ms=600_000)
    results = await asyncio.gather(*(task for _, _, task in running))
    assert all(result.words for result in results)


# The budget ------------------------------------------------------------------------------------------------


async def taken(budget: CallBudget, seconds: float) -> int:
    """How many calls are granted in so long."""
    count = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                await budget.take()
                count += 1
                await asyncio.sleep(0)  # so that a budget without an end comes to one here
    except TimeoutError:
        return count


async def at_once(budget: CallBudget, *, urgent: bool = False) -> int:
    """How many calls are granted until one would have to wait."""
    count = 0
    while await budget._try(urgent=urgent) == 0:
        count += 1
    return count


async def test_all_workers_share_one_quota(redis: ArqRedis) -> None:
    """A minute's burst and flow stay under the quota, whoever asks."""
    key = f"google:{uuid4()}"
    workers = [CallBudget(redis, key, per_minute=600) for _ in range(3)]
    began = time.monotonic()
    granted = sum(await asyncio.gather(*(taken(worker, 0.8) for worker in workers)))
    burst, flow = 600 // 15, workers[0].calls_a_second * (time.monotonic() - began)
    assert granted <= burst + flow + 1
    assert workers[0].calls_a_second * 60 + burst < 600


async def test_some_tokens_are_kept_for_cancels(redis: ArqRedis) -> None:
    """F12: who cancels does not wait for those who only look."""
    budget = CallBudget(redis, f"google:{uuid4()}", per_minute=150)
    began = time.monotonic()
    looks = await at_once(budget)
    flow = budget.calls_a_second * (time.monotonic() - began)
    assert 5 <= looks <= 5 + flow + 1
    assert await at_once(budget, urgent=True) >= 5


async def test_without_redis_a_worker_takes_a_share(redis: ArqRedis) -> None:
    nobody = connect_redis("redis://127.0.0.1:9", retries=0)
    budget = CallBudget(nobody, "google:none", per_minute=600)
    assert 1 <= await at_once(budget) <= 600 // 15
    await nobody.aclose(close_connection_pool=True)


async def test_every_call_takes_its_place_in_the_quota(google: FakeGoogle, order: Order) -> None:
    """Listed, asked for, cancelled, looked for, submitted: what takes no token is refused by Google some day."""
    taken: Counter[str] = Counter()

    def count(_where: str, quota: str, _seconds: float) -> None:
        taken[quota] += 1

    google.settings(operation_ms=600_000)
    engine = open_engine(google, waited=count)
    one, *others = [order(1_000) for _ in range(4)]
    running = [await follow(engine, request) for request in others]  # listed
    await engine.cancel(running[0][1], 1_000)
    await lost(google, engine, one)
    await twin(google, one)
    name = await engine.find(one.prefix)  # listed, and the younger one cancelled
    assert name is not None
    google.settings(clock_ms=600_000)
    await asyncio.gather(*(task for _, _, task in running), return_exceptions=True)
    assert (await engine.follow(one, name, lambda _: None)).words  # asked for
    await engine.aclose()
    calls = {method: sum(codes.values()) for method, codes in google.calls().items()}
    looks = [calls[method] for method in ("ListOperations", "GetOperation", "CancelOperation")]
    assert min(looks) > 0
    assert taken == {"operations": sum(looks), "batches": calls["BatchRecognize"] - 1}, "all but the twin's"
