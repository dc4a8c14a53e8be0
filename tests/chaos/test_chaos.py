"""A short chaos run on every change; `make chaos` is the long one."""

from pathlib import Path

from tests.chaos.run import Outline, run


async def test_nothing_is_lost_doubled_or_left_running(tmp_path: Path) -> None:
    """F1, F2, F5, F10, F11, F12, F32: whatever is killed, emptied, frozen or cut off."""
    report = await run(tmp_path, Outline(seed=7, faults=6, callers=3, jobs_each=5))
    assert report.broken == []
    assert sum(report.ends.values()) >= 10
