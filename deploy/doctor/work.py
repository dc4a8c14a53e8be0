"""Checks of what does the work: workers, the queue, the speech engines, the API, this machine."""

import asyncio
import http.client
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from deploy.doctor.findings import Finding, fail, note, ok
from shared.errors import TranscriptsError
from shared.operators import Operators
from shared.settings import WorkerSettings
from worker_service.engines.local.weights import BUNDLED, VOICES, verify

_LONG_WAIT_MS: Final = 10 * 60_000
_SCRATCH_BYTES: Final = 2 * 1024**3  # a prepared session of 8 h is 0.9 GB


async def workers(operators: Operators) -> list[Finding]:
    """Some worker is alive, and there is one for the engine of every waiting job."""
    everyone = await operators.workers()
    alive = [row for row in everyone if row["state"] in {"running", "draining"}]
    found: list[Finding] = []
    if alive:
        places = sum(row["max_jobs"] for row in alive)
        found.append(
            ok("workers", f"{len(alive)} alive, {sum(r['running'] for r in alive)} of {places} places taken")
        )
    else:
        found.append(
            fail(
                "workers",
                "No worker was seen in the last 15 s: jobs are taken, and wait.",
                "make run-worker, or make up",
            )
        )
    lost = [row for row in everyone if row["state"] == "lost"]
    if lost:
        names = ", ".join(row["id"] for row in lost[:3])
        found.append(
            note(
                "workers",
                f"{len(lost)} ended without a goodbye in the last day: {names}. Their jobs run elsewhere.",
            )
        )
    versions = sorted({row["version"] for row in alive})
    if len(versions) > 1:
        found.append(
            note("workers", f"Several versions run: {', '.join(versions)}.", "Fine during a deployment.")
        )
    engines = {engine for row in alive for engine in row["engines"]}
    unserved = [line for line in await operators.lines("engine") if alive and line["name"] not in engines]
    return found + [
        fail(
            "engines",
            f"{line['waiting'] + line['running']} jobs want the engine {line['name']!r}, which no worker runs.",
            f"Start a worker with TRANSCRIPTS_ENGINES={line['name']}",
        )
        for line in unserved
    ]


async def queue(operators: Operators) -> list[Finding]:
    """How much waits, and whether somebody has paused it."""
    row = await operators.queue()
    found: list[Finding] = []
    if row["paused_at"] is not None:
        found.append(
            note(
                "queue",
                f"Paused since {row['paused_at']:%Y-%m-%d %H:%M} UTC: {row['pause_reason'] or 'no reason given'}.",
                "POST /v1/ops/queue/resume",
            )
        )
    counts = f"{row['running']} running, {row['due']} due, {row['deferred']} waiting for a retry"
    waited_ms = row["oldest_due_ms"] or 0
    if waited_ms > _LONG_WAIT_MS:
        found.append(
            note(
                "queue",
                f"{counts}; the oldest waits for {waited_ms // 60_000} min.",
                "Add workers, or raise --max-jobs.",
            )
        )
    else:
        found.append(ok("queue", counts))
    hour = await operators.past(3600)
    if hour["failed"] > hour["succeeded"]:
        found.append(
            note(
                "jobs",
                f"In the last hour {hour['failed']} failed and {hour['succeeded']} succeeded.",
                "GET /v1/ops/jobs?status=failed tells why",
            )
        )
    return found


def speech(settings: WorkerSettings) -> list[Finding]:
    """The local engine has its models, whole."""
    engines = [name.strip() for name in settings.engines.split(",")]
    if "local" not in engines or settings.whisper_model not in BUNDLED:
        return []
    try:
        for weights in (BUNDLED[settings.whisper_model], VOICES):
            verify(weights, settings.models_dir)
    except TranscriptsError as error:
        return [fail("speech", error.detail, "make models")]
    return [ok("speech", f"the local model {settings.whisper_model} and the voice encoder are whole")]


def machine(settings: WorkerSettings) -> list[Finding]:
    """There is room for temporary files."""
    folder = Path(settings.scratch_dir or tempfile.gettempdir())
    free = shutil.disk_usage(folder).free
    if free < _SCRATCH_BYTES:
        return [
            note(
                "disk",
                f"{folder} has {free / 1e9:.1f} GB left.",
                "Free room, or set TRANSCRIPTS_SCRATCH_DIR.",
            )
        ]
    return [ok("disk", f"{free / 1e9:.0f} GB free for temporary files in {folder}")]


async def api(url: str) -> list[Finding]:
    """The API answers and is ready; what it says of itself."""
    try:
        status, body = await asyncio.to_thread(_ask, url)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return [
            note(
                "API",
                f"Nothing answers at {url} ({type(error).__name__}).",
                "make run-api, or name its address with --api",
            )
        ]
    if status == http.client.OK:
        return [ok("API", f"{url} is ready")]
    wrong = [
        f"{name}: {check['detail']}" for name, check in body.get("checks", {}).items() if not check["ok"]
    ]
    return [
        fail("API", f"{url} is not ready: {'; '.join(wrong) or status}", "See the checks of its parts above.")
    ]


def _ask(url: str) -> tuple[int, dict[str, Any]]:
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.netloc, timeout=5)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/readyz")
        answer = connection.getresponse()
        return answer.status, dict(json.loads(answer.read()))
    finally:
        connection.close()
