"""The child that tells the voices of a recording apart, for words that another engine heard.

Run by `worker_service.voices`.
"""

from pathlib import Path
from typing import Any

from shared.transcript import Word
from worker_service.engines.local.audio import pieces
from worker_service.engines.local.speakers import Diarizer
from worker_service.serving import Emit, serve


def handle(request: dict[str, Any], _emit: Emit) -> dict[str, Any]:
    """The speaker of each of `words` ([start ms, end ms] each, in order), and what is unsure about them."""
    diarizer = Diarizer.load(Path(request["models_dir"]), request["speakers"], request["duration_ms"])
    for piece in pieces(Path(request["audio"])):
        diarizer.gather(piece)
    named, doubt = diarizer.attribute([Word("", start, end) for start, end in request["words"]])
    return {
        "speakers": [word.speaker for word in named],
        "doubt": None if doubt is None else [doubt.code, doubt.detail],
    }


if __name__ == "__main__":
    serve(handle)
