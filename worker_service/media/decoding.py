"""The sound in a file: PyAV with only the demuxers and decoders we name, and nothing but the file itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard

from shared.errors import MediaError, NoAudioError

# FFmpeg's names of the demuxers we allow. Playlists (hls, dash, concat) are not among them: those open files.
_DEMUXERS: Final = "wav,w64,mp3,mov,ogg,matroska,flac,aac,amr,amrnb,amrwb,aiff,caf"
# What recorders, phones, browsers, meetings and exchanges write. FFmpeg has 200 decoders, most of them for games
# and studios of the nineties: what few people review, a hostile file is not to reach.
_DECODERS: Final = (
    "pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,"
    "pcm_f64be,pcm_alaw,pcm_mulaw,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,g722,g726,gsm,gsm_ms,mp1float,mp2float,"
    "mp3float,aac,alac,flac,opus,vorbis,speex,amrnb,amrwb,ac3,eac3"
)
_OPTIONS: Final = {
    "protocol_whitelist": "file",
    "format_whitelist": _DEMUXERS,
    "codec_whitelist": _DECODERS,  # while probing, which would open a film's decoder too
}
_TELL_LENGTH: Final = frozenset({"wav", "w64", "mov", "flac", "aiff", "caf"})  # others guess it from the size
_MAX_RATE: Final = 768_000
_MAX_CHANNELS: Final = 64  # what FFmpeg mixes
_HOPELESS: Final = 1_000  # packets that cannot be decoded, where they are more than those that can


def open_container(path: Path) -> InputContainer:
    """Open a file for reading; raises av.error.FFmpegError where it is no recording."""
    # The file: prefix keeps a name from being taken for another protocol.
    return av.open(f"file:{path}", options=dict(_OPTIONS), metadata_errors="replace")


class Recording:
    """An open file, and the one audio stream of it that is heard."""

    def __init__(self, container: InputContainer, path: Path) -> None:
        """Choose the main audio stream; NoAudioError, or MediaError where nothing here can decode it."""
        best = container.streams.best("audio")
        if not isinstance(best, AudioStream):
            raise NoAudioError
        self._container = container
        self._stream = best
        self._size = path.stat().st_size
        self._position = 0
        self.tracks = len(container.streams.audio)
        self.frames_decoded = 0
        self.bad_packets = 0
        _check(best)
        for stream in container.streams:
            if stream.index != best.index:
                stream.discard = Discard.all  # not even read

    @property
    def facts(self) -> dict[str, Any]:
        """What the file is: `container` and `codec` by FFmpeg's names, `rate` in Hz, `channels`."""
        return {
            "container": self._container.format.name.partition(",")[0],
            "codec": self._stream.codec_context.name,
            "rate": self._stream.rate,
            "channels": self._stream.channels,
        }

    @property
    def declared_ms(self) -> int | None:
        """The length of this stream as a header tells it; None where none does."""
        stream, kind = self._stream, self._container.format.name.partition(",")[0]
        if kind in _TELL_LENGTH and stream.duration is not None and stream.time_base is not None:
            return int(stream.duration * stream.time_base * 1000)
        alone = len(self._container.streams) == 1  # else it may be the film that is so long
        if kind == "matroska" and alone and self._container.duration is not None:
            return self._container.duration // 1000
        return None

    @property
    def starts_s(self) -> float:
        """Where the file's clock stands when the recording begins, be it with sound or with film."""
        begins: int | None = self._container.start_time  # in microseconds
        return begins / 1_000_000 if begins is not None else 0.0

    def estimate_ms(self, done_ms: int) -> int | None:
        """The length in all: told by a header, or else by how far into the file `done_ms` of sound reach."""
        if self.declared_ms is not None:
            return self.declared_ms
        return done_ms * self._size // self._position if self._position else None

    def frames(self) -> Iterator[AudioFrame]:
        """Decoded frames; what cannot be decoded is counted and passed over, a broken end is an end."""
        for packet in self._packets():
            if packet.pos is not None:
                self._position = min(max(self._position, packet.pos + packet.size), self._size)
            for frame in self._decoded(packet):
                if frame.samples and _sane(frame.sample_rate, frame.layout.nb_channels):
                    self.frames_decoded += 1
                    yield frame
            if self.bad_packets > max(_HOPELESS, self.frames_decoded):
                return

    def _packets(self) -> "Iterator[Packet[Any]]":
        try:
            yield from self._container.demux(self._stream)
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            self.bad_packets += 1

    def _decoded(self, packet: "Packet[Any]") -> list[AudioFrame]:
        try:
            return cast("list[AudioFrame]", packet.decode())
        except av.error.EOFError:
            return []
        except av.error.FFmpegError:
            self.bad_packets += 1
            return []


def _check(stream: AudioStream) -> None:
    context: AudioCodecContext | None = stream.codec_context  # None where FFmpeg itself has no decoder
    if context is None or context.name not in _DECODERS.split(","):
        coding = "is in a coding that is not known" if context is None else f"is coded as {context.name}"
        raise MediaError(
            f"The recording cannot be decoded: its sound {coding}. Convert it to WAV or MP3 and upload it again."
        )
    if not _sane(stream.rate, stream.channels):
        raise MediaError(
            f"The recording claims {stream.channels} channels at {stream.rate} Hz; up to {_MAX_CHANNELS} channels "
            f"and {_MAX_RATE} Hz are read. The file is damaged, or no recording."
        )


def _sane(rate: int | None, channels: int) -> bool:
    return 0 < (rate or 0) <= _MAX_RATE and 0 < channels <= _MAX_CHANNELS
