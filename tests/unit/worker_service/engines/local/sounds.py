"""Writes small FLAC files of the form that the worker prepares."""

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


def write_flac(path: Path, samples: NDArray[np.int16], *, rate: int = 16_000, layout: str = "mono") -> Path:
    """Samples of shape (n,), or (n, 2) for stereo, as a FLAC file."""
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path
