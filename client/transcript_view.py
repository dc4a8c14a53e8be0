"""A transcript on the terminal: who said what, and when."""

from collections.abc import Iterator
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from client.models import Segment, Transcript
from client.wording import clock
from shared.transcript import Role

_STYLES: Final = ("bold cyan", "bold magenta", "bold green", "bold yellow", "bold blue", "bold red")


def show(transcript: Transcript, console: Console) -> None:
    """Print the transcript, the turns of one speaker joined."""
    for part in render(transcript):
        console.print(part)


def render(transcript: Transcript) -> Iterator[RenderableType]:
    """The heading, the warnings and the table of turns."""
    facts = [clock(transcript.duration_ms)]
    if transcript.language:
        facts.append(transcript.language)
    yield Text.assemble((transcript.title, "bold"), (f"   {', '.join(facts)}", "dim"))
    for warning in transcript.warnings:
        yield Text(f"Note: {warning.detail}", style="yellow")
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for turn in turns(transcript.segments):
        name, style = _who(transcript, turn[0].speaker)
        table.add_row(
            clock(turn[0].start_ms), Text(name, style=style), Text(" ".join(segment.text for segment in turn))
        )
    yield table


def turns(segments: tuple[Segment, ...]) -> list[list[Segment]]:
    """Segments in runs of one speaker."""
    runs: list[list[Segment]] = []
    for segment in segments:
        if runs and runs[-1][0].speaker == segment.speaker:
            runs[-1].append(segment)
        else:
            runs.append([segment])
    return runs


def _who(transcript: Transcript, number: int | None) -> tuple[str, str]:
    """A speaker's name and style; the role is told only where it is known."""
    speaker = transcript.speaker(number)
    if number is None:
        return "?", "dim"
    style = _STYLES[(number - 1) % len(_STYLES)]
    if speaker is None:
        return f"Speaker {number}", style
    if speaker.role is Role.UNKNOWN:
        return speaker.name, style
    return f"{speaker.name} ({speaker.role})", style
