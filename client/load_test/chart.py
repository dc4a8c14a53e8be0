"""A load test as a drawing: each recording's way as a line, and how the whole times are spread. SVG, no library."""

import math
from collections.abc import Iterator, Sequence
from typing import Final
from xml.etree import ElementTree

from client.load_test.drawing import INK, PALE, document, finished, line, rect, text
from client.load_test.samples import Sample, Summary
from client.wording import span

_WIDTH: Final = 960
_LEFT: Final = 64
_RIGHT: Final = 24
_PLOT: Final = _WIDTH - _LEFT - _RIGHT
_TOP: Final = 84
_WAYS: Final = 300  # height of the upper plot
_GAP: Final = 64
_BARS: Final = 140
_HEIGHT: Final = _TOP + _WAYS + _GAP + _BARS + 48
_BINS: Final = 24
_COLOURS: Final = {"upload": "#9aa5b1", "wait": "#f0b429", "run": "#2f6fab", "failed": "#d64545"}
_WORDS: Final = {"upload": "upload", "wait": "waiting", "run": "running", "failed": "failed or refused"}


def draw(samples: Sequence[Sample], summary: Summary, title: str) -> str:
    """The SVG document, readable on light and dark pages."""
    svg = document(_WIDTH, _HEIGHT, title)
    text(svg, _LEFT, 28, title, size=16, bold=True)
    good = f"{summary.successful} of {summary.tasks} succeeded in {span(summary.total_s)}"
    text(svg, _LEFT, 48, f"{good}: {summary.per_minute:.1f} a minute")
    _legend(svg)
    _ways(svg, samples, summary)
    _spread(svg, [sample.total for sample in samples if sample.good and sample.total is not None])
    return finished(svg)


def _ways(svg: ElementTree.Element, samples: Sequence[Sample], summary: Summary) -> None:
    """A line a recording, from the start of its upload to its end."""
    begins = [sample.began for sample in samples if sample.began]
    start = min(begins) if begins else None
    scale = _PLOT / max(_axis(svg, summary.total_s, _TOP + _WAYS, _TOP, "since the first upload began"), 1e-9)
    step = _WAYS / max(len(samples), 1)
    thick = max(min(step * 0.8, 10.0), 0.4)
    for row, sample in enumerate(samples):
        y = _TOP + row * step + (step - thick) / 2
        if start is None or sample.began is None:
            rect(svg, _LEFT, y, 4, thick, _COLOURS["failed"])
            continue
        x = _LEFT + (sample.began - start).total_seconds() * scale
        for phase in ("upload", "wait", "run"):
            seconds = getattr(sample, phase) or 0.0
            colour = _COLOURS[phase] if sample.good or phase != "run" else _COLOURS["failed"]
            rect(svg, x, y, seconds * scale, thick, colour)
            x += seconds * scale
    text(svg, _LEFT - 8, _TOP + 10, "1", anchor="end")
    text(svg, _LEFT - 8, _TOP + _WAYS, str(len(samples)), anchor="end")


def _spread(svg: ElementTree.Element, totals: Sequence[float]) -> None:
    """How many recordings took how long, from the first byte to the transcript."""
    bottom = _TOP + _WAYS + _GAP + _BARS
    if not totals:
        return
    longest = _axis(svg, max(totals), bottom, bottom - _BARS, "from the first byte to the transcript")
    counts = histogram(totals, _BINS, longest)
    width = _PLOT / _BINS
    for n, count in enumerate(counts):
        height = count / max(counts) * (_BARS - 16)
        rect(svg, _LEFT + n * width + 1, bottom - height, width - 2, height, _COLOURS["run"])
    text(svg, _LEFT - 8, bottom - _BARS + 24, str(max(counts)), anchor="end")


def histogram(values: Sequence[float], bins: int, longest: float) -> list[int]:
    """How many values lie in each of so many equal parts of 0 to `longest`."""
    counts = [0] * bins
    for value in values:
        counts[min(int(value / longest * bins), bins - 1) if longest else 0] += 1
    return counts


def _axis(svg: ElementTree.Element, seconds: float, bottom: float, top: float, label: str) -> float:
    """Draw the axis of time with its lines; returns the seconds at its end."""
    step = _step(seconds)
    end = max(math.ceil(seconds / step), 1) * step
    for tick in _ticks(step, end):
        x = _LEFT + tick / end * _PLOT
        line(svg, x, top, x, bottom, PALE)
        text(svg, x, bottom + 16, _short(tick), anchor="middle")
    text(svg, _LEFT + _PLOT, bottom + 32, label, anchor="end", colour="#616e7c")
    line(svg, _LEFT, bottom, _LEFT + _PLOT, bottom, INK)
    return end


def _ticks(step: float, end: float) -> Iterator[float]:
    return (n * step for n in range(round(end / step) + 1))


def _step(seconds: float) -> float:
    """A round distance between lines, so that there are four to ten of them."""
    rough = max(seconds, 1e-3) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def _short(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:g} min"


def _legend(svg: ElementTree.Element) -> None:
    x = float(_LEFT)
    for name, colour in _COLOURS.items():
        rect(svg, x, 60, 12, 10, colour)
        text(svg, x + 18, 69, _WORDS[name])
        x += 34 + 7 * len(_WORDS[name])
