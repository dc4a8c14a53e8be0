"""Where a command writes: results to stdout, everything else to stderr; plain where it is not a terminal."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console, RenderableType
    from rich.text import Text

    from client.progress import Board


_GAP: Final = 2
_NARROW: Final = 12  # columns that the last cell of a table keeps on a narrow screen


@dataclass(frozen=True, slots=True)
class Link:
    """The service that a command talks to, and where its address and key come from."""

    url: str
    key: str | None = field(repr=False)
    url_from: str
    key_from: str


class Terminal:
    """Stdout and stderr of one command; `as_json` asks for machine-readable results."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.link: Link | None = None

    @cached_property
    def out(self) -> "Console":
        """For results."""
        from rich.console import Console  # noqa: PLC0415  (help and completion do without)

        return Console(highlight=False, soft_wrap=not sys.stdout.isatty())

    @cached_property
    def err(self) -> "Console":
        """For progress, hints and errors."""
        from rich.console import Console  # noqa: PLC0415

        return Console(stderr=True, highlight=False)

    def progress(self, recordings: int) -> "AbstractContextManager[Board]":
        """Bars over recordings, on stderr; lines where that is no terminal, or where JSON is written beside it."""
        from client.progress import Lines, progress_board  # noqa: PLC0415

        return Lines(self.err) if self.as_json else progress_board(self.err, recordings)

    @property
    def is_shown(self) -> bool:
        """Whether a person reads the results as they come."""
        return self.out.is_terminal and not self.as_json

    def say(self, text: str, style: str = "") -> None:
        """A line beside the results."""
        self.err.print(text, style=style or None, markup=False, soft_wrap=True)

    def show(self, part: "RenderableType") -> None:
        """A result for people."""
        self.out.print(part)

    def line(self, *cells: Any) -> None:
        """A plain line of results, cells parted by tabs; never wrapped, never coloured."""
        self.write("\t".join(_plain(cell) for cell in cells) + "\n")

    def write(self, text: str) -> None:
        """Text to stdout as it is."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def write_bytes(self, content: bytes) -> None:
        """Bytes to stdout as they are."""
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()

    def json(self, value: Any, *, indent: int | None = 2) -> None:
        """A JSON document; models are written with every member that the service sent."""
        self.write(json.dumps(value, ensure_ascii=False, indent=indent, default=_jsonable) + "\n")

    def results(
        self, items: Sequence[Any], columns: Mapping[str, Callable[[Any], Any]], *, empty: str = "Nothing."
    ) -> None:
        """Items as JSON, as a table, or as lines of tabs; a column whose name ends in `>` is flush right."""
        if self.as_json:
            self.json(list(items))
        elif not self.out.is_terminal:
            for item in items:
                self.line(*(cell(item) for cell in columns.values()))
        elif not items:
            self.say(empty, "dim")
        else:
            self.show(_table(items, columns, self.out.width))


def facts(pairs: Iterable[tuple[str, Any]]) -> "RenderableType":
    """Names and values below each other; those without a value are left out."""
    from rich.table import Table  # noqa: PLC0415

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs:
        if value not in (None, "", ()):
            grid.add_row(name, value if hasattr(value, "__rich_console__") else _text(value))
    return grid


def _table(
    items: Sequence[Any], columns: Mapping[str, Callable[[Any], Any]], screen: int
) -> "RenderableType":
    """One line an item: empty columns are left out, and the last one is cut where it is too wide."""
    from rich.table import Table  # noqa: PLC0415

    cells = {name: [_text(cell(item)) for item in items] for name, cell in columns.items()}
    shown = {name: texts for name, texts in cells.items() if any(texts)}
    widths = [max(len(name.rstrip(">")), *(text.cell_len for text in texts)) for name, texts in shown.items()]
    left = screen - sum(widths[:-1]) - _GAP * len(widths)
    widths[-1] = min(widths[-1], max(left, _NARROW))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _GAP, 0, 0))
    for name, width in zip(shown, widths, strict=True):
        justify: Literal["left", "right"] = "right" if name.endswith(">") else "left"
        table.add_column(name.rstrip(">"), justify=justify, no_wrap=True, overflow="ellipsis", width=width)
    for row in zip(*shown.values(), strict=True):
        table.add_row(*row)
    return table


def _text(value: Any) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    return value if isinstance(value, Text) else Text("" if value is None else str(value))


def _plain(value: Any) -> str:
    text = "" if value is None else str(value)
    return " ".join(text.split())  # a tab or a line break within would make two of one


def _jsonable(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return list(value) if isinstance(value, tuple | set | frozenset) else str(value)
