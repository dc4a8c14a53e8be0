"""The life of a job as a bar."""

from datetime import UTC, datetime, timedelta

from api_service.console.timeline import WIDTH, timeline
from shared.operator_schemas import Event

START = datetime(2026, 11, 24, 9, tzinfo=UTC)


def events(*told: tuple[str, int]) -> list[Event]:
    return [Event(at=START + timedelta(seconds=s), attempt=1, what=what, detail={}) for what, s in told]


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
