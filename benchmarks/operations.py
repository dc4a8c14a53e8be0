"""Following many long-running operations under Google's quota: `python -m benchmarks.operations`.

Three ways to wait for the same operations, each in a process of its own against a copy of one server with its quota
enforced, all for the same seconds: our follower, a task for each operation that polls it, and the client library's own
`AsyncOperation.result()`.
"""

import argparse
import asyncio
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from google.api_core import exceptions, operation_async
from google.cloud.speech_v2 import SpeechAsyncClient
from google.cloud.speech_v2.types import cloud_speech
from google.longrunning import operations_pb2

from shared.storage.google_identity import Anonymous
from tests.fakes.google.calls import connect, order, submit, upload
from tests.fakes.google.process import FakeGoogle
from tests.fakes.google.recordings import flac
from worker_service.engines.google.budget import CallBudget
from worker_service.engines.google.client import SpeechClient
from worker_service.engines.google.follower import Follower
from worker_service.engines.google.watched import Watched

WAYS: Final = ("follower", "a task each", "AsyncOperation.result()")
_LOCATION: Final = "us-central1"
_POLL_S: Final = 5.0
_GROUPS: Final = 40  # operations end in so many waves
_EPOCH_S: Final = 3_600  # more than starting the operations takes
_START_S: Final = 5.0  # of a server and a watcher, about
_Seen = Callable[[str], None]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operations", description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000, help="how many run at once (1000)")
    parser.add_argument("--seconds", type=int, default=120, help="how long each way may watch (120)")
    parser.add_argument("--quota", type=int, default=150, help="looks at operations a minute (150)")
    parser.add_argument("--ways", default=",".join(WAYS), help="which to measure, by comma")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        way, target = options.child
        print(json.dumps(asyncio.run(watch(way, target, json.loads(sys.stdin.read()), options))))
        return
    ways = options.ways.split(",")
    print(f"{options.operations} operations, {options.quota} calls a minute, {options.seconds} s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        prepared_at, began = Path(folder) / "prepared", time.monotonic()
        with FakeGoogle(prepared_at) as google:
            epoch_ms, ends = asyncio.run(prepared(google, options))
        each_s = options.seconds + _START_S
        print(f"made in {time.monotonic() - began:.0f} s; {len(ways)} x about {each_s:.0f} s to come\n")
        print("| way | seen | of those that ended | lag p50 / p99 s | calls | refused | CPU % | MB |")
        print("|---|---|---|---|---|---|---|---|", flush=True)
        for way in ways:
            state = Path(folder) / "watched"
            shutil.copytree(prepared_at, state)
            with FakeGoogle(state) as google:
                google.settings(clock_ms=int(epoch_ms - time.time() * 1_000))
                print(row(way, ends, google, options), flush=True)
            shutil.rmtree(state)


async def prepared(google: FakeGoogle, options: argparse.Namespace) -> tuple[float, dict[str, float]]:
    """Start the operations; returns an epoch, and after how many milliseconds of it each of them ends, by name.

    The epoch is later than all submits, however long they take here: each way's server has its clock set to it.
    """
    google.bucket("recordings")
    google.settings(batch_requests_per_window=1_000_000, operation_requests_per_window=options.quota)
    # A second of speech: the writing of long results would be the server's work, in which it answers nobody.
    client, uri = connect(google), upload(google, "a.flac", flac(1_000))
    started_ms, lasts = time.time() * 1_000, dict[str, int]()
    for group in range(_GROUPS):
        ends_ms = int(options.seconds * 1_000 * (0.1 + 0.8 * group / _GROUPS))
        spent_ms = int(time.time() * 1_000 - started_ms)
        lasts_ms = _EPOCH_S * 1_000 + ends_ms - spent_ms
        google.settings(operation_ms=lasts_ms)
        share = range(group, options.operations, _GROUPS)
        for operations in [share[at : at + 20] for at in range(0, len(share), 20)]:
            replies = await asyncio.gather(
                *(submit(client, order(uri, f"results/job/{n}/")) for n in operations)
            )
            lasts |= {reply.name: lasts_ms for reply in replies}
    await client.transport.close()  # type: ignore[no-untyped-call]
    epoch_ms = started_ms + _EPOCH_S * 1_000
    submitted = {one["name"]: one["submitted_ms"] for one in google.operations()}
    return epoch_ms, {name: submitted[name] + lasts_ms - epoch_ms for name, lasts_ms in lasts.items()}


def row(way: str, ends: dict[str, float], google: FakeGoogle, options: argparse.Namespace) -> str:
    """Run one way in a process of its own, and compare what it saw with what happened."""
    began_ms = time.time() * 1_000
    before = google.calls()
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.operations", "--seconds", str(options.seconds), "--quota",
         str(options.quota), "--child", way, google.speech_target],
        input=json.dumps(list(ends)), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    ended = sum(end_ms <= found["until_ms"] - began_ms for end_ms in ends.values())
    lags = sorted(max(0.0, at - began_ms - ends[name]) / 1_000 for name, at in found["seen"].items())
    calls = {
        code: sum(codes.get(code, 0) for codes in google.calls().values())
        for code in ("OK", "RESOURCE_EXHAUSTED")
    }
    calls["OK"] -= before.get("BatchRecognize", {}).get("OK", 0)
    lag = " / ".join(f"{lags[int(len(lags) * share)]:.1f}" for share in (0.5, 0.99)) if lags else "-"
    return (
        f"| {way} | {len(lags)} | {ended} | {lag} | {calls['OK']} | {calls['RESOURCE_EXHAUSTED']} "
        f"| {found['cpu']:.1f} | {found['mb']} |"
    )


