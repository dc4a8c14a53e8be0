"""`python -m benchmarks.upload`: a recording goes in by every way, against a bare Starlette handler.

The ways take turns, so that what else the machine does meets all of them.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from tests.fakes.google.process import FakeGoogle
from tests.fixtures.api_process import ApiProcess
from tests.fixtures.stores import stores

MIB: Final = 1024 * 1024
_TUS: Final = {"Tus-Resumable": "1.0.0"}
_BOUNDARY: Final = (
    "----WebKitFormBoundary7MA4YWxkTrZu0gW"  # of the length that browsers, curl and httpx choose
)
_FORM: Final = {
    "method": "POST",
    "path": "/v1/sessions",
    "headers": {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"},
    "before": f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n',
    "after": f"\r\n--{_BOUNDARY}--\r\n",
}

MakeRequest: TypeAlias = Callable[[int], Awaitable[dict[str, Any]]]
"""The request that sends a recording of so many bytes."""


@dataclass(slots=True)
class Way:
    """One way in, and what was measured of it: speed, the server's CPU time, and its memory."""

    name: str
    port: int
    pid: int
    request: MakeRequest
    before_mb: float = 0.0
    mib_s: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    async def warm(self) -> None:
        """Send a little; what memory the server has then is what it begins with."""
        await _sent(self.port, await self.request(MIB), MIB)
        self.before_mb = _peak_mb(self.pid)

    async def go(self, size: int) -> None:
        """Send one recording."""
        request, before = await self.request(size), _cpu_s(self.pid)
        self.mib_s.append(size / MIB / (await _sent(self.port, request, size))["seconds"])
        self.cpu_ms.append((_cpu_s(self.pid) - before) * 1000 / (size / MIB))


async def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.upload", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="the size of the recording (1024)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is gone (3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="transcripts-upload-") as folder:
        async with AsyncExitStack() as stack:
            ways = await _ways(stack, Path(folder))
            for way in ways:
                await way.warm()
            for _ in range(options.rounds):
                for way in ways:
                    await way.go(options.mib * MIB)
            _report(ways, options.mib)
    return 0


def _report(ways: list[Way], mib: int) -> None:
    dropped, written = ways[0].mib_s, ways[1].mib_s
    print(f"| {mib} MiB | MiB/s | to dropped | to written | CPU, ms/MiB | RSS before, MB | peak RSS, MB |")
    print("|---|---|---|---|---|---|---|")
    for way in ways:
        print(
            f"| {way.name} | {statistics.median(way.mib_s):.0f}"
            f" | {_ratio(way.mib_s, dropped):.2f} | {_ratio(way.mib_s, written):.2f}"
            f" | {statistics.median(way.cpu_ms):.1f} | {way.before_mb:.0f} | {_peak_mb(way.pid):.0f} |"
        )


def _ratio(speeds: list[float], bare: list[float]) -> float:
    """The median of the ratios of each round: what slowed a round slowed both."""
    return statistics.median(ours / theirs for ours, theirs in zip(speeds, bare, strict=True))


async def _ways(stack: AsyncExitStack, site: Path) -> list[Way]:
    pid, port = await _bare(stack, site)
    ways = [
        Way("bare Starlette, dropped", port, pid, _to("/drop")),
        Way("bare Starlette, written to a file", port, pid, _to("/write")),
    ]
    addresses = await stack.enter_async_context(stores(site))
    for kind, name in (("form", "a form"), ("tus", "tus, one PATCH")):
        api = await _api(stack, site / kind, addresses)
        ways.append(_ours(f"{name} to a disk, hashed and synced", api, kind))
    google = stack.enter_context(FakeGoogle(site / "google"))
    google.bucket("recordings")
    bucket = {"TRANSCRIPTS_STORAGE_URL": "gs://recordings", "TRANSCRIPTS_GCS_ENDPOINT": google.storage_url}
    ways.append(
        _ours("a form through to a bucket", await _api(stack, site / "gcs", addresses, **bucket), "form")
    )
    return ways


async def _bare(stack: AsyncExitStack, folder: Path) -> tuple[int, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.upload.bare", str(folder), stdout=asyncio.subprocess.PIPE
    )
    stack.push_async_callback(process.wait)
    stack.callback(process.kill)
    assert process.stdout is not None
    return process.pid, int(await process.stdout.readline())


async def _api(
    stack: AsyncExitStack, folder: Path, addresses: tuple[str, str], **settings: str
) -> ApiProcess:
    folder.mkdir()
    api = ApiProcess(folder, *addresses, **settings)
    stack.push_async_callback(api.end)
    return await api.start()


def _to(path: str) -> MakeRequest:
    async def request(size: int) -> dict[str, Any]:
        return {"method": "POST", "path": path, "headers": {}}

    return request


def _ours(name: str, api: ApiProcess, kind: str) -> Way:
    port = urlsplit(api.url).port or 0

    async def request(size: int) -> dict[str, Any]:
        return dict(_FORM) if kind == "form" else await _announced(port, size)

    return Way(name, port, api.process.pid, request)


async def _announced(port: int, size: int) -> dict[str, Any]:
    announced = {"method": "POST", "path": "/v1/uploads", "headers": {**_TUS, "Upload-Length": str(size)}}
    path = (await _sent(port, announced, 0))["headers"]["location"]
    headers = {**_TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    return {"method": "PATCH", "path": path, "headers": headers}


async def _sent(port: int, request: dict[str, Any], size: int) -> dict[str, Any]:
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.upload.sender", str(port), json.dumps(request), str(size),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await sender.communicate()
    answer: dict[str, Any] = json.loads(out)
    if not 200 <= answer["status"] < 300:
        raise SystemExit(f"{request['method']} {request['path']}: {answer['status']} {answer['body']}")
    return answer


def _cpu_s(pid: int) -> float:
    """The CPU seconds that a process has used, in user and in system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
