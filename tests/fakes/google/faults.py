"""What goes wrong and when: faults, quotas and latency, in front of and behind every call."""

import asyncio
import json
import os
from collections import defaultdict, deque
from dataclasses import asdict, dataclass

import grpc

from tests.fakes.google.state import State


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong; see README.md for what each field means."""

    on: str  # a method's name ("BatchRecognize", "storage.put"), "operation", "file", or "*"
    do: str = "fail"  # fail, hang, slow, reset, cut, keep, damage, exit
    when: str = "before"  # or "after": the work is done, only its answer is lost
    code: str | int = "UNAVAILABLE"  # a gRPC code's name, an HTTP status, or a google.rpc code
    message: str = "a fault was set"
    match: str = ""  # only calls whose text contains this
    times: int = 1  # how often; -1: always
    skip: int = 0  # how many matching calls go well first
    every: int = 1  # then every n-th one fails
    size: int = 0  # cut, keep: the bytes that still go through
    reason: str = ""  # fail over gRPC: ErrorInfo's, such as SERVICE_DISABLED
    ms: int = 0  # slow: how long it takes, even where the client does not wait; fail: when to come back


TO_BODIES = frozenset({"cut", "keep", "damage"})
"""What is done to the bytes of a request or an answer, rather than instead of it."""


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """A gRPC call is answered with this code."""

    def __init__(self, code: grpc.StatusCode, message: str, retry_ms: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.retry_ms = retry_ms


class Faults:
    """The faults that are set, kept in the state so that a restart does not forget them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, fault: Fault) -> int:
        """Set a fault and return its id."""
        document = json.dumps(asdict(fault))
        return int(self._state.execute("INSERT INTO faults VALUES (NULL, ?, 0)", document).lastrowid or 0)

    def take(self, on: str, when: str, text: str = "") -> Fault | None:
        """The first fault that strikes this call, counted as used."""
        for row in self._state.rows("SELECT * FROM faults ORDER BY id"):
            fault = Fault(**json.loads(row["document"]))
            if fault.on not in (on, "*") or fault.when != when or fault.match not in text:
                continue
            seen = row["seen"] + 1
            self._state.execute("UPDATE faults SET seen = ? WHERE id = ?", seen, row["id"])
            struck, off = divmod(seen - fault.skip - 1, fault.every)
            if seen > fault.skip and off == 0 and (fault.times < 0 or struck < fault.times):
                return fault
        return None

    async def strike(self, on: str, when: str, text: str = "") -> Fault | None:
        """Take a fault and do what any call can do: hang for ever, be slow, or end the process like a kill -9."""
        fault = self.take(on, when, text)
        if fault and fault.do == "exit":
            os._exit(9)
        if fault and fault.do == "hang":
            await asyncio.Event().wait()
        if fault and fault.do == "slow":
            due_ms = self._state.now_ms() + fault.ms
            while self._state.now_ms() < due_ms:  # sooner where a test puts the clock forward
                await asyncio.sleep(0.005)
            return None
        return fault


class Quotas:
    """Requests in a sliding window by location; in memory, so a restart begins a new window."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._taken: dict[tuple[str, str], deque[int]] = defaultdict(deque)

    def take(self, metric: str, location: str) -> None:
        """Count one request, or refuse it as Google does; a refused request is not counted."""
        settings = self._state.settings
        limit = getattr(settings, f"{metric}_requests_per_window")
        taken, now = self._taken[metric, location], self._state.now_ms()
        while taken and taken[0] <= now - settings.quota_window_ms:
            taken.popleft()
        if len(taken) >= limit:
            raise Refusal(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"Quota exceeded for quota metric '{metric.capitalize()} requests' and limit "
                f"'{metric.capitalize()} requests per minute per region' of service 'speech.googleapis.com' "
                f"in {location}.",
            )
        taken.append(now)

    def reset(self) -> None:
        """Begin new windows."""
        self._taken.clear()
