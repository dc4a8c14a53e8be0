"""What the HTTP API gives of a recording's waveform."""

from base64 import b64encode
from typing import Self

from pydantic import ConfigDict, Field

from shared.schemas.base import Resource
from shared.waveforms import Waveform


class WaveformResource(Resource):
    """How loud a recording is, moment by moment: enough to draw it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ms_per_peak": 25, "peaks": "AAAMOH+3x8C9rZUk"}]}
    )

    ms_per_peak: int = Field(
        description="25, 50, 100 …: the longer the recording, the more; 131,072 peaks at most"
    )
    peaks: str = Field(
        description="Base64; a byte a peak: 255 is full scale, each less a quarter of a decibel less, 0 is silence",
        json_schema_extra={"contentEncoding": "base64"},
    )

    @classmethod
    def of(cls, waveform: Waveform) -> Self:
        """The resource of a waveform."""
        return cls(ms_per_peak=waveform.ms_per_peak, peaks=b64encode(waveform.peaks).decode())
