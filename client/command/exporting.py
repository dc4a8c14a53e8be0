"""Transcripts and recordings out of the service: `export`, `archive`, `audio`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from client.command import formats
from client.command.filters import After, Before, Language, TitlePart
from client.command.formats import Format, Output
from client.command.ids import Id, Ids, OptionalIds, find_session
from client.command.running import command
from client.command.terminal import Terminal

if TYPE_CHECKING:
    from client.aio import AsyncClient
    from client.models import Session


class Redacted(StrEnum):
    """What can be taken out; a test compares."""

    NAMES = "names"
    EMAILS = "emails"
    NUMBERS = "numbers"


Redactions = Annotated[
    list[Redacted] | None,
    typer.Option(metavar="WHAT", help=f"Take out {', '.join(Redacted)}; may be repeated", show_default=False),
]


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
    redact: Redactions = None,
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


@command(
    "archive",
    ("transcripts archive -f docx -f srt -o november.zip --after 2026-11-01", "all of a month"),
    ("transcripts archive ID ID -f pdf -o two.zip", "these two"),
)
async def archive(
    client: "AsyncClient",
    terminal: Terminal,
    *,
    ids: OptionalIds = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The zip", dir_okay=False)],
    form: Annotated[list[Format], formats.choice("Kinds of file; repeat it for several")],
    language: Language = None,
    title: TitlePart = None,
    after: After = None,
    before: Before = None,
    redact: Redactions = None,
) -> None:
    """Write the transcripts of many sessions to one zip.

    Without ids it takes every session that the filters let through. `contents.json` in it tells which files are of
    which session, and why a session has none.
    """
    sessions = [(await find_session(client, each)).id for each in ids or ()]
    await client.transcripts.archive(
        form, output, session_ids=sessions, language=language, created_after=after, created_before=before,
        q=title, redact=redact or (),
    )  # fmt: skip
    terminal.say(f"Wrote {output}", "dim")


@command(
    "audio",
    ("transcripts audio 019ab5d0-7c00-7a3b-9d52-3f8a1c2b4d5e", "under its own name, here"),
    ("transcripts audio ID -o session.m4a", "under another"),
)
async def audio(
    client: "AsyncClient",
    terminal: Terminal,
    *,
    some_id: Id,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="PATH", help="A file, or a folder for its own name", show_default=False
        ),
    ] = None,
) -> None:
    """Write a session's recording to a file, as it came.

    Where the line breaks it goes on; the file is there when it is whole.
    """
    session = await find_session(client, some_id)
    folder = output or Path()
    path = folder / _own_name(session) if folder.is_dir() else folder
    with terminal.progress(1) as board:
        await client.sessions.audio(session.id, path, on_received=board.row().received)
    terminal.say(f"Wrote {path}", "dim")


def _own_name(session: "Session") -> str:
    """The recording's name as it came, whatever system it comes from; never a path."""
    recording = session.audio
    name = (recording.filename or "") if recording else ""
    container = recording.container if recording else ""
    name = name.replace("\\", "/").rpartition("/")[2].replace("\0", "").lstrip(".")
    return name or f"{session.id}.{container or 'audio'}"


COMMANDS: Final = (export, archive, audio)
