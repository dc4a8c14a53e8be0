"""The voice encoder: 1.6 s of speech become 256 numbers that are alike when the voice is the same.

The network is Resemblyzer's (three LSTM layers of 256, a linear layer, ReLU, unit length), run in numpy.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from worker_service.engines.local.audio import SAMPLE_RATE, Samples
from worker_service.engines.local.torch_file import Array, read_tensors

FRAMES_PER_S: Final = 100
WINDOW_FRAMES: Final = 160  # what the network was trained on
_FFT: Final = 400
_HOP: Final = SAMPLE_RATE // FRAMES_PER_S
_MELS: Final = 40
_LAYERS: Final = 3
_CELLS: Final = 256
_BATCH: Final = 128  # windows at a time: 20 MB, and large enough for the matrix products
_LOUDNESS: Final = 10 ** (-30 / 10)  # the mean power that the network was trained on
_BLOCK: Final = 8_192  # spectra at a time


class VoiceEncoder:
    """The loaded network."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self._layers = [
            (
                weights[f"lstm.weight_ih_l{n}"].T.copy(),
                weights[f"lstm.weight_hh_l{n}"].T.copy(),
                weights[f"lstm.bias_ih_l{n}"] + weights[f"lstm.bias_hh_l{n}"],
            )
            for n in range(_LAYERS)
        ]
        self._linear = weights["linear.weight"].T.copy()
        self._bias = weights["linear.bias"]
        self._filters = mel_filters()
        self._taper = np.hanning(_FFT + 1)[:-1].astype(np.float32)

    @classmethod
    def load(cls, path: Path) -> "VoiceEncoder":
        """Read the weights, which the caller has verified."""
        return cls(read_tensors(path, "model_state"))

    def spectrogram(self, samples: Samples) -> Array:
        """The mel powers of each hundredth of a second, loudness evened out; shape (frames, 40)."""
        power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
        gain = max(1.0, _LOUDNESS / power) if power > 0 else 1.0
        frames = sliding_window_view(np.pad(samples, _FFT // 2), _FFT)[::_HOP]
        mels = [
            (np.abs(np.fft.rfft(frames[at : at + _BLOCK] * self._taper, axis=1)) ** 2) @ self._filters
            for at in range(0, len(frames), _BLOCK)
        ]
        return np.asarray(np.concatenate(mels) * gain, np.float32)

    def embed(self, windows: Array) -> Array:
        """Windows of shape (n, 160, 40) become unit vectors of shape (n, 256)."""
        if not len(windows):
            return np.zeros((0, _CELLS), np.float32)
        parts = [self._run(windows[at : at + _BATCH]) for at in range(0, len(windows), _BATCH)]
        return np.concatenate(parts)

    def _run(self, windows: Array) -> Array:
        sequence = np.ascontiguousarray(windows.transpose(1, 0, 2))
        for inputs, recurrent, bias in self._layers:
            sequence = _lstm(sequence, inputs, recurrent, bias)
        raw = np.maximum(0, sequence[-1] @ self._linear + self._bias)
        return unit(np.asarray(raw, np.float32))


def unit(vectors: Array) -> Array:
    """Each row at length 1 (a row of zeros stays)."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


def _lstm(sequence: Array, inputs: Array, recurrent: Array, bias: Array) -> Array:
    """One layer over (steps, batch, features); gates in torch's order: in, forget, candidate, out."""
    steps, batch, _ = sequence.shape
    driven = (sequence.reshape(steps * batch, -1) @ inputs + bias).reshape(steps, batch, -1)
    hidden = np.zeros((batch, _CELLS), np.float32)
    cell = np.zeros((batch, _CELLS), np.float32)
    outputs = np.empty((steps, batch, _CELLS), np.float32)
    for step in range(steps):
        gates = driven[step] + hidden @ recurrent
        enter, forget, candidate, leave = np.split(gates, 4, axis=1)
        cell = _sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(candidate)
        hidden = _sigmoid(leave) * np.tanh(cell)
        outputs[step] = hidden
    return outputs


def _sigmoid(values: Array) -> Array:
    return np.asarray(0.5 * (np.tanh(0.5 * values) + 1.0), np.float32)


def mel_filters() -> Array:
    """The matrix (201, 40) from spectra to mel bands as librosa makes it: Slaney's scale and area."""
    edges = _hertz(np.linspace(0.0, _mel(SAMPLE_RATE / 2), _MELS + 2))
    bins = np.linspace(0.0, SAMPLE_RATE / 2, _FFT // 2 + 1)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins - low) / (middle - low)
    falling = (high - bins) / (high - middle)
    area = 2.0 / (high - low)
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)) * area, np.float32)


_LINEAR_HZ: Final = 200 / 3  # a mel, up to 1 kHz
_LOG_STEP: Final = np.log(6.4) / 27  # and above


def _mel(hertz: float) -> float:
    return 15 + float(np.log(hertz / 1000)) / _LOG_STEP if hertz >= 1000 else hertz / _LINEAR_HZ


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mels < 15, mels * _LINEAR_HZ, 1000 * np.exp(_LOG_STEP * (mels - 15)))
