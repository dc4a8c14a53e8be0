"""Tests of the warm children, with real processes."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from shared.errors import EngineUnavailableError
from tests.unit.worker_service.engines.local import pool_child
from worker_service.children import ChildDiedError
from worker_service.engines.local.pool import ChildPool


@pytest.fixture
async def pool() -> AsyncIterator[ChildPool]:
    pool = ChildPool(pool_child.__name__, most=2, env={"TOLD": "yes"})
    yield pool
    await pool.aclose()


async def ask(pool: ChildPool, name: str = "a", **request: bool) -> int:
    answer = await pool.ask(name, request, lambda _: None)
    assert answer["told"] == "yes"
    return int(answer["pid"])


async def waiting(pool: ChildPool, name: str) -> tuple[asyncio.Task[object], int]:
    """A request that waits, once its child has it."""
    pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(pool.ask(name, {"wait": True}, lambda told: pid.set_result(told["pid"])))
    return task, await pid


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_child_is_kept_for_the_next_request(pool: ChildPool) -> None:
    first = await ask(pool)
    assert await ask(pool) == first
    assert alive(first)
    assert pool.busy() == ()


async def test_no_more_children_work_than_may(pool: ChildPool) -> None:
    one, first = await waiting(pool, "one")
    two, second = await waiting(pool, "two")
    assert set(pool.busy()) == {first, second}
    third = asyncio.create_task(ask(pool, "three"))
    assert not (await asyncio.wait({third}, timeout=0.05))[0]
    one.cancel()
    assert await third not in {first, second}
    two.cancel()
    await asyncio.gather(one, two, return_exceptions=True)
    assert not alive(first)
    assert not alive(second)


async def test_stopping_a_request_kills_its_child_only(pool: ChildPool) -> None:
    """F12: the other one goes on."""
    one, first = await waiting(pool, "one")
    two, second = await waiting(pool, "two")
    await pool.stop("nobody's")
    await pool.stop("one")
    with pytest.raises(ChildDiedError):
        await one
    assert not alive(first)
    assert alive(second)
    two.cancel()
    await asyncio.gather(two, return_exceptions=True)


async def test_after_a_death_the_next_request_gets_a_new_child(pool: ChildPool) -> None:
    first = await ask(pool)
    with pytest.raises(ChildDiedError) as caught:
        await ask(pool, die=True)
    assert caught.value.returncode == 3
    assert await ask(pool) != first


async def test_an_idle_child_is_ended() -> None:
    pool = ChildPool(pool_child.__name__, most=1, env={"TOLD": "yes"}, idle_s=0.05)
    pid = await ask(pool)
    while alive(pid):  # nothing in this process knows when; the test's timeout is the limit
        await asyncio.sleep(0.01)
    assert await ask(pool) != pid
    await pool.aclose()


async def test_a_closed_pool_has_no_children_and_starts_none(pool: ChildPool) -> None:
    idle = await ask(pool)
    task, busy = await waiting(pool, "busy")
    await pool.aclose()
    assert not alive(idle)
    assert not alive(busy)
    with pytest.raises(ChildDiedError):
        await task
    with pytest.raises(EngineUnavailableError):
        await ask(pool)
