"""What every engine owes its caller: the same tests over the scripted, the local and the Google engine."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shared.errors import EngineMisconfiguredError, UnsupportedOptionError
from tests.fakes.google.process import FakeGoogle
from tests.integration.google.conftest import open_engine
from worker_service.engines.local.engine import LocalEngine
from worker_service.engines.local.weights import BASE, VOICES, verify
from worker_service.engines.port import Engine, SpeechRequest
from worker_service.engines.scripted import ScriptedEngine

pytest_plugins = ("tests.fakes.google.fixtures",)

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "recordings"
CLIP, CLIP_MS = RECORDINGS / "librivox_0880.flac", 3_000
MODELS = Path(os.environ.get("TRANSCRIPTS_MODELS_DIR", ".local/models"))
LOCAL = pytest.param("local", marks=pytest.mark.models)


def opened(kind: str, ask: Callable[[str], Any]) -> Engine:
    if kind == "scripted":
        return ScriptedEngine()
    if kind == "local":
        try:
            for weights in (BASE, VOICES):
                verify(weights, MODELS)
        except EngineMisconfiguredError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(error.detail)
        return LocalEngine(models_dir=MODELS, model="base", processes=1, threads=1)
    google: FakeGoogle = ask("google")
    google.settings(operation_ms=0)
    return open_engine(google)


@pytest.fixture(params=["scripted", "google", LOCAL])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    engine = opened(request.param, request.getfixturevalue)
    yield engine
    await engine.aclose()


def order(**changes: Any) -> SpeechRequest:
    return SpeechRequest(uuid4(), 1, CLIP, CLIP_MS, language="en-US", **changes)


async def started(engine: Engine, request: SpeechRequest) -> str:
    engine.check(request)
    return await engine.submit(request, await engine.stage(request))


async def test_a_recording_becomes_words_in_order_of_time(engine: Engine) -> None:
    """F22."""
    shown: list[int] = []
    request = order()
    result = await engine.follow(request, await started(engine, request), shown.append)
    assert result.words
    assert all(0 <= word.start_ms <= word.end_ms for word in result.words)
    assert all(left.start_ms <= right.start_ms for left, right in pairwise(result.words))
    assert {word.speaker for word in result.words} <= {None, 1, 2}
    assert all(word.text == word.text.strip() != "" for word in result.words)
    assert result.model
    assert result.language
    assert shown == sorted(shown)


async def test_the_plan_tells_the_price_before_and_the_result_after(engine: Engine) -> None:
    """F32: what is expected is what is booked, where all goes well."""
    request = order()
    plan = engine.check(request)
    result = await engine.follow(request, await started(engine, request), lambda _: None)
    assert plan.model == result.model
    assert abs(plan.cost.micro_dollars - result.cost.micro_dollars) <= 2_000
    assert result.cost.billed_ms > 0


async def test_what_it_cannot_do_is_refused_before_anything_is_spent(engine: Engine) -> None:
    """F20, F21."""
    with pytest.raises(UnsupportedOptionError):
        engine.check(order(model="no-such-model=1"))


async def test_nothing_is_found_where_nothing_was_started(engine: Engine) -> None:
    """F6."""
    assert await engine.find(order().prefix) is None


async def test_each_attempt_has_an_operation_of_its_own(engine: Engine) -> None:
    first = order()
    again = replace(first, attempt=2)
    assert first.prefix != again.prefix
    names = [await started(engine, request) for request in (first, again)]
    assert len(set(names)) == 2


async def test_a_durable_operation_is_followed_by_its_name_alone(engine: Engine) -> None:
    """F6, F10: without the audio, as often as it takes."""
    if not engine.durable:
        pytest.skip("this engine begins anew")
    request = order()
    name = await started(engine, request)
    later = replace(request, audio=None)
    first, second = [await engine.follow(later, name, lambda _: None) for _ in range(2)]
    assert first.words == second.words


async def test_a_cancel_is_safe_to_repeat_and_tells_what_it_came_to(engine: Engine) -> None:
    """F12."""
    name = await started(engine, order())
    costs = [await engine.cancel(name, CLIP_MS) for _ in range(2)]
    assert costs[0] == costs[1]


async def test_a_follow_that_is_cancelled_lets_go_at_once(engine: Engine) -> None:
    """F10: a worker that stops does not wait for speech."""
    request = order(model="seconds=60" if engine.name == "scripted" else None)
    follow = asyncio.create_task(engine.follow(request, await started(engine, request), lambda _: None))
    await asyncio.sleep(0)
    follow.cancel()
    async with asyncio.timeout(300):
        await asyncio.gather(follow, return_exceptions=True)


async def test_what_is_discarded_may_be_discarded_again(engine: Engine) -> None:
    request = order()
    await started(engine, request)
    for _ in range(2):
        await engine.discard(request.prefix)
