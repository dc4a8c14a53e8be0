"""The life of a job as a bar, and attempt by attempt."""

from datetime import UTC, datetime, timedelta

from api_service.console.attempts import attempts
from api_service.console.timeline import WIDTH, timeline
from shared.schemas.operators import AttemptCost, Event

START = datetime(2026, 11, 24, 9, tzinfo=UTC)


def events(*told: tuple[str, int]) -> list[Event]:
    return [event(what, s, 1) for what, s in told]


def event(what: str, s: float, attempt: int, **detail: str) -> Event:
    return Event(at=START + timedelta(seconds=s), attempt=attempt, what=what, detail=detail)


def test_each_stretch_lasts_until_the_next_event() -> None:
    bar = timeline(events(("queued", 0), ("claimed", 10), ("transcribing", 20), ("succeeded", 100)))
    assert [(each.what, each.ms, each.x, each.width) for each in bar] == [
        ("queued", 10_000, 0, 100), ("claimed", 10_000, 100, 100), ("transcribing", 80_000, 200, 800),
    ]  # fmt: skip
    assert [each.waits for each in bar] == [True, False, False]
    assert not any(each.goes_on for each in bar)


def test_what_a_job_does_now_goes_on() -> None:
    bar = timeline(events(("queued", 0), ("claimed", 5)), now=START + timedelta(seconds=20))
    assert [(each.what, each.ms, each.goes_on) for each in bar] == [
        ("queued", 5_000, False), ("claimed", 15_000, True),
    ]  # fmt: skip


def test_what_took_no_time_is_seen_and_the_bar_ends_at_its_end() -> None:
    bar = timeline(events(("queued", 0), ("claimed", 0), ("failed", 0)))
    assert len(bar) == 2
    assert all(each.width > 0 for each in bar)
    assert max(each.x for each in bar) <= WIDTH
    assert timeline([]) == []


def test_an_attempt_has_its_phases_its_end_and_its_cost() -> None:
    """F32: the second run's cost is its own; a first one that nobody ended was taken over from a dead worker."""
    told = [
        event("queued", 0, 0), event("claimed", 10, 1, worker="a"), event("transcribing", 20, 1),
        event("claimed", 50, 2, worker="b"), event("saving", 60, 2), event("will_retry", 100, 2, code="engine_quota"),
        event("claimed", 500, 3, worker="c"),
    ]  # fmt: skip
    cost = AttemptCost(
        attempt=2, engine="google", model="m", audio_ms=1, billed_ms=2, micro_dollars=3, estimated=True,
        created_at=START,
    )  # fmt: skip
    first, second, third = attempts(told, [cost], now=START + timedelta(seconds=510))
    assert (first.n, first.worker, first.ms, first.end, first.cost) == (1, "a", 40_000, "worker_lost", None)
    assert (second.worker, second.ms, second.end, second.code) == ("b", 50_000, "will_retry", "engine_quota")
    assert second.cost == cost
    assert [(each.what, each.x, each.width) for each in second.stretches] == [
        ("claimed", 0, 200), ("saving", 200, 800),
    ]  # fmt: skip
    assert (third.n, third.ms, third.end) == (3, 10_000, None)
    assert attempts([], []) == []
