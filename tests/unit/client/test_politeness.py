"""What following a long job costs the service, and how soon its end is seen: hours of it, in virtual time."""

import random
import statistics
from collections.abc import AsyncIterator

import pytest

from client.aio import AsyncClient
from client.models import Job
from tests.fixtures.virtual_time import run
from tests.unit.client.simulated import JOB, HourLongJob, Progress, coarse, linear, untold

HOUR_S = 3600.0
MOST_REQUESTS = 40
SEEN_WITHIN_S = 5.0


async def lateness(service: HourLongJob, *, polled: bool) -> float:
    """Seconds from the end of the job until a client that follows it knows."""
    async with AsyncClient("http://service", transport=service) as client:
        jobs: AsyncIterator[Job] = (client.jobs.poll if polled else client.jobs.follow)(JOB)
        last = [job async for job in jobs][-1]
        assert last.is_over
        return service.now - service.seconds


@pytest.mark.parametrize(
    ("progress", "foretold"),
    [(linear, False), (coarse, False), (untold, True), (linear, True), (coarse, True)],
    ids=["even steps", "coarse steps", "an estimate alone", "even steps, estimate", "coarse steps, estimate"],
)
def test_polling_an_hour_takes_few_requests_and_sees_the_end_at_once(
    progress: Progress, foretold: bool
) -> None:
    """F42, F18: as far as the service can tell where a job stands, its Retry-After spares it requests."""
    chance = random.Random(42)  # noqa: S311
    late, requests = [], []
    for _ in range(40):
        seconds = chance.lognormvariate(0, 0.08) * HOUR_S
        service = HourLongJob(seconds, progress, eta=(HOUR_S, HOUR_S * 1.11) if foretold else None)
        late.append(run(lateness(service, polled=True)))
        requests.append(len(service.requests) * HOUR_S / seconds)
    assert max(requests) <= MOST_REQUESTS
    assert statistics.quantiles(late, n=20)[-1] <= SEEN_WITHIN_S


@pytest.mark.parametrize("seconds", [60.0, 600.0, HOUR_S, 3 * HOUR_S])
def test_a_job_of_which_nothing_is_known_is_asked_for_seldomer_the_longer_it_takes(seconds: float) -> None:
    service = HourLongJob(seconds, untold)
    late = run(lateness(service, polled=True))
    assert late <= (SEEN_WITHIN_S if seconds < 720 else seconds / 12)
    assert len(service.requests) <= MOST_REQUESTS * max(seconds / HOUR_S, 1)


def test_an_event_stream_takes_one_request_and_sees_everything() -> None:
    service = HourLongJob(HOUR_S)
    assert run(lateness(service, polled=False)) <= 1.0
    assert len(service.requests) == 1


def test_a_stream_that_is_cut_every_five_minutes_goes_on_where_it_was() -> None:
    service = HourLongJob(HOUR_S, cut_s=300)
    assert run(lateness(service, polled=False)) <= 1.0
    assert len(service.requests) == 12
    assert [request.headers.get("Last-Event-ID") for request in service.requests][:3] == [
        None,
        "running-8",
        "running-16",
    ]


@pytest.mark.parametrize("streams", ["refused", "held back"])
def test_where_streams_do_not_come_through_the_job_is_polled(streams: str) -> None:
    service = HourLongJob(HOUR_S, streams=streams)
    assert run(lateness(service, polled=False)) <= SEEN_WITHIN_S
    assert len(service.requests) <= MOST_REQUESTS
