"""The child that decodes: PyAV with only the demuxers we name, only local files, and limits on everything.

Run by `worker_service.media`; one request, one answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard

from shared.containers import HEAD_BYTES, describe
from shared.errors import EmptyAudioError, MediaError, MediaTooLongError, NoAudioError
from worker_service.children import Emit, Limits, apply_limits, serve
from worker_service.downmix import Downmixer
from worker_service.media import SAMPLE_RATE

# FFmpeg's names of the demuxers we allow. Playlists (hls, dash, concat) are not among them: those open files.
_DEMUXERS: Final = "wav,w64,mp3,mov,ogg,matroska,flac,aac,amr,amrnb,amrwb,aiff,caf"
_OPTIONS: Final = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}
# These say in a header how long they are; the others' lengths are guesses from the size.
_TELL_LENGTH: Final = frozenset({"wav", "w64", "mov", "matroska", "flac", "aiff", "caf"})
_MEMORY_BYTES: Final = 1536 * 1024 * 1024  # address space; PyAV maps 300 MiB before it reads a byte
_PROGRESS_MS: Final = 5_000
_TRUNCATED_SHARE: Final = 0.03
_TRUNCATED_MS: Final = 1_000
_SILENT_PEAK: Final = 66  # of 32,767: -54 dBFS, under the noise of any microphone that hears somebody
_EVERY: Final = 8  # samples from one to the next that is looked at for the peak


@dataclass
class _Decoding:
    """What has been seen so far of the stream that is being decoded."""

    samples: int = 0  # of the output
    frames: int = 0
    bad_packets: int = 0
    peak: int = 0
    told_ms: int = 0
    notices: list[dict[str, str]] = field(default_factory=list)

    @property
    def done_ms(self) -> int:
        return self.samples * 1000 // SAMPLE_RATE

    def notice(self, code: str, detail: str) -> None:
        self.notices.append({"code": code, "detail": detail})


def handle(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Decode the file `source` into the FLAC file `target`; see `worker_service.media.prepare`."""
    max_ms = int(request["max_duration_ms"])
    apply_limits(
        Limits(
            memory_bytes=_MEMORY_BYTES,
            cpu_seconds=int(request["cpu_seconds"]),
            file_bytes=max_ms * SAMPLE_RATE // 1000 * 2 + 16 * 1024 * 1024,
        )
    )
    source, state = Path(request["source"]), _Decoding()
    try:
        with _open(source) as container:
            stream = _pick(container, state)
            total_ms = _declared_ms(container, stream)
            found = _facts(container, stream)
            _transcode(container, stream, Path(request["target"]), state, max_ms, total_ms, emit)
    except av.error.FFmpegError as error:
        raise MediaError(_unreadable(source, error)) from error
    except MemoryError:
        raise MediaError("The recording asks for more memory than a recording needs.") from None
    _judge(state, source, found["container"], total_ms)
    return {**found, "duration_ms": state.done_ms, "warnings": state.notices}


def _open(source: Path) -> InputContainer:
    # The file: prefix keeps a name from being taken for another protocol.
    return av.open(f"file:{source}", options=_OPTIONS, metadata_errors="replace")


def _pick(container: InputContainer, state: _Decoding) -> AudioStream:
    """The audio stream to decode; everything else is not even read."""
    best = container.streams.best("audio")
    if not isinstance(best, AudioStream):
        raise NoAudioError
    for stream in container.streams:
        if stream.index != best.index:
            stream.discard = Discard.all
    count = len(container.streams.audio)
    if count > 1:
        state.notice("media_several_tracks", f"The file holds {count} audio tracks; the main one was heard.")
    return best


def _declared_ms(container: InputContainer, stream: AudioStream) -> int | None:
    if stream.duration is not None and stream.time_base is not None:
        return int(stream.duration * stream.time_base * 1000)
    return container.duration // 1000 if container.duration is not None else None


def _facts(container: InputContainer, stream: AudioStream) -> dict[str, Any]:
    return {
        "container": container.format.name.partition(",")[0],
        "codec": stream.codec_context.name,
        "rate": stream.rate or 0,
        "channels": stream.channels,
    }


def _transcode(
    container: InputContainer,
    stream: AudioStream,
    target: Path,
    state: _Decoding,
    max_ms: int,
    total_ms: int | None,
    emit: Emit,
) -> None:
    sound = Downmixer(SAMPLE_RATE).mix(_frames(container, stream, state))
    first = next(sound, None)
    if first is None:
        if state.bad_packets:
            raise MediaError("The recording is damaged: nothing in it can be decoded.")
        raise EmptyAudioError
    with av.open(str(target), "w", format="flac") as out:
        encoder = out.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        for mono in chain((first,), sound):
            _observe(mono, state)
            if state.done_ms > max_ms:
                raise MediaTooLongError(
                    f"The recording is longer than the {max_ms / 3_600_000:g} hours that this server takes."
                )
            mono.pts = None  # the encoder counts samples; timestamps of damaged files go backwards
            out.mux(encoder.encode(mono))
            if state.done_ms - state.told_ms >= _PROGRESS_MS:
                state.told_ms = state.done_ms
                emit({"done_ms": state.done_ms, "total_ms": total_ms})
        out.mux(encoder.encode(None))


def _frames(container: InputContainer, stream: AudioStream, state: _Decoding) -> Iterator[AudioFrame]:
    """Decoded frames; packets that cannot be decoded are counted and passed over, a broken end is an end."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            for frame in packet.decode():
                if frame.samples:
                    state.frames += 1
                    yield frame
        except av.error.EOFError:
            return
        except (av.error.InvalidDataError, av.error.ArgumentError):
            state.bad_packets += 1
            if state.bad_packets > 1000 and state.bad_packets > state.frames:
                return


def _observe(frame: AudioFrame, state: _Decoding) -> None:
    state.samples += frame.samples
    if state.peak < _SILENT_PEAK:
        seen = memoryview(frame.planes[0]).cast("B").cast("h")[: frame.samples : _EVERY].tolist()
        state.peak = max(state.peak, max(seen, default=0), -min(seen, default=0))


def _judge(state: _Decoding, source: Path, container: str, total_ms: int | None) -> None:
    """Say what the caller should know of a recording that was decoded."""
    missing_ms = (total_ms or 0) - state.done_ms if container in _TELL_LENGTH else 0
    if missing_ms > max(_TRUNCATED_MS, (total_ms or 0) * _TRUNCATED_SHARE) or _cut_wave(source):
        state.notice(
            "media_truncated",
            f"The file is cut off: it should hold more than the {state.done_ms / 1000:.1f} s that are in it.",
        )
    if state.bad_packets > 1 + state.frames // 500:
        state.notice("media_damaged", "Parts of the recording are damaged and were left out.")
    if state.peak < _SILENT_PEAK:
        state.notice("silence", "The recording is silent from beginning to end.")


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
            "The recording is cut off: its index, which stands at the end, is missing. Upload the whole file."
        )
    what = describe(head)
    if "unknown" not in what:
        return f"This is {what}, not a recording."
    return "The recording cannot be read: it is damaged, or not a recording at all."


if __name__ == "__main__":
    serve(handle)
