"""The child that decodes: one request, one answer, under limits that the kernel keeps.

Run by `worker_service.media`.
"""

import traceback
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import av
from av.audio.frame import AudioFrame

from shared.errors import EmptyAudioError, MediaError, MediaTooLongError, TranscriptsError
from shared.sources.containers import HEAD_BYTES, describe
from shared.transcript import NoticeCode
from worker_service.media.decoding import Recording, open_container
from worker_service.media.downmix import mix
from worker_service.media.flac import SAMPLE_RATE, writing
from worker_service.media.outline import EVERY, Outline
from worker_service.media.timeline import Timeline
from worker_service.serving import Emit, Limits, apply_limits, serve

_PROGRESS_MS: Final = 5_000
_TRUNCATED_SHARE: Final = 0.03
_TRUNCATED_MS: Final = 1_000
_GAPS_S: Final = 5.0  # of silence put in: from here on the caller is told
_SILENT_PEAK: Final = 66  # of 32,767: -54 dBFS, under the noise of any microphone that hears somebody
_FORGIVEN: Final = 500  # frames for each packet that may be bad without a word


@dataclass
class _Output:
    """What has been written so far, and what is to be said of it."""

    samples: int = 0
    told_ms: int = 0
    outline: Outline = field(default_factory=lambda: Outline(SAMPLE_RATE))
    notices: list[dict[str, str]] = field(default_factory=list)

    @property
    def done_ms(self) -> int:
        return self.samples * 1000 // SAMPLE_RATE

    def observe(self, frame: AudioFrame) -> None:
        self.samples += frame.samples
        self.outline.hear(memoryview(frame.planes[0]).cast("B").cast("h")[: frame.samples : EVERY].tolist())

    @property
    def waveform(self) -> dict[str, Any]:
        """The waveform as JSON."""
        levels = self.outline.levels()  # before its scale is asked for: the last peak may change it
        return {"peaks": b64encode(levels).decode(), "ms_per_peak": self.outline.ms_per_peak}

    def notice(self, code: str, detail: str) -> None:
        self.notices.append({"code": code, "detail": detail})


def handle(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Decode the file `source` into the FLAC file `target`; see `worker_service.media.preparing.prepare`."""
    apply_limits(Limits(**request["limits"]))
    source, output = Path(request["source"]), _Output()
    try:
        with open_container(source) as container:
            recording = Recording(container, source)
            timeline = Timeline(recording.starts_s)
            sound = mix(timeline.with_gaps(recording.frames()), SAMPLE_RATE)
            with writing(Path(request["target"])) as write:
                for mono in sound:
                    output.observe(mono)
                    _tell(recording, output, request["max_duration_ms"], emit)
                    write(mono)
            _judge(recording, timeline, source, output)
            told = {"duration_ms": output.done_ms, "warnings": output.notices, "waveform": output.waveform}
            return {**recording.facts, **told}
    except av.error.FFmpegError as error:
        raise MediaError(_unreadable(source, error)) from error
    except TranscriptsError:
        raise
    except Exception as error:
        traceback.print_exc()  # into the worker's log
        raise MediaError(
            "The recording cannot be read: the decoder failed on it. Convert it to WAV or MP3 and upload it again."
        ) from error


def _tell(recording: Recording, output: _Output, max_ms: int, emit: Emit) -> None:
    if output.done_ms > max_ms:
        raise MediaTooLongError(
            f"The recording is longer than the {max_ms / 3_600_000:g} hours that this server takes. Upload it in parts."
        )
    if output.done_ms - output.told_ms >= _PROGRESS_MS:
        output.told_ms = output.done_ms
        emit({"done_ms": output.done_ms, "total_ms": recording.estimate_ms(output.done_ms)})


def _judge(recording: Recording, timeline: Timeline, source: Path, output: _Output) -> None:
    """Say what the caller should know of a recording that was decoded, or that nothing was."""
    if not output.done_ms:
        if recording.bad_packets:
            raise MediaError("The recording is damaged: nothing in it can be decoded.")
        raise EmptyAudioError
    if recording.tracks > 1:
        output.notice(
            NoticeCode.MEDIA_SEVERAL_TRACKS,
            f"The file holds {recording.tracks} audio tracks; the main one was heard.",
        )
    declared_ms = recording.declared_ms or 0
    if declared_ms - output.done_ms > max(_TRUNCATED_MS, declared_ms * _TRUNCATED_SHARE) or _cut_wave(source):
        output.notice(
            NoticeCode.MEDIA_TRUNCATED,
            f"The file is cut off: it should hold more than the {output.done_ms / 1000:.1f} s that are in it.",
        )
    if recording.bad_packets > 1 + recording.frames_decoded // _FORGIVEN:
        output.notice(NoticeCode.MEDIA_DAMAGED, "Parts of the recording are damaged and were left out.")
    if timeline.missing_s >= _GAPS_S:
        output.notice(
            NoticeCode.MEDIA_GAPS,
            f"The recording has gaps of {timeline.missing_s:.0f} s in all, as after a pause or a lost connection. They "
            "are kept as silence, so that times agree with the recording.",
        )
    if output.outline.loudest < _SILENT_PEAK:
        output.notice(NoticeCode.SILENCE, "The recording is silent from beginning to end.")


def _cut_wave(source: Path) -> bool:
    """Whether a WAV is shorter than its header says; FFmpeg believes the file and does not tell."""
    with source.open("rb") as file:
        head = file.read(8)
    declared = int.from_bytes(head[4:8], "little")
    streamed = declared in {0, 0xFFFFFFFF}  # written without seeking back: the header says nothing
    return head[:4] == b"RIFF" and not streamed and declared + 8 > source.stat().st_size + SAMPLE_RATE


def _unreadable(source: Path, error: av.error.FFmpegError) -> str:
    """Why FFmpeg could not read it, in words that help whoever has the file."""
    with source.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return "The recording is an empty file. Upload it again."
    if head[4:8] in (b"ftyp", b"mdat", b"wide", b"free") and isinstance(error, av.error.InvalidDataError):
        return (
            "The recording is cut off or damaged: its index, which mostly stands at the end, was not found. Upload "
            "the whole file."
        )
    what = describe(head)
    if "unknown" not in what:
        return f"This is {what}, not a recording."
    return "The recording cannot be read: it is damaged, or not a recording at all."


if __name__ == "__main__":
    serve(handle)
