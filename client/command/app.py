"""The commands put together: their order, their groups, and how their help looks."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import typer

from client.command import (
    changing,
    doctor,
    exporting,
    keys,
    load_test,
    looking,
    ops_actions,
    plan_capacity,
    searching,
    speakers,
    submitting,
    usage,
    webhooks,
)
from client.command.running import Command, Group
from shared.version import installed_version

_ABOUT: Final = """\
Recordings of coaching sessions become transcripts with speakers and roles.

Send one with `submit`; its ids come first, and `watch` goes on with them whatever happens. Commands that take an id
take that of a session or of a job.

The service is the one that TRANSCRIPTS_URL names, with the key in TRANSCRIPTS_API_KEY; both are read from .env too.
Results go to stdout, in a pipe as lines parted by tabs, or with --json as JSON; everything else goes to stderr.
"""
_CODES: Final = (
    ("0", "done"),
    ("1", "the service refused, or something broke"),
    ("2", "the command line or the set-up is wrong; nothing was sent"),
    ("3", "a job failed or was cancelled"),
    ("4", "the service does not answer"),
    ("5", "no key, a wrong one, or one that does not allow it"),
    ("6", "no transcript yet"),
    ("130", "interrupted"),
)

_WIDTH: Final = 74

SENDING: Final = "Recordings and transcripts"
ACCOUNT: Final = "Account"
RUNNING: Final = "Running the service"


def build(*, rich: bool) -> typer.Typer:
    """The application; `rich` frames and colours its help, for terminals."""
    app = _new(
        "transcripts",
        _laid_out(_ABOUT, "Exit codes", [f"{code:<4} {meaning}" for code, meaning in _CODES], rich),
        rich=rich,
    )
    app.callback()(_whole)
    for module in (submitting, looking, exporting, searching, speakers, changing):
        _add(app, module.COMMANDS, SENDING, rich=rich)
    _add(app, usage.COMMANDS, ACCOUNT, rich=rich)
    for group in (keys.GROUP, webhooks.GROUP):
        _add_group(app, group, ACCOUNT, rich=rich)
    _add_group(app, ops_actions.GROUP, RUNNING, rich=rich)
    for module in (doctor, load_test, plan_capacity):
        _add(app, module.COMMANDS, RUNNING, rich=rich)
    return app


def _tell_version(wanted: bool) -> None:
    if wanted:
        print(f"transcripts {installed_version()}")
        raise typer.Exit


def _whole(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """What the command takes before any of its commands."""


def _new(name: str, text: str, *, rich: bool) -> typer.Typer:
    return typer.Typer(
        name=name,
        help=text,
        no_args_is_help=True,
        rich_markup_mode="rich" if rich else None,
        pretty_exceptions_enable=False,  # they would show local variables, the key among them
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )


def _add_group(app: typer.Typer, group: Group, panel: str, *, rich: bool) -> None:
    inner = _new(group.name, group.help, rich=rich)
    _add(inner, group.commands, "Commands", rich=rich)
    app.add_typer(inner, rich_help_panel=panel)


def _add(app: typer.Typer, commands: Sequence[Command], panel: str, *, rich: bool) -> None:
    for each in commands:
        text = _laid_out(each.help, "Examples", list(_lines(each.examples)), rich)
        app.command(each.name, help=text, rich_help_panel=panel)(each.work)


def _lines(examples: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Each command line with what it does beside it, or below it where they would be too wide."""
    width = max((len(line) for line, _ in examples), default=0)
    beside = all(width + 3 + len(does) <= _WIDTH for _, does in examples)
    for line, does in examples:
        if beside:
            yield f"{line:<{width}}   {does}"
        else:
            yield line
            yield f"    {does}"


def _laid_out(text: str, title: str, lines: Sequence[str], rich: bool) -> str:
    """Paragraphs, then a titled list, as the two ways of showing help want them."""
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    if not lines:
        return "\n\n".join(paragraphs)
    indented = "\n".join(f"  {line}" for line in lines)
    if rich:
        from rich.markup import escape  # noqa: PLC0415

        first, *more = map(escape, paragraphs)
        shown = [first, *(f"[not dim]{each}[/]" for each in more)]
        return "\n\n".join([*shown, f"[not dim bold]{title}[/]\n[not dim]{escape(indented)}[/]"])
    return "\n\n".join([*paragraphs, f"\b\n{title}:\n{indented}"])
