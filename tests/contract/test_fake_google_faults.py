"""What the fake does wrong on demand: refusals, lost answers, slowness, crashes, quotas."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.cloud.speech_v2 import SpeechAsyncClient
from google.longrunning import operations_pb2

from tests.fakes.google.calls import LOCATION, connect, get, order, results, submit, upload
from tests.fakes.google.process import FakeGoogle
from tests.fakes.google.recordings import flac

pytest_plugins = ("tests.fakes.google.fixtures",)

LISTING = operations_pb2.ListOperationsRequest(name=LOCATION, filter="is_v2(name)")


@pytest.fixture
async def speech(google: FakeGoogle) -> AsyncIterator[SpeechAsyncClient]:
    google.settings(operation_ms=0)
    client = connect(google)
    yield client
    await client.transport.close()  # type: ignore[no-untyped-call]


async def listed(speech: SpeechAsyncClient) -> list[str]:
    page = await speech.list_operations(LISTING, timeout=300)
    return [operation.name for operation in page.operations]


async def test_a_refusal_comes_before_anything_is_made(google: FakeGoogle, speech: SpeechAsyncClient) -> None:
    google.fault("BatchRecognize", code="RESOURCE_EXHAUSTED", times=2)
    uri = upload(google, "a.flac", flac(1_000))
    for _ in range(2):
        with pytest.raises(exceptions.ResourceExhausted):
            await submit(speech, order(uri))
    await submit(speech, order(uri))
    assert len(google.operations()) == 1


async def test_a_lost_answer_leaves_an_operation_behind(
    google: FakeGoogle, speech: SpeechAsyncClient
) -> None:
    """F6: to the client it looks like the refusal, and it costs."""
    google.fault("BatchRecognize", when="after", code="UNAVAILABLE")
    uri = upload(google, "a.flac", flac(1_000))
    with pytest.raises(exceptions.ServiceUnavailable):
        await submit(speech, order(uri))
    (operation,) = google.operations()
    assert await listed(speech) == [operation["name"]]
    assert google.ledger()["billed_ms"] == 1_000


async def test_what_hangs_was_never_done(google: FakeGoogle, speech: SpeechAsyncClient) -> None:
    google.fault("BatchRecognize", do="hang")
    uri = upload(google, "a.flac", flac(1_000))
    with pytest.raises(exceptions.DeadlineExceeded):
        await speech.batch_recognize(order(uri), timeout=0.2, retry=None)
    assert google.operations() == []


async def test_what_is_slow_is_done_although_nobody_waits(
    google: FakeGoogle, speech: SpeechAsyncClient
) -> None:
    """F6: an operation can appear after its client's deadline."""
    google.fault("BatchRecognize", do="slow", ms=600_000)
    uri = upload(google, "a.flac", flac(1_000))
    with pytest.raises(exceptions.DeadlineExceeded):
        await speech.batch_recognize(order(uri), timeout=1.0, retry=None)
    assert google.operations() == []
    google.settings(clock_ms=600_000)
    while not google.operations():
        await asyncio.sleep(0.02)


async def test_a_listing_may_lag_and_be_in_either_order(
    google: FakeGoogle, speech: SpeechAsyncClient
) -> None:
    google.settings(listed_after_ms=60_000)
    uri = upload(google, "a.flac", flac(1_000))
    names = [(await submit(speech, order(uri))).name for _ in range(3)]
    assert await listed(speech) == []
    google.settings(clock_ms=60_000)
    assert await listed(speech) == names[::-1]
    google.settings(oldest_first=True)
    assert await listed(speech) == names


async def test_an_operation_can_fail_as_a_whole(google: FakeGoogle, speech: SpeechAsyncClient) -> None:
    google.fault("operation", code="INTERNAL", message="Something broke.")
    uri = upload(google, "a.flac", flac(1_000))
    operation = await get(speech, (await submit(speech, order(uri))).name)
    assert (operation.done, operation.error.code) == (True, 13)
    assert google.ledger()["billed_ms"] == 0


async def test_a_restart_forgets_nothing_that_was_answered(tmp_path: Path) -> None:
    """Operations, objects, faults and the ledger outlive a kill, and so do a fault's exit and its lost answer."""
    with FakeGoogle(tmp_path) as google:
        google.bucket("recordings")
        google.settings(operation_ms=0)
        uri = upload(google, "a.flac", flac(1_000))
        speech = connect(google)
        name = (await submit(speech, order(uri))).name
        google.kill()
        google.start_again()
        assert results(await get(speech, name))[uri].error.code == 0
        google.fault("BatchRecognize", when="after", do="exit")
        with pytest.raises(exceptions.ServiceUnavailable):
            await submit(speech, order(uri))
        assert google.wait() == 9
        google.start_again()
        assert len(google.operations()) == 2
        assert google.ledger()["billed_ms"] == 2_000
        await speech.transport.close()  # type: ignore[no-untyped-call]


async def test_quotas_count_all_looks_at_operations_together(
    google: FakeGoogle, speech: SpeechAsyncClient
) -> None:
    """150 a minute in each location: Get, List and Cancel draw from one budget, submits from another."""
    google.settings(operation_ms=60_000)
    uri = upload(google, "a.flac", flac(1_000))
    name = (await submit(speech, order(uri))).name
    listing = operations_pb2.ListOperationsRequest(name=LOCATION, filter="is_v2(name)")
    await asyncio.gather(*(get(speech, name) for _ in range(149)))
    await speech.list_operations(listing, timeout=300)
    with pytest.raises(exceptions.ResourceExhausted, match="Operation requests per minute per region"):
        await get(speech, name)
    await submit(speech, order(uri))
    elsewhere = operations_pb2.ListOperationsRequest(name="projects/p/locations/us", filter="is_v2(name)")
    await speech.list_operations(elsewhere, timeout=300)
    assert google.calls()["GetOperation"] == {"OK": 149, "RESOURCE_EXHAUSTED": 1}
    google.settings(quota_window_ms=1)
    await get(speech, name)
