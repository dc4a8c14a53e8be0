"""Programs: bound to their parent, stopped together, their output kept."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local import leftovers
from deploy.local.processes import Account, Program, account_for_servers, free_port, stop_all, wait_until

ENV = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
PARENT = """
import sys, time
from pathlib import Path
from deploy.local.processes import Program
child = Program("child", ["sleep", "600"], log=Path(sys.argv[1]), env={"PATH": "/usr/bin:/bin"})
print(child.pid, flush=True)
time.sleep(600)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"


Start = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a Python program; a test that fails leaves none behind."""
    programs: list[Program] = []

    def started(code: str, name: str = "it", **options: Any) -> Program:
        command = [sys.executable, "-c", code]
        programs.append(Program(name, command, log=tmp_path / f"{name}.log", env=ENV, **options))
        return programs[-1]

    yield started
    for program in programs:
        program.kill()
        program.wait(300)


def gone(trace: leftovers.Trace) -> bool:
    deadline = time.monotonic() + 300
    while leftovers.alive(trace) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not leftovers.alive(trace)


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell a child of its parent's end")
def test_a_killed_parent_leaves_no_child(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, tmp_path / "log"], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = leftovers.trace("child", int(parent.stdout.readline()))
    assert leftovers.alive(child)
    parent.kill()
    parent.communicate()
    assert gone(child)


def test_a_parent_that_died_before_the_child_was_bound_takes_it_along(tmp_path: Path) -> None:
    bound = Path(leftovers.__file__).with_name("bound.py")
    order = '{"parent": 1, "signal": 9}'
    done = subprocess.run([sys.executable, bound, order, "touch", tmp_path / "ran"], check=False)
    assert done.returncode == 1
    assert not (tmp_path / "ran").exists()


def test_stopping_waits_for_a_clean_end_and_forces_one_that_does_not_come(start: Start) -> None:
    clean = start("import time; time.sleep(600)", "clean")
    stubborn = start(STUBBORN, "stubborn")
    assert wait_until(lambda: stubborn.last_lines() == ["up"], stubborn, 300)
    stop_all([clean], 300)
    stop_all([stubborn], 0.3)
    assert (clean.returncode, stubborn.returncode) == (-signal.SIGTERM, -signal.SIGKILL)


def test_output_goes_to_a_file_and_to_whoever_listens_and_the_last_run_is_kept(
    tmp_path: Path, start: Start
) -> None:
    heard: list[str] = []
    for run in ("first", "second"):
        one = start(f"print('{run}'); print('na\u00efve')", on_line=heard.append)
        one.wait(300)
        assert one.last_lines(1) == ["naïve"]
    assert heard == ["first", "naïve", "second", "naïve"]
    assert (tmp_path / "it.log").read_text() == "second\nnaïve\n"
    assert (tmp_path / "it.log.1").read_text() == "first\nnaïve\n"


def test_waiting_ends_when_the_program_does(start: Start) -> None:
    one = start("raise SystemExit(3)")
    assert not wait_until(lambda: False, one, 300)
    assert one.returncode == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_root_starts_a_program_as_another_user_in_a_folder_that_the_user_cannot_reach(tmp_path: Path) -> None:
    account = account_for_servers()
    assert isinstance(account, Account)
    closed = tmp_path / "closed"
    (closed / "inside").mkdir(parents=True)
    closed.chmod(0o700)
    os.chown(closed / "inside", account.uid, account.gid)
    one = Program(
        "it",
        ["/bin/sh", "-c", "id -u > {folder}/who"],
        log=tmp_path / "it.log",
        env=ENV,
        account=account,
        folder=closed / "inside",
    )
    assert one.wait(300) == 0, one.last_lines()
    assert (closed / "inside" / "who").read_text() == f"{account.uid}\n"


def test_a_preferred_port_is_taken_only_where_it_is_free() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert free_port(taken) != taken
    assert free_port(taken) == taken


def test_a_pid_that_another_program_has_now_is_not_taken_for_the_old_one(start: Start) -> None:
    one = start("import time; print('up'); time.sleep(600)")
    assert wait_until(lambda: one.last_lines() == ["up"], one, 300)
    real = leftovers.trace("it", one.pid)
    assert "time.sleep" in leftovers.command_line(one.pid)
    assert leftovers.end([{**real, "born": "some other time"}]) == []
    assert leftovers.alive(real)
    # The child is ours and stays a zombie until it is waited for, which counts as ended.
    assert leftovers.end([real]) == ["it"]
    assert not leftovers.alive(real)
    assert one.wait(300) == -signal.SIGTERM
    assert leftovers.command_line(one.pid) == ""