async def watch(way: str, target: str, names: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Wait for the operations one way; returns when each was seen to be over, and what that took."""
    seen: dict[str, float] = {}

    def see(name: str) -> None:
        seen[name] = time.time() * 1_000

    ways: dict[str, Callable[..., Awaitable[None]]] = dict(
        zip(WAYS, (by_follower, by_tasks, by_library), strict=True)
    )
    began, used = time.monotonic(), time.process_time()
    try:
        async with asyncio.timeout(options.seconds):
            await ways[way](target, names, see, options)
    except TimeoutError:
        pass
    took = time.monotonic() - began
    return {
        "seen": seen,
        "until_ms": time.time() * 1_000,
        "cpu": (time.process_time() - used) / took * 100,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024,
    }


async def by_follower(target: str, names: list[str], see: _Seen, options: argparse.Namespace) -> None:
    client = SpeechClient("p", _LOCATION, Anonymous(), endpoint=f"http://{target}")
    follower = Follower(client, CallBudget(None, "benchmark", per_minute=options.quota))
    now = asyncio.get_running_loop().time()

    async def wait(name: str) -> None:  # as a job waits
        watched = Watched(name, f"results/{name}/", 60_000, lambda _: None, began=now, limit_s=1e9)
        with follower.watching(watched):
            await watched.end
        see(name)

    try:
        await asyncio.gather(*map(wait, names))
    finally:
        await follower.aclose()
        await client.aclose()


async def by_tasks(target: str, names: list[str], see: _Seen, _options: argparse.Namespace) -> None:
    client = _client(target)

    async def wait(name: str) -> None:
        while True:
            try:
                request = operations_pb2.GetOperationRequest(name=name)
                if (await client.get_operation(request, timeout=20)).done:
                    see(name)
                    return
            except exceptions.GoogleAPICallError:
                pass
            await asyncio.sleep(_POLL_S)

    await asyncio.gather(*map(wait, names))


async def by_library(target: str, names: list[str], see: _Seen, _options: argparse.Namespace) -> None:
    client = _client(target)

    async def wait(name: str) -> None:
        operation = operation_async.from_gapic(  # type: ignore[no-untyped-call]
            operations_pb2.Operation(name=name),
            client.transport.operations_client,
            cloud_speech.BatchRecognizeResponse,
        )
        try:
            await operation.result(timeout=3_600)
            see(name)
        except (
            exceptions.GoogleAPICallError,
            TimeoutError,
        ):  # refused for a minute, and it never looks again
            pass

    await asyncio.gather(*map(wait, names))
    await asyncio.Event().wait()


def _client(target: str) -> SpeechAsyncClient:
    fake = FakeGoogle.__new__(FakeGoogle)
    fake.grpc_port = int(target.rpartition(":")[2])
    return connect(fake)


if __name__ == "__main__":
    main()
