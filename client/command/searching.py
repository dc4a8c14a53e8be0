"""What was said where: `search`."""

from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from client.command.filters import After, Before
from client.command.running import command
from client.command.terminal import Terminal
from client.wording import clock
from shared.transcript import Role

if TYPE_CHECKING:
    from rich.text import Text

    from client.aio import AsyncClient
    from client.models import Hit


class Sort(StrEnum):
    """What comes first."""

    RELEVANCE = "relevance"
    NEWEST = "newest"


@command(
    "search",
    ("transcripts search two offers", "both words, in any order"),
    (
        "transcripts search '\"two offers\" decid* -salary' --role client",
        "a phrase, a beginning, without a word",
    ),
    ("transcripts search 工作 --after 30d", "any characters, in sessions of the last 30 days"),
)
async def search(
    client: "AsyncClient",
    terminal: Terminal,
    *,
    words: Annotated[list[str], typer.Argument(metavar="WORD", help='Words, a "phrase", beginn*, -without')],
    session: Annotated[
        UUID | None, typer.Option(metavar="ID", help="In this session alone", show_default=False)
    ] = None,
    role: Annotated[
        Role | None, typer.Option(metavar="ROLE", help=f"Said by the {', '.join(Role)}", show_default=False)
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="TAG", help="en finds en-US too", show_default=False)
    ] = None,
    after: After = None,
    before: Before = None,
    sort: Annotated[Sort, typer.Option(help="What comes first")] = Sort.RELEVANCE,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many at most")] = 20,
) -> None:
    """Search what was said, in all transcripts of yours.

    A hit is a stretch of speech that has all that is asked for; letter case and accents do not count. On a terminal
    hits stand below their session, with the time at which they were said. Quote what begins with a dash.
    """
    found = client.transcripts.search(
        " ".join(words), session_id=session, language=language, created_after=after, created_before=before, role=role,
        sort=sort.value, limit=limit,
    )  # fmt: skip
    hits = [each async for each in found]
    if terminal.as_json:
        terminal.json(hits)
    elif not terminal.out.is_terminal:
        for hit in hits:
            terminal.line(hit.session_id, hit.n, hit.start_ms, hit.name, hit.text)
    elif hits:
        _show(terminal, hits)
    else:
        terminal.say("Nobody said that.", "dim")


def _show(terminal: Terminal, hits: "list[Hit]") -> None:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    for _, group in groupby(hits, lambda hit: hit.session_id):
        of_one = list(group)
        title = Text.assemble((of_one[0].title, "bold"), (f"  {of_one[0].session_id}", "dim"))
        terminal.show(title)
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", style="dim", no_wrap=True, min_width=7)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for hit in of_one:
            starts = hit.matches[0].start_ms if hit.matches else hit.start_ms
            table.add_row(clock(starts), Text(_who(hit), style="cyan"), _marked(hit))
        terminal.show(table)


def _who(hit: "Hit") -> str:
    name = hit.name or "?"
    return name if hit.role is Role.UNKNOWN else f"{name} ({hit.role})"


def _marked(hit: "Hit") -> "Text":
    from rich.text import Text  # noqa: PLC0415

    text = Text(hit.snippet.text)
    for match in hit.snippet.matches:
        text.stylize("bold yellow", match.start, match.end)
    return text


COMMANDS: Final = (search,)
