"""The day as a drawing: what the jobs want, the places that each way has, and the jobs that wait under each."""

from collections.abc import Callable, Mapping
from typing import Final
from xml.etree import ElementTree

from benchmarks.scaling.load import DAY_S
from benchmarks.scaling.simulation import Course
from client.load_test.drawing import INK, PALE, curve, document, finished, line, rect, text

_WIDTH: Final = 960
_LEFT: Final = 72
_PLOT: Final = _WIDTH - _LEFT - 24
_TOP: Final = 96
_PLACES: Final = 280  # heights of the two plots
_WAITING: Final = 150
_GAP: Final = 64
_HEIGHT: Final = _TOP + _PLACES + _GAP + _WAITING + 40
_COLOURS: Final = ("#9aa5b1", "#d64545", "#f0b429", "#2f6fab")
_AREA: Final = "#dce9f5"
_Course = list[tuple[float, int, int, int]]


def draw(courses: Mapping[str, Course], recordings: int) -> str:
    """The SVG document; `courses` by the name of the way, ours last."""
    most = list(courses.values())[-1].most
    title = f"A day of {recordings:,} recordings, {most:,} at once at the most"
    svg = document(_WIDTH, _HEIGHT, title)
    text(svg, _LEFT, 28, title, size=16, bold=True)
    text(svg, _LEFT, 48, "Simulated: python -m benchmarks.scaling", colour="#616e7c")
    _legend(svg, list(courses))
    drawn = [course.drawn for course in courses.values()]
    ours = drawn[-1]
    highest = max(places for each in drawn for *_, places in each)
    scale = _panel(svg, _TOP, _PLACES, max(highest, *(run + wait for _, run, wait, _ in ours)), "places")
    floor = [(DAY_S, 0), (0, 0)]
    curve(
        svg,
        [scale(at, run + wait) for at, run, wait, _ in ours if at <= DAY_S] + [scale(*p) for p in floor],
        _AREA,
        fill=True,
    )
    for each, colour in zip(drawn, _COLOURS, strict=True):
        curve(svg, _stairs(each, scale, lambda sight: sight[3]), colour, fill=False)
    top = _TOP + _PLACES + _GAP
    scale = _panel(
        svg, top, _WAITING, max(wait for each in drawn for _, _, wait, _ in each), "jobs that wait"
    )
    for each, colour in zip(drawn, _COLOURS, strict=True):
        curve(svg, _stairs(each, scale, lambda sight: sight[2]), colour, fill=False)
    return finished(svg)


Scale = Callable[[float, float], tuple[float, float]]


def _panel(svg: ElementTree.Element, top: float, height: float, highest: float, name: str) -> Scale:
    """Draw the axes of a plot; returns what places a point in it."""
    bottom, most = top + height, max(highest, 1) * 1.05
    for hour in range(0, 25, 3):
        x = _LEFT + hour / 24 * _PLOT
        line(svg, x, top, x, bottom, PALE)
        text(svg, x, bottom + 16, f"{hour}:00", anchor="middle")
    line(svg, _LEFT, bottom, _LEFT + _PLOT, bottom, INK)
    step = _step(most)
    for n in range(int(most / step) + 1):
        y = bottom - n * step / most * height
        line(svg, _LEFT, y, _LEFT + _PLOT, y, PALE if n else INK)
        text(svg, _LEFT - 8, y + 4, f"{n * step:,.0f}", anchor="end")
    text(svg, _LEFT, top - 8, name, colour="#616e7c")
    return lambda at, value: (_LEFT + at / DAY_S * _PLOT, bottom - value / most * height)


def _step(most: float) -> float:
    """A round distance between lines, so that there are three to six of them."""
    return next(
        factor * 10.0**power for power in range(9) for factor in (1, 2, 5) if factor * 10.0**power * 6 >= most
    )


def _stairs(
    drawn: _Course, scale: Scale, value: Callable[[tuple[float, int, int, int]], int]
) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for sight in drawn:
        if sight[0] > DAY_S:
            break
        point = scale(sight[0], value(sight))
        if points and points[-1][1] != point[1]:
            points.append((point[0], points[-1][1]))
        points.append(point)
    return points


def _legend(svg: ElementTree.Element, names: list[str]) -> None:
    x = float(_LEFT)
    for name, colour in [*zip(names, _COLOURS, strict=True), ("jobs (ours)", _AREA)]:
        rect(svg, x, 60, 12, 10, colour)
        text(svg, x + 18, 69, name)
        x += 38 + 7 * len(name)
