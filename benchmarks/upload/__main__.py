"""`python -m benchmarks.upload`: a recording goes in by every way, against a bare Starlette handler."""

import argparse
import asyncio
import json
import secrets
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from deploy.local.postgres import Postgres
from deploy.local.redis import Redis
from deploy.migrations import upgrade
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.api_process import ApiProcess

MIB: Final = 1024 * 1024
_TUS: Final = {"Tus-Resumable": "1.0.0"}
_FORM: Final = {
    "method": "POST",
    "path": "/v1/sessions",
    "headers": {"Content-Type": "multipart/form-data; boundary=b"},
    "before": '--b\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n',
    "after": "\r\n--b--\r\n",
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way in: how fast, and the memory of the server before and at its peak."""

    name: str
    mib_s: float
    before_mb: float
    peak_mb: float


async def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.upload", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="the size of the recording (1024)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is gone (3)")
    options = parser.parse_args()
    size = options.mib * MIB
    with tempfile.TemporaryDirectory(prefix="transcripts-upload-") as folder:
        async with AsyncExitStack() as stack:
            site = Path(folder)
            stores = await _stores(stack, site)
            ways = [
                await _bare(site, "drop", size, options.rounds),
                await _bare(site, "write", size, options.rounds),
                await _ours(site / "form", stores, "form", size, options.rounds),
                await _ours(site / "tus", stores, "tus", size, options.rounds),
            ]
            google = stack.enter_context(FakeGoogle(site / "google"))
            google.bucket("recordings")
            bucket = {
                "TRANSCRIPTS_STORAGE_URL": "gs://recordings",
                "TRANSCRIPTS_GCS_ENDPOINT": google.storage_url,
            }
            ways.append(await _ours(site / "gcs", stores, "form", size, options.rounds, **bucket))
    _report(ways, options.mib)
    return 0


def _report(ways: list[Way], mib: int) -> None:
    dropped, written = ways[0].mib_s, ways[1].mib_s
    print(f"| {mib} MiB | MiB/s | to bare, dropped | to bare, written | RSS before, MB | peak RSS, MB |")
    print("|---|---|---|---|---|---|")
    for way in ways:
        print(
            f"| {way.name} | {way.mib_s:.0f} | {way.mib_s / dropped:.2f} | {way.mib_s / written:.2f}"
            f" | {way.before_mb:.0f} | {way.peak_mb:.0f} |"
        )


async def _stores(stack: AsyncExitStack, folder: Path) -> tuple[str, str]:
    postgres = Postgres(
        folder / "postgres", password=secrets.token_hex(8), log=folder / "postgres.log", durable=False
    )
    redis = Redis(folder / "redis", password=secrets.token_hex(8), log=folder / "redis.log", durable=False)
    for server in (postgres, redis):
        await asyncio.to_thread(server.start)
        stack.callback(server.stop)
    await asyncio.to_thread(upgrade, postgres.url())
    return postgres.url(), redis.url()


async def _bare(folder: Path, kind: str, size: int, rounds: int) -> Way:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.upload.bare", str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        request = {"method": "POST", "path": f"/{kind}", "headers": {}}
        await _sent(port, request, MIB)  # warm
        before = _peak_mb(process.pid)
        speeds = [size / MIB / (await _sent(port, request, size))["seconds"] for _ in range(rounds)]
        name = {"drop": "bare Starlette, dropped", "write": "bare Starlette, written to a file"}[kind]
        return Way(name, statistics.median(speeds), before, _peak_mb(process.pid))
    finally:
        process.kill()
        await process.wait()


async def _ours(
    folder: Path, stores: tuple[str, str], kind: str, size: int, rounds: int, **settings: str
) -> Way:
    folder.mkdir()
    async with _api(ApiProcess(folder, *stores, **settings)) as api:
        port = urlsplit(api.url).port or 0
        await _sent(port, await _request(port, kind, MIB), MIB)  # warm
        before = api.peak_kib() / 1024
        speeds = []
        for _ in range(rounds):
            request = await _request(port, kind, size)
            speeds.append(size / MIB / (await _sent(port, request, size))["seconds"])
        name = "a form" if kind == "form" else "tus, one PATCH"
        where = "through to a bucket" if settings else "to a disk, hashed and synced"
        return Way(f"{name} {where}", statistics.median(speeds), before, api.peak_kib() / 1024)


@asynccontextmanager
async def _api(api: ApiProcess) -> AsyncIterator[ApiProcess]:
    await api.start()
    try:
        yield api
    finally:
        await api.end()


async def _request(port: int, kind: str, size: int) -> dict[str, Any]:
    if kind == "form":
        return dict(_FORM)
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


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
