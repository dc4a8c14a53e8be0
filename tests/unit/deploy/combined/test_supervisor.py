"""The supervisor of the combined image, as a process over small programs: signals reach them, none is left behind."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fixtures.processes import descendants
from tests.fixtures.repository import ROOT

SCRIPT = Path(__file__).with_name("supervised.py")
pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="it is process 1 of a container, which is Linux"
)

# Each says that it is ready, and then is what its name says.
WAITS = "print('ready', flush=True); signal.pause(); signal.pause()"
OBEYS = f"import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); {WAITS}"
FAILS_AT_THE_END = f"import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); {WAITS}"
IGNORES = f"import signal; signal.signal(15, signal.SIG_IGN); {WAITS}"
ENDS_ON_INPUT = "import sys; print('ready', flush=True); sys.exit(int(sys.stdin.readline()))"
# A child of a child that is left to process 1, which has to take its exit code.
LEAVES_A_CHILD = f"""
import os, signal, sys
signal.signal(15, lambda *_: sys.exit(0))
if os.fork() == 0:
    if os.fork() == 0:
        os.execv("/bin/true", ["true"])
    os._exit(0)
os.wait(); {WAITS}
"""


@contextmanager
def supervised(*programs: str, grace_s: float = 60.0) -> Iterator[subprocess.Popen[str]]:
    """A supervisor whose programs are all ready."""
    given = [f"{number}={program}" for number, program in enumerate(programs)]
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), str(grace_s), *given],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for _ in programs:
            assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str], said: str | None = None) -> tuple[int, str]:
    """Its exit code and its log; nothing that it started is left."""
    started = descendants(process.pid)
    _, log = process.communicate(said)
    assert not started.keys() & descendants().keys(), log
    return process.returncode, log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_all_and_it_waits_for_them(number: signal.Signals) -> None:
    """F10."""
    with supervised(OBEYS, LEAVES_A_CHILD) as process:
        process.send_signal(number)
        code, log = ended(process)
    assert code == 0
    assert log.count('"event": "ended"') == 2


@pytest.mark.parametrize(("said", "code"), [("3\n", 3), ("0\n", 1)])
def test_where_one_ends_all_end_and_the_platform_is_told(said: str, code: int) -> None:
    """F36: half a service does not look like one."""
    with supervised(ENDS_ON_INPUT, OBEYS) as process:
        assert ended(process, said)[0] == code


def test_one_that_is_killed_ends_all() -> None:
    with supervised(OBEYS, OBEYS) as process:
        (first, _) = sorted(descendants(process.pid))
        subprocess.run(["kill", "-KILL", str(first)], check=True)
        code, log = ended(process)
    assert code == 128 + signal.SIGKILL
    assert '"exit_code": -9' in log


def test_one_that_does_not_end_is_killed_in_time() -> None:
    """F10: and the exit code tells."""
    with supervised(IGNORES, OBEYS, grace_s=0.2) as process:
        process.send_signal(signal.SIGTERM)
        code, log = ended(process)
    assert code == 128 + signal.SIGKILL
    assert "not ended in time" in log


def test_one_that_ends_badly_is_told_of() -> None:
    with supervised(OBEYS, FAILS_AT_THE_END) as process:
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 7
