"""Progress between Google's steps: guessed, bounded, and never backwards (F15)."""

import pytest
from google.cloud.speech_v2.types import cloud_speech
from google.longrunning.operations_pb2 import Operation

from worker_service.engines.google.watched import Watched

MINUTE = 60_000
FAST, SLOW = 600.0, 60.0  # milliseconds of audio a second: 1 % and 0.1 % of a minute


@pytest.fixture
async def shown() -> list[int]:
    return []


@pytest.fixture
async def watched(shown: list[int]) -> Watched:
    return Watched("o", "p/", MINUTE, shown.append, began=0.0, limit_s=1e9)


def at(percent: int) -> Operation:
    operation = Operation()
    operation.metadata.Pack(
        cloud_speech.OperationMetadata.pb(cloud_speech.OperationMetadata(progress_percent=percent))
    )
    return operation


async def test_it_goes_on_as_fast_as_operations_are(watched: Watched, shown: list[int]) -> None:
    for second in range(1, 11):
        watched.show(float(second), FAST)
    assert shown == [second * 600 for second in range(1, 11)]


async def test_it_waits_below_the_next_step(watched: Watched, shown: list[int]) -> None:
    watched.show(1_000.0, FAST)
    assert watched.shown == 24.0
    watched.saw(at(78), 1_001.0)
    watched.show(2_000.0, FAST)
    assert watched.shown == 99.0, "only the end is 100"


async def test_it_does_not_go_back_where_operations_turn_out_to_be_slower(
    watched: Watched, shown: list[int]
) -> None:
    watched.show(20.0, FAST)
    watched.show(21.0, SLOW)
    assert watched.shown == 20.0
    watched.show(230.0, SLOW)
    assert shown == [12_000, 13_800]


async def test_it_does_not_go_back_where_google_does(watched: Watched, shown: list[int]) -> None:
    watched.saw(at(52), 10.0)
    watched.show(10.0, FAST)
    watched.saw(at(26), 11.0)
    watched.show(12.0, FAST)
    assert shown == [31_200, 32_400]
