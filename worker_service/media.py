"""Any recording becomes 16 kHz mono FLAC, in a child process that a hostile file may kill without harm."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.errors import MediaError, MediaTimeoutError
from shared.logs import get_logger
from shared.transcript import Notice
from worker_service.children import ChildDiedError, RemoteError, ask_once

log = get_logger(__name__)

SAMPLE_RATE: Final = 16_000
_CHILD: Final = "worker_service.media_child"
_BASE_S: Final = 120.0
_SLOWEST_BYTES_PER_S: Final = 256 * 1024  # a twentieth of the slowest decode measured (Opus at 24 kbit/s)


@dataclass(frozen=True, slots=True)
class PreparedAudio:
    """What `prepare` made, and what it found: the length is counted in samples, never read from a header."""

    path: Path
    duration_ms: int
    container: str
    codec: str
    source_rate: int
    source_channels: int
    warnings: tuple[Notice, ...]


async def prepare(
    source: Path,
    target: Path,
    *,
    max_duration_ms: int,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> PreparedAudio:
    """Decode `source` and write `target` as 16 kHz mono 16-bit FLAC; atomic, flat in memory, bounded in time.

    `on_progress` gets the milliseconds decoded and, where the header tells, the milliseconds in all.
    Raises MediaError or one of its kin; `target` exists only when this returns.
    """
    part = target.with_name(target.name + ".part")
    size = (await asyncio.to_thread(source.stat)).st_size
    timeout_s = _BASE_S + size / _SLOWEST_BYTES_PER_S

    def progress(message: dict[str, Any]) -> None:
        if on_progress is not None:
            on_progress(message["done_ms"], message["total_ms"])

    request = {
        "source": str(source),
        "target": str(part),
        "max_duration_ms": max_duration_ms,
        "cpu_seconds": int(timeout_s) + 1,
    }
    try:
        found = await ask_once(_CHILD, request, on_progress=progress, timeout_s=timeout_s)
        await asyncio.to_thread(part.replace, target)
    except TimeoutError:
        raise MediaTimeoutError from None
    except (ChildDiedError, RemoteError) as error:
        log.warning("the decoder died", reason=error.detail, stderr=getattr(error, "stderr", ""))
        raise MediaError(
            "The recording cannot be read: the decoder gave up on it. Convert it to WAV or MP3 and upload it again."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return PreparedAudio(
        path=target,
        duration_ms=found["duration_ms"],
        container=found["container"],
        codec=found["codec"],
        source_rate=found["rate"],
        source_channels=found["channels"],
        warnings=tuple(Notice(w["code"], w["detail"]) for w in found["warnings"]),
    )
