"""One contender on a server of its own: start and end its processes, read their notes, watch what they cost."""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import redis

from benchmarks.queue.contenders import ROOT, Contender
from benchmarks.queue.peers.common import ENDED, ORDER, READY, RECORD, STARTED, Order
from deploy.local.redis import Redis

_SETTLE_S: Final = 1.5
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class BrokenContenderError(Exception):
    """A contender's process did not do what its order says; the message is what it said last."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What was used in a window: CPU in percent of a core, what Redis did, and resident bytes at its end."""

    cpu_percent: float
    requests_per_s: float  # reads of a socket by Redis: round trips, however many commands each carries
    commands_per_s: float  # those that scripts call included
    rss_bytes: int


class Bench:
    """A fresh server and a fresh file of notes; ends everything that it started."""

    def __init__(self, contender: Contender, *, lease_s: float = 0.0) -> None:
        self.contender = contender
        self._lease_s = lease_s
        self._folder = tempfile.TemporaryDirectory(prefix="benchmark-")
        folder = Path(self._folder.name)
        self.redis = Redis(folder, password="benchmark", log=folder / "redis.log", durable=False)
        self._notes = folder / "notes"
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        self.redis.start()
        self._client = redis.Redis.from_url(self.redis.url())
        self._client.config_set("maxclients", 15_000)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._client.close()
        self.redis.stop()
        self._folder.cleanup()

    # Processes -------------------------------------------------------------------------------------------

    def worker(
        self, slots: int, hold_s: float, *, url: str | None = None, wait: bool = True
    ) -> subprocess.Popen[str]:
        """A worker that is ready and has settled."""
        ready = self.count(READY)
        process = self._run(
            Order(
                role="worker",
                url=url or self.redis.url(),
                notes=str(self._notes),
                slots=min(slots, self.contender.most_slots),
                hold_s=hold_s,
                lease_s=self._lease_s,
                variant=self.contender.variant,
            )
        )
        if wait:
            if not self.until(lambda: self.count(READY) > ready, 30):
                raise BrokenContenderError(self._last_words())
            time.sleep(_SETTLE_S)
        return process

    def produce(
        self, count: int, *, first: int = 0, gap_s: float = 0.0, bulk: bool = True, wait: bool = True
    ) -> float:
        """Enqueue; returns the seconds that it took inside the producer, without its start."""
        process = self._run(
            Order(
                role="produce",
                url=self.redis.url(),
                notes=str(self._notes),
                first=first,
                count=count,
                gap_s=gap_s,
                bulk=bulk,
                lease_s=self._lease_s,
                variant=self.contender.variant,
            )
        )
        if not wait:
            return 0.0
        try:
            out, _ = process.communicate(timeout=60)
            return float(json.loads(out.splitlines()[-1])["seconds"])
        except (subprocess.TimeoutExpired, IndexError) as error:
            raise BrokenContenderError(self._last_words()) from error

    def _run(self, order: Order) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [self.contender.python, "-m", f"benchmarks.queue.peers.{self.contender.module}"],
            cwd=ROOT,
            env={**os.environ, ORDER: json.dumps(asdict(order)), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE if order.role == "produce" else subprocess.DEVNULL,
            stderr=(self._notes.parent / "stderr.log").open("a"),
            text=True,
            start_new_session=True,  # a group of its own: prefork's children are stopped with their parent
        )
        self._processes.append(process)
        return process

    def signal(self, process: subprocess.Popen[str], what: signal.Signals) -> None:
        """Send a signal to a worker and its children."""
        os.killpg(process.pid, what)

    # Notes -----------------------------------------------------------------------------------------------

    def notes(self, what: int) -> list[tuple[int, float]]:
        """The number and the time of each note of a kind, in the order in which they were made."""
        data = self._notes.read_bytes() if self._notes.exists() else b""
        whole = len(data) // RECORD.size * RECORD.size
        return [(number, at) for number, kind, at in RECORD.iter_unpack(data[:whole]) if kind == what]

    def count(self, what: int) -> int:
        """How many notes of a kind there are."""
        return len(self.notes(what))

    def until(self, reached: Callable[[], bool], within_s: float) -> bool:
        """Wait; returns whether it was reached in time."""
        end = time.monotonic() + within_s
        while not reached():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def tally(self, count: int) -> dict[str, int]:
        """How many of the jobs ran twice or not at all."""
        started = [number for number, _ in self.notes(STARTED) if number < count]
        ended = {number for number, _ in self.notes(ENDED) if number < count}
        return {"twice": len(started) - len(set(started)), "lost": count - len(ended)}

    def _last_words(self) -> str:
        """The end of what the processes said about errors."""
        return (self._notes.parent / "stderr.log").read_text()[-2_000:]

    # Cost ------------------------------------------------------------------------------------------------

    def cost(self, process: subprocess.Popen[str], window_s: float) -> Cost:
        """What a worker with its children, and its server, do in the next `window_s` seconds."""
        cpu, before, began = _cpu_ns(process.pid), self._traffic(), time.monotonic()
        time.sleep(window_s)
        took = time.monotonic() - began
        reads, commands = (now - then - 1 for now, then in zip(self._traffic(), before, strict=True))
        spent = sum(max(0, ns - cpu.get(thread, 0)) for thread, ns in _cpu_ns(process.pid).items())
        return Cost(spent / 1e7 / took, reads / took, commands / took, _rss_bytes(process.pid))

    def _traffic(self) -> tuple[int, int]:
        """Requests and commands so far; two requests may come in one read, and what scripts call is a command."""
        stats: Any = self._client.info("stats")
        return stats["total_reads_processed"], stats["total_commands_processed"]


def _tree(pid: int) -> list[int]:
    """A process and its descendants."""
    pids, found = [pid], []
    while pids:
        each = pids.pop()
        found.append(each)
        with suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
    return found


def _cpu_ns(pid: int) -> dict[str, int]:
    """What each thread of a process and its descendants has used; a tick of `stat` is too coarse for idle ones."""
    used = {}
    for each in _tree(pid):
        with suppress(OSError):
            for thread in Path(f"/proc/{each}/task").iterdir():
                used[thread.name] = int((thread / "schedstat").read_text().split()[0])
    return used


def _rss_bytes(pid: int) -> int:
    resident = 0
    for each in _tree(pid):
        with suppress(OSError):
            resident += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * _PAGE
    return resident
