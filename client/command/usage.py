"""What was used, and what it came to: `usage`."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from client.command.running import command
from client.command.terminal import Terminal
from client.wording import clock

if TYPE_CHECKING:
    from client.aio import AsyncClient


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("give a day such as 2026-11-24") from None


@command(
    "usage",
    ("transcripts usage", "the last 30 days, by day, engine and model"),
    ("transcripts usage --from 2026-11-01 --to 2026-11-30 --json", "a month, for programs"),
)
async def usage(
    client: "AsyncClient",
    terminal: Terminal,
    *,
    first: Annotated[
        date | None,
        typer.Option("--from", parser=_day, metavar="DAY", help="The first day, UTC", show_default=False),
    ] = None,
    last: Annotated[
        date | None,
        typer.Option("--to", parser=_day, metavar="DAY", help="The last day, included", show_default=False),
    ] = None,
) -> None:
    """Show what was used, and what it came to.

    What a session cost stays in it when the session is deleted. Every attempt counts, also one that failed after it
    was paid.
    """
    found = await client.usage.report(first=first, last=last)
    if terminal.as_json:
        terminal.json(found)
        return
    people = terminal.out.is_terminal
    columns: dict[str, Any] = {
        "day": lambda each: each.day,
        "engine": lambda each: each.engine,
        "model": lambda each: each.model,
        "attempts>": lambda each: each.attempts,
        "recordings>": lambda each: clock(each.audio_ms) if people else each.audio_ms,
        "billed>": lambda each: clock(each.billed_ms) if people else each.billed_ms,
        "cost>": lambda each: dollars(each.micro_dollars) if people else each.micro_dollars,
    }
    terminal.results(found.items, columns, empty="Nothing was used.")
    if people and found.items:
        terminal.show("")
        told = f"{clock(found.audio_ms)} of recordings, {dollars(found.micro_dollars)}"
        terminal.show(f"{found.first} to {found.last}: {told}")


def dollars(micro: int) -> str:
    """Micro-dollars as dollars, to a hundredth of a cent."""
    return f"${micro / 1e6:,.4f}"


COMMANDS: Final = (usage,)
