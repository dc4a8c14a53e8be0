"""Giving up on work does not wait for the work."""

import asyncio

import pytest

from shared.patience import within


async def test_what_does_not_end_is_left_behind() -> None:
    """As a query whose server stands still: it takes being cancelled, and does not end."""
    let_go, cancelled = asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        try:
            await let_go.wait()
        except asyncio.CancelledError:
            cancelled.set()
            await let_go.wait()
            raise OSError("gone") from None

    with pytest.raises(TimeoutError):
        await within(0.01, stubborn())
    await cancelled.wait()
    let_go.set()


async def test_what_ends_is_given_and_what_fails_is_raised() -> None:
    async def work(error: Exception | None) -> int:
        if error is not None:
            raise error
        return 7

    assert await within(60, work(None)) == 7
    with pytest.raises(OSError, match="away"):
        await within(60, work(OSError("away")))


async def test_work_ends_with_who_waits_for_it() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.create_task(within(60, work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await ended.wait()
