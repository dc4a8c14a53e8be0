"""What an attempt started, or may have started, is found before anything is started again (F6)."""

import asyncio
import time
from dataclasses import replace
from uuid import uuid4

import pytest

from shared.errors import EngineUnavailableError
from tests.fakes.google.process import FakeGoogle
from tests.integration.google.conftest import Order, lost, open_engine, started, twin
from worker_service.engines.google import engine as engine_module
from worker_service.engines.google import orphans as orphans_module
from worker_service.engines.google.engine import GoogleEngine

pytest_plugins = ("tests.fakes.google.fixtures",)


async def looked_for(google: FakeGoogle) -> None:
    """Wait until operations were listed."""
    while not google.calls().get("ListOperations", {}).get("OK"):
        await asyncio.sleep(0.01)


async def test_an_operation_whose_answer_was_lost_is_found(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    google.settings(operation_ms=60_000)
    request = order()
    for _ in range(3):
        await started(engine, order())
    assert await engine.find(request.prefix) is None
    name = await lost(google, engine, request)
    assert await engine.find(request.prefix) == name
    assert (await engine.find(f"results/{request.job_id}/11/")) is None, "a prefix is matched whole"


@pytest.mark.parametrize("oldest_first", [True, False])
async def test_it_is_found_on_whatever_page_it_is(
    google: FakeGoogle, engine: GoogleEngine, order: Order, oldest_first: bool
) -> None:
    google.settings(operation_ms=60_000, max_page_size=2, oldest_first=oldest_first)
    request = order(1_000)
    name = await lost(google, engine, request)
    for _ in range(4):
        await started(engine, order(1_000))
    assert await engine.find(request.prefix) == name


async def test_one_that_is_listed_late_is_waited_for(google: FakeGoogle, order: Order) -> None:
    google.settings(operation_ms=60_000, listed_after_ms=600_000)
    engine = open_engine(google, settle_s=300)
    request = order(1_000)
    name = await lost(google, engine, request)
    finding = asyncio.create_task(engine.find(request.prefix))
    await looked_for(google)
    google.settings(clock_ms=600_000)
    assert await finding == name
    await engine.aclose()


async def test_one_that_a_slow_google_makes_after_our_deadline_is_found(
    google: FakeGoogle, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We have given up, and the request is still on its way."""
    monkeypatch.setattr(engine_module, "SUBMIT_S", 1.0)
    google.settings(operation_ms=60_000)
    google.fault("BatchRecognize", do="slow", ms=600_000)
    engine = open_engine(google, settle_s=300)
    request = order(1_000)
    with pytest.raises(EngineUnavailableError):
        await started(engine, request)
    finding = asyncio.create_task(engine.find(request.prefix))
    await looked_for(google)
    assert google.operations() == []
    google.settings(clock_ms=600_000)
    assert await finding is not None
    await engine.aclose()


async def test_nothing_is_said_to_be_missing_before_it_must_have_shown_itself(google: FakeGoogle) -> None:
    engine = open_engine(google, settle_s=1.0)
    began = time.monotonic()
    assert await engine.find("results/none/1/") is None
    assert time.monotonic() - began >= 1.0
    await engine.aclose()


async def test_many_that_are_looked_for_at_once_cost_the_calls_of_one(
    google: FakeGoogle, engine: GoogleEngine, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash may leave all pieces of a recording to be found, and the quota is everybody's."""
    monkeypatch.setattr(orphans_module, "_TOGETHER_S", 1.0)  # at once, on a machine that has much to do
    google.settings(operation_ms=60_000)
    requests = [order(1_000, piece=piece) for piece in range(12)]
    names = [await lost(google, engine, request) for request in requests[:8]]
    before = google.calls().get("ListOperations", {}).get("OK", 0)
    found = await asyncio.gather(*(engine.find(request.prefix) for request in requests))
    assert found == [*names, None, None, None, None]
    settling = 2 + 3  # listings that look for the four that are not there, at the pace of one
    assert google.calls()["ListOperations"]["OK"] - before <= 2 * settling


async def test_of_two_the_older_is_kept_and_the_younger_cancelled(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    google.settings(operation_ms=60_000)
    request = order(1_000)
    older = await lost(google, engine, request)
    younger = await twin(google, request)
    assert await engine.find(request.prefix) == older
    state = {operation["name"]: operation["error"] for operation in google.operations()}
    assert state[older] is None
    assert state[younger]["code"] == 1


async def test_of_two_the_one_that_has_not_failed_is_kept(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    google.fault("operation", code="INTERNAL")
    request = order(1_000)
    await lost(google, engine, request)
    google.settings(operation_ms=60_000)
    younger = await twin(google, request)
    assert await engine.find(request.prefix) == younger


async def test_a_failed_one_is_found_so_that_its_end_is_booked(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    google.fault("operation", code="INTERNAL")
    request = order(1_000)
    name = await lost(google, engine, request)
    assert await engine.find(request.prefix) == name


async def test_one_that_google_forgot_is_known_by_its_result(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    """The bucket outlives the list: what was paid is heard all the same."""
    request = order(30_500)
    name = await lost(google, engine, request)
    google.forget(name)
    found = await engine.find(request.prefix)
    assert found is not None
    assert found.startswith(f"gs://recordings/speech/{request.prefix}")
    result = await engine.follow(request, found, lambda _: None)
    assert result.words
    assert result.cost.billed_ms == 31_000
    again = await engine.follow(
        request, name, lambda _: None
    )  # by its name, which Google does not know any more
    assert again.words == result.words


async def test_a_google_that_does_not_answer_is_not_taken_for_a_no(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    google.settings(operation_ms=60_000)
    request = order(1_000)
    name = await lost(google, engine, request)
    google.fault("ListOperations", code="UNAVAILABLE", times=2)
    assert await engine.find(request.prefix) == name


async def test_one_in_a_location_that_is_not_set_up_any_more_is_found(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    """Where an attempt meant to go is in the name of its staged audio; settings may have changed since."""
    google.settings(operation_ms=60_000)
    request = order(1_000)
    name = await lost(google, engine, request)
    later = open_engine(google, TRANSCRIPTS_GOOGLE_LOCATIONS="europe-west4")
    assert await later.find(request.prefix) == name
    await later.aclose()


async def test_a_page_may_be_longer_than_the_usual_message(
    google: FakeGoogle, engine: GoogleEngine, order: Order
) -> None:
    """The request is echoed in each operation, phrases and all: fifty of these are 5 MB, and gRPC's limit is 4 MiB."""
    google.settings(operation_ms=60_000, batch_requests_per_window=1_000)
    phrases = tuple(f"{n:04} {'long ' * 19}" for n in range(1_000))
    first = order(1_000, phrases=phrases)
    staged = await engine.stage(first)
    name = await engine.submit(first, staged)
    others = [replace(first, job_id=uuid4()) for _ in range(50)]
    await asyncio.gather(*(engine.submit(other, staged) for other in others))
    assert await engine.find(first.prefix) == name
