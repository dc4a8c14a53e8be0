"""The few shapes that our drawings are made of: SVG, no library, readable on light and dark pages."""

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree

INK: Final = "#1f2933"
PALE: Final = "#d9dfe5"


def document(width: float, height: float, title: str) -> ElementTree.Element:
    """An empty white drawing."""
    svg = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}", "role": "img",
            "font-family": "system-ui, sans-serif", "font-size": "12", "fill": INK,
        },
    )  # fmt: skip
    ElementTree.SubElement(svg, "title").text = title
    rect(svg, 0, 0, width, height, "#ffffff")
    return svg


def finished(svg: ElementTree.Element) -> str:
    """The drawing as a file's content."""
    ElementTree.indent(svg)
    return ElementTree.tostring(svg, encoding="unicode") + "\n"


def rect(svg: ElementTree.Element, x: float, y: float, width: float, height: float, colour: str) -> None:
    """A filled rectangle."""
    place = {
        "x": f"{x:.2f}",
        "y": f"{y:.2f}",
        "width": f"{width:.2f}",
        "height": f"{height:.2f}",
        "fill": colour,
    }
    ElementTree.SubElement(svg, "rect", place)


def line(svg: ElementTree.Element, x1: float, y1: float, x2: float, y2: float, colour: str) -> None:
    """A straight line."""
    place = {"x1": f"{x1:.2f}", "y1": f"{y1:.2f}", "x2": f"{x2:.2f}", "y2": f"{y2:.2f}", "stroke": colour}
    ElementTree.SubElement(svg, "line", place)


def curve(
    svg: ElementTree.Element, points: Sequence[tuple[float, float]], colour: str, *, fill: bool
) -> None:
    """A line through all points, or the area that they enclose."""
    way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    if fill:
        ElementTree.SubElement(svg, "polygon", {"points": way, "fill": colour})
    else:
        style = {"fill": "none", "stroke": colour, "stroke-width": "1.8", "stroke-linejoin": "round"}
        ElementTree.SubElement(svg, "polyline", {"points": way, **style})


def text(
    svg: ElementTree.Element,
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    size: int = 12,
    bold: bool = False,
    colour: str = INK,
) -> None:
    """A line of text."""
    attributes = {
        "x": f"{x:.2f}",
        "y": f"{y:.2f}",
        "text-anchor": anchor,
        "font-size": str(size),
        "fill": colour,
    }
    ElementTree.SubElement(svg, "text", attributes | ({"font-weight": "600"} if bold else {})).text = words
