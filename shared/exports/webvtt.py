"""WebVTT (.vtt): cues whose voice spans name the speaker, as browsers and players read it."""

from shared.exports.captions import Cue, cues
from shared.exports.options import ExportOptions
from shared.exports.wording import timestamp
from shared.transcript import Transcript

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def render(transcript: Transcript, options: ExportOptions) -> bytes:
    """UTF-8, LF line ends; a cue of an unknown speaker has no voice span."""
    blocks = ("WEBVTT\n", *(_block(cue) for cue in cues(transcript, options, name_changes=False)))
    return "\n".join(blocks).encode()


def _block(cue: Cue) -> str:
    # Escaping ">" everywhere also keeps "-->" out of names and text, where it would end the cue.
    text = "\n".join(cue.lines).translate(_ESCAPES)
    name = (cue.voice or "").translate(_ESCAPES)
    close = " >" if name.endswith("-") else ">"  # no "-->" with the tag's own; readers trim the name
    voice = f"<v {name}{close}" if name else ""
    return f"{timestamp(cue.start_ms)} --> {timestamp(cue.end_ms)}\n{voice}{text}\n"
