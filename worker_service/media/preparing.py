"""Any recording becomes 16 kHz mono FLAC, in a child process that a hostile file may kill without harm."""

import asyncio
import signal
from base64 import b64decode
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from shared.errors import MediaError, MediaInterruptedError, MediaTimeoutError, TranscriptsError
from shared.observation.logs import get_logger
from shared.transcript import Notice
from shared.waveforms import Waveform
from worker_service.children import ChildDiedError, ask_once
from worker_service.serving import JsonObject, Limits

log = get_logger(__name__)

_CHILD: Final = "worker_service.media.child"
_MEMORY_BYTES: Final = (
    768 * 1024 * 1024
)  # of addresses; three hours of m4a took 220 MB of them, 84 MB in memory
_FLAC_BYTES_PER_MS: Final = 32  # were nothing of it compressed
_FLAC_MARGIN_BYTES: Final = 16 * 1024 * 1024
_OPEN_FILES: Final = 64
# Processor seconds: a minute, and a second for each 32 KiB (a fifth of what Opus at 6 kbit/s needs, which is the most
# a byte can ask for), but never slower than 20 times as fast as the longest recording would play.
_BASE_S: Final = 60.0
_BYTES_PER_S: Final = 32 * 1024
_SLOWEST_SPEED: Final = 20
_PATIENCE: Final = 5.0  # seconds on the clock for each of the processor: the machine may be busy


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
    waveform: Waveform


async def prepare(
    source: Path,
    target: Path,
    *,
    max_duration_ms: int,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> PreparedAudio:
    """Decode `source` and write `target` as 16 kHz mono 16-bit FLAC; atomic, flat in memory, bounded in time.

    `on_progress` gets the milliseconds decoded and, as far as the file tells, the milliseconds in all.
    Raises MediaError or one of its kin where the file is at fault, StorageError where the disk is full;
    `target` exists only when this returns.
    """
    part = target.with_name(target.name + ".part")
    size = (await asyncio.to_thread(source.stat)).st_size
    cpu_s = cpu_seconds(size, max_duration_ms)
    request = {
        "source": str(source),
        "target": str(part),
        "max_duration_ms": max_duration_ms,
        "limits": asdict(_limits(cpu_s, max_duration_ms)),
    }

    def progress(message: dict[str, Any]) -> None:
        if on_progress is not None:
            on_progress(message["done_ms"], message["total_ms"])

    try:
        found = await ask_once(
            _CHILD, request, on_progress=progress, timeout_s=_PATIENCE * cpu_s, secrets=False
        )
        await asyncio.to_thread(part.replace, target)
    except TimeoutError:
        raise MediaTimeoutError from None
    except ChildDiedError as died:
        raise _verdict(died) from died
    finally:
        part.unlink(missing_ok=True)
    return _prepared(target, found)


def cpu_seconds(size: int, max_duration_ms: int) -> int:
    """How long a processor may decode a file of `size` bytes."""
    return int(_BASE_S + min(size / _BYTES_PER_S, max_duration_ms / 1000 / _SLOWEST_SPEED))


def _limits(cpu_s: int, max_duration_ms: int) -> Limits:
    return Limits(
        memory_bytes=_MEMORY_BYTES,
        cpu_seconds=cpu_s,
        file_bytes=max_duration_ms * _FLAC_BYTES_PER_MS + _FLAC_MARGIN_BYTES,
        open_files=_OPEN_FILES,
    )


def _prepared(path: Path, found: JsonObject) -> PreparedAudio:
    """What the child's answer says."""
    return PreparedAudio(
        path=path,
        duration_ms=found["duration_ms"],
        container=found["container"],
        codec=found["codec"],
        source_rate=found["rate"],
        source_channels=found["channels"],
        warnings=tuple(Notice(w["code"], w["detail"]) for w in found["warnings"]),
        waveform=Waveform(found["waveform"]["ms_per_peak"], b64decode(found["waveform"]["peaks"])),
    )


def _verdict(died: ChildDiedError) -> TranscriptsError:
    """Whose fault it was: a crash of the decoder is the file's; a kill from outside, or a bug of ours, is not."""
    log.warning("the decoder ended before it was done", returncode=died.returncode)
    if died.returncode == -signal.SIGXCPU:
        return MediaTimeoutError()
    if died.returncode == -signal.SIGKILL:
        return MediaInterruptedError()
    if died.returncode is None or died.returncode >= 0:
        return died
    return MediaError(
        "The recording cannot be read: the decoder crashed on it. Convert it to WAV or MP3 and upload it again."
    )
