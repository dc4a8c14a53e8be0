"""Several at once: what the error of one does to the others."""

import asyncio

import pytest

from shared.errors import EngineRefusedError, EngineUnavailableError
from worker_service.together import to_the_end, until_one_is_lost


class Work:
    """Coroutines that note that they came to their end."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.gate = asyncio.Event()

    async def late(self, name: str, error: Exception | None = None) -> str:
        await self.gate.wait()
        self.ended.append(name)
        if error is not None:
            raise error
        return name

    async def now(self, error: Exception) -> str:
        asyncio.get_running_loop().call_soon(self.gate.set)
        raise error


async def refused() -> str:
    raise EngineRefusedError


@pytest.mark.parametrize("together", [to_the_end, until_one_is_lost])
async def test_results_come_in_order(together) -> None:  # type: ignore[no-untyped-def]
    work = Work()
    work.gate.set()
    assert await together([work.late("a"), work.late("b")]) == ["a", "b"]
    assert await together([]) == []


@pytest.mark.parametrize("together", [to_the_end, until_one_is_lost])
async def test_a_passing_error_waits_for_the_others(together) -> None:  # type: ignore[no-untyped-def]
    work = Work()
    with pytest.raises(EngineUnavailableError):
        await together([work.now(EngineUnavailableError()), work.late("a"), work.late("b")])
    assert work.ended == ["a", "b"]


async def test_a_lasting_error_waits_for_submits_and_is_the_one_that_counts() -> None:
    """A call that is on its way is not broken off: nobody would know what came of it."""
    work = Work()
    with pytest.raises(EngineRefusedError):
        await to_the_end([work.now(EngineUnavailableError()), work.late("a", EngineRefusedError())])
    assert work.ended == ["a"]


async def test_a_lasting_error_ends_what_only_waits() -> None:
    work = Work()
    with pytest.raises(EngineRefusedError):
        await until_one_is_lost([work.late("a"), refused()])
    assert work.ended == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_passing_error_does_not_wait_for_ever() -> None:
    """An operation may take a day; the one that failed is started again sooner."""
    work = Work()

    async def passing() -> str:
        raise EngineUnavailableError

    with pytest.raises(EngineUnavailableError):
        await until_one_is_lost([work.late("a"), passing()], patience_s=0.01)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("together", [to_the_end, until_one_is_lost])
async def test_a_cancel_leaves_none_behind(together) -> None:  # type: ignore[no-untyped-def]
    """F10."""
    work = Work()
    run = asyncio.ensure_future(together([work.late("a"), work.late("b")]))
    await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert asyncio.all_tasks() == {asyncio.current_task()}
