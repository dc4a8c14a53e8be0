"""The kinds of file that a transcript can be written as, and where to."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from client.command.terminal import Terminal
from shared.exports import FORMATS
from shared.exports.filenames import file_name

if TYPE_CHECKING:
    from client.models import Session


class Format(StrEnum):
    """What the service writes; a test compares."""

    JSON = "json"
    TXT = "txt"
    MD = "md"
    SRT = "srt"
    VTT = "vtt"
    CSV = "csv"
    DOCX = "docx"
    XLSX = "xlsx"
    PDF = "pdf"


_BINARY: Final = frozenset({Format.DOCX, Format.XLSX, Format.PDF})

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="A file, or a folder, where the file is named after the session",
        show_default=False,
    ),
]


def choice(what_for: str) -> Any:
    """The option that names a format."""
    names = ", ".join(Format)
    return typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        help=f"{what_for}: {names}",
        show_default=False,
        case_sensitive=False,
    )


def check_output(formats: Format | None, output: Path | None, sessions: int) -> None:
    """Refuse what cannot be written before anything is asked for."""
    if output is None:
        return
    if formats is None:
        raise typer.BadParameter("say which --format goes there", param_hint="--output")
    if sessions > 1 and not output.is_dir():
        raise typer.BadParameter(f"{output} is no folder; several files need one", param_hint="--output")


def write(terminal: Terminal, session: "Session", form: Format, content: bytes, output: Path | None) -> None:
    """Write a transcript to the file or folder, else to stdout; a file of Word or the like never to a terminal."""
    if output is None:
        if form in _BINARY and terminal.out.is_terminal:
            raise typer.BadParameter(
                f"{form} is not for a terminal: give --output, or redirect", param_hint="--format"
            )
        terminal.write_bytes(content)
        return
    path = output / file_name(session.title or "", FORMATS[form].extension) if output.is_dir() else output
    path.write_bytes(content)
    terminal.say(f"Wrote {path}", "dim")
