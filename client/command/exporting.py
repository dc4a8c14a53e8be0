"""Transcripts out of the service: `export`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from client.command import formats
from client.command.formats import Format, Output
from client.command.ids import Ids, find_session
from client.command.running import command
from client.command.terminal import Terminal

if TYPE_CHECKING:
    from client.aio import AsyncClient


class Redacted(StrEnum):
    """What can be taken out; a test compares."""

    NAMES = "names"
    EMAILS = "emails"
    NUMBERS = "numbers"


@command(
    "export",
    ("transcripts export 019ab5d0-7c00-7a3b-9d52-3f8a1c2b4d5e", "shows who said what"),
    ("transcripts export ID -f srt --line-chars 32 > session.srt", "subtitles with short lines"),
    ("transcripts export ID -f docx -o .", "a Word file, named after the session"),
    ("transcripts export $(transcripts list -n 5 | cut -f1) -f pdf -o pdfs/", "the newest five"),
    ("transcripts export ID -f json | jq '.segments[].words'", "each word with its time"),
    ("transcripts export ID -f pdf -o . --redact names --redact numbers", "to show to others"),
)
async def export(
    client: "AsyncClient",
    terminal: Terminal,
    *,
    ids: Ids,
    form: Annotated[
        Format | None, formats.choice("A kind of file; shown or plain text when left out")
    ] = None,
    output: Output = None,
    line_chars: Annotated[
        int | None,
        typer.Option(min=10, max=200, metavar="N", help="Captions: columns of a line", show_default=False),
    ] = None,
    lines: Annotated[
        int | None,
        typer.Option(min=1, max=10, metavar="N", help="Captions: lines at once", show_default=False),
    ] = None,
    words: Annotated[
        bool | None,
        typer.Option(
            "--words/--no-words", help="JSON: each word with its time (it has them)", show_default=False
        ),
    ] = None,
    redact: Annotated[
        list[Redacted] | None,
        typer.Option(
            metavar="WHAT", help=f"Take out {', '.join(Redacted)}; may be repeated", show_default=False
        ),
    ] = None,
) -> None:
    """Write transcripts, to stdout or to files.

    On a terminal and without --format a transcript is laid out for reading. The exit code is 6 while there is none yet.
    """
    formats.check_output(form, output, len(ids))
    for some_id in ids:
        session = await find_session(client, some_id)
        if form is None and not redact and terminal.is_shown:
            from client.transcript_view import show  # noqa: PLC0415

            show(await client.transcripts.get(session.id), terminal.out)
            continue
        chosen = form or (Format.JSON if terminal.as_json else Format.TXT)
        content = await client.transcripts.export(
            session.id, chosen, max_line_chars=line_chars, max_lines=lines, words=words, redact=redact or ()
        )
        formats.write(terminal, session, chosen, content, output)


COMMANDS: Final = (export,)
