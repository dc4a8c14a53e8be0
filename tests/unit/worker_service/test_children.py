"""Children as real processes: what they answer, how they die, and that none is left."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared import errors
from shared.errors import TranscriptsError
from tests.fixtures.loop_work import LoopWork
from tests.fixtures.processes import alive, descendants
from tests.unit.worker_service import childless_parent, talking_child
from worker_service.children import Child, ChildDiedError, RemoteError, ask_once, error_from

MODULE = talking_child.__name__
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="limits and /proc are Linux's")


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    child = await Child.start(MODULE)
    yield child
    await child.kill()


async def gone(pid: int) -> None:
    """Wait for the end of a process that is not ours; the test's own timeout is the limit."""
    while alive(pid):
        await asyncio.sleep(0.005)


async def waiting(child: Child, **orders: Any) -> tuple[asyncio.Task[Any], list[int]]:
    """A request that waits, once the child is at it, and the process ids that it told."""
    pids: list[int] = []
    begun = asyncio.Event()

    def told(message: dict[str, Any]) -> None:
        pids.append(message["pid"])
        if message["pid"] == child.pid:
            begun.set()

    task = asyncio.create_task(child.ask({"wait": True, **orders}, told))
    await begun.wait()
    return task, pids


async def test_a_child_answers_one_request_after_another(child: Child) -> None:
    numbers: list[int] = []
    for turn in range(3):
        answer = await child.ask(
            {"echo": f"täglich {turn}", "count": 2}, lambda m: numbers.append(m["number"])
        )
        assert answer["echo"] == f"täglich {turn}"
        assert answer["pid"] == child.pid
    assert numbers == [0, 1, 0, 1, 0, 1]


async def test_what_a_library_prints_is_not_taken_for_an_answer(child: Child) -> None:
    """Neither through Python nor through C."""
    assert (await child.ask({"print": '{"result": {}}', "echo": "mine"}))["echo"] == "mine"


async def test_a_long_answer_comes_whole(child: Child) -> None:
    text = "word " * 400_000
    assert (await child.ask({"echo": text}))["echo"] == text


@pytest.mark.parametrize(
    "name",
    [
        "NoAudioError",
        "MediaTooLongError",
        "EngineMisconfiguredError",
        "StorageError",
        "UnsupportedOptionError",
    ],
)
async def test_an_error_is_raised_here_as_it_was_there_and_the_child_goes_on(child: Child, name: str) -> None:
    """F7: by its code, so that what is transient stays so."""
    with pytest.raises(getattr(errors, name), match="it says so"):
        await child.ask({"fail": name, "detail": "it says so"})
    assert (await child.ask({"echo": 1}))["echo"] == 1


def test_every_error_of_ours_is_known_by_its_code_and_others_are_not_lost() -> None:
    ours = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, TranscriptsError)]
    for cls in ours:
        assert type(error_from({"code": cls.code, "detail": "x"})) is cls
    stranger = error_from({"code": "strange", "detail": "x"})
    assert (type(stranger), stranger.detail) == (RemoteError, "x")


async def test_a_bug_ends_the_child_and_its_last_words_are_kept(child: Child) -> None:
    with pytest.raises(ChildDiedError) as caught:
        await child.ask({"complain": "before that", "bug": True})
    assert caught.value.returncode == 1
    assert caught.value.transient
    assert caught.value.stderr.startswith("before that\nTraceback")
    assert caught.value.stderr.endswith("ZeroDivisionError: a bug")
    assert not child.alive


@pytest.mark.parametrize("orders", [{"exit": 3}, {"half": True}], ids=["no answer", "half an answer"])
async def test_a_child_that_ends_without_an_answer_is_an_error(child: Child, orders: dict[str, Any]) -> None:
    with pytest.raises(ChildDiedError) as caught:
        await child.ask(orders)
    assert caught.value.returncode == orders.get("exit", 0)
    assert not child.alive
    with pytest.raises(ChildDiedError):
        await child.ask({})


async def test_a_killed_child_tells_the_signal(child: Child) -> None:
    task, _ = await waiting(child)
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(ChildDiedError) as caught:
        await task
    assert caught.value.returncode == -signal.SIGKILL


async def test_a_cancel_kills_the_child_and_what_it_started(child: Child) -> None:
    """F12"""
    task, pids = await waiting(child, start_another=True)
    assert len(pids) == 2
    assert all(map(alive, pids))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(child.pid)
    await gone(pids[0])


async def test_time_that_is_up_kills_the_child() -> None:
    with pytest.raises(TimeoutError):
        await ask_once(MODULE, {"wait": True}, timeout_s=0.2)
    assert not [command for command in descendants().values() if MODULE in command]


async def test_a_child_that_was_asked_once_is_ended() -> None:
    answer = await ask_once(MODULE, {})
    assert not alive(answer["pid"])


async def test_no_child_outlives_a_parent_that_was_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-m", childless_parent.__name__, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    await parent.wait()
    await gone(pid)


@pytest.mark.parametrize(
    ("limits", "orders", "refused"),
    [
        ({"memory_bytes": 300 << 20}, {"allocate": 400 << 20}, "memory"),
        ({"file_bytes": 1000}, {"write": 1001, "path": "file"}, "File too large"),
        ({"open_files": 10}, {"open": 10}, "Too many open files"),
    ],
    ids=["memory", "file size", "open files"],
)
async def test_what_is_over_a_limit_is_refused_by_the_kernel(
    child: Child, tmp_path: Path, limits: dict[str, int], orders: dict[str, Any], refused: str
) -> None:
    if "path" in orders:
        orders = {**orders, "path": str(tmp_path / orders["path"])}
    without = await child.ask(orders)
    assert "refused" not in without
    assert (await child.ask({**orders, "limits": limits}))["refused"] == refused


async def test_a_processor_is_not_held_for_longer_than_allowed(child: Child) -> None:
    work = LoopWork()
    with work.counting(), pytest.raises(ChildDiedError) as caught:
        await child.ask({"limits": {"cpu_seconds": 1}, "spin": True})
    assert caught.value.returncode == -signal.SIGXCPU
    assert work.turns < 100, "waiting for it costs nothing"


async def test_a_child_for_hostile_files_is_told_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """F39"""
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:s3cret@host/db")
    monkeypatch.setenv("TRANSCRIPTS_ANYTHING", "s3cret")
    for secrets in (True, False):
        answer = await ask_once(MODULE, {}, secrets=secrets)
        assert ("s3cret" in str(answer["environment"])) is secrets
    assert "PATH" in answer["environment"]
