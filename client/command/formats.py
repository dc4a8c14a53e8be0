"""The kinds of file that a transcript can be written as."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from shared.exports import FORMATS

Format = StrEnum("Format", {name.upper(): name for name in FORMATS})  # type: ignore[misc]

_TEXT: Final = ("text/", "application/json", "application/x-subrip")

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="A file, or a folder where the file is named after the session",
        show_default=False,
    ),
]


def is_text(name: str) -> bool:
    """Whether a terminal can show it."""
    return FORMATS[name].media_type.startswith(_TEXT)


def choice(help_text: str) -> Any:
    """The option that names a format."""
    return typer.Option(
        "--format", "-f", metavar="FORMAT", help=f"{help_text}: {', '.join(FORMATS)}", show_default=False
    )
