"""Checks of where it runs: the speech models, this machine, the API."""

import asyncio
import http.client
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from shared.errors import SetupError, TranscriptsError
from shared.examination.findings import Finding, fail, note, ok
from shared.plugins import ENGINES, installed, names, use
from shared.settings import WorkerSettings
from worker_service.engines.catalogue import chosen
from worker_service.engines.local.weights import BUNDLED, VOICES, verify

_SCRATCH_BYTES: Final = 2 * 1024**3  # a prepared session of 8 h is 0.9 GB


def engines(settings: WorkerSettings) -> list[Finding]:
    """The engines that a worker here would run are installed, and their packages can be loaded."""
    try:
        points = chosen(settings)
        for point in points.values():
            use(point, lambda _: None)
    except SetupError as error:
        return [fail("engines", error.detail, "Correct TRANSCRIPTS_ENGINES, or install the package.")]
    return [ok("engines", f"{', '.join(points)}, of {names(installed(ENGINES))} that are installed")]


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
