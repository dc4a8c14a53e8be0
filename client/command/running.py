"""How a command runs: with a client of the service that is asked for, and an exit code for whatever happens."""

import asyncio
import inspect
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer

from client.command.exit_codes import ExitCode
from client.command.terminal import Link, Terminal
from shared.errors import TranscriptsError

_PANEL: Final = "Connection and output"
_URL: Final = "TRANSCRIPTS_URL"
_KEY: Final = "TRANSCRIPTS_API_KEY"

DEFAULT_URL: Final = "http://127.0.0.1:8000"

Work: TypeAlias = Callable[..., Coroutine[Any, Any, ExitCode | None]]

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help=f"Where the service answers; else {_URL}, from the environment or .env, else this machine",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help=f"The API key; better {_KEY}, which other users of this machine cannot see",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write the results as JSON", rich_help_panel=_PANEL)]


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it is registered: its work, its help, and lines of examples, each with what it does."""

    name: str
    work: Callable[..., Any]
    help: str
    examples: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Group:
    """Commands about one noun."""

    name: str
    help: str
    commands: tuple[Command, ...]


def command(name: str, *examples: tuple[str, str]) -> Callable[[Work], Command]:
    """A command that talks to the service: `--url`, `--key` and `--json` are added to its options.

    Its first two parameters are the client and the terminal.
    """

    def register(work: Work) -> Command:
        return Command(name, _with_connection(work), inspect.getdoc(work) or "", examples)

    return register


def _with_connection(work: Work) -> Callable[..., None]:
    own = list(inspect.signature(work).parameters.values())[2:]
    ours = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, annotation, default in (("url", Url, None), ("key", Key, None), ("as_json", AsJson, False))
    ]

    def run(*, url: str | None, key: str | None, as_json: bool, **arguments: Any) -> None:
        terminal = Terminal(as_json=as_json)
        raise typer.Exit(code_of(terminal, lambda: _connected(work, terminal, url, key, arguments)))

    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own] + ours
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


async def _connected(
    work: Work, terminal: Terminal, url: str | None, key: str | None, arguments: dict[str, Any]
) -> ExitCode | None:
    from client.aio import AsyncClient  # noqa: PLC0415  (httpx and pydantic: help and completion do without)

    link = terminal.link = find_link(url, key)
    async with AsyncClient(link.url, key=link.key) as client:
        return await work(client, terminal, **arguments)


def find_link(url: str | None, key: str | None) -> Link:
    """What the command line names, else the environment, else `.env`, else this machine without a key."""
    chosen: dict[str, tuple[str, str]] = {}
    for source, given in ((".env", _env_file()), ("the environment", os.environ)):
        chosen |= {name: (given[name], f"{name} in {source}") for name in (_URL, _KEY) if given.get(name)}
    address, address_from = (url, "--url") if url else chosen.get(_URL, (DEFAULT_URL, "nothing else is set"))
    secret, secret_from = (key, "--key") if key else chosen.get(_KEY, (None, ""))
    return Link(address, secret, address_from, secret_from)


def _env_file() -> dict[str, str]:
    from dotenv import dotenv_values  # noqa: PLC0415

    try:
        return {name: value for name, value in dotenv_values(Path(".env")).items() if value}
    except OSError:  # it is somebody else's
        return {}


def code_of(terminal: Terminal, start: Callable[[], Coroutine[Any, Any, ExitCode | None]]) -> ExitCode:
    """Run it to its end; what it raises is told on stderr and becomes the exit code."""
    try:
        return asyncio.run(start()) or ExitCode.DONE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except TranscriptsError as error:
        return told(terminal, error)
    except BrokenPipeError:  # whoever read the output has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123  (else Python complains when it ends)
        return ExitCode.REFUSED
    except OSError as error:
        terminal.say(f"Error: {error.strerror or error}: {error.filename or 'a file or the network'}", "red")
        return ExitCode.REFUSED


def told(terminal: Terminal, error: TranscriptsError, what: str = "") -> ExitCode:
    """Say what went wrong and what to do about it; returns the exit code for it."""
    terminal.say(f"{what or 'Error'}: {error.detail}", "red")
    if advice := getattr(error, "advice", ""):
        terminal.say(advice, "dim")
    for wrong in (getattr(error, "problem", {}).get("errors") or [])[1:]:
        terminal.say(f"  {wrong.get('where')}: {wrong.get('detail')}")
    if request_id := getattr(error, "request_id", None):
        terminal.say(f"Request {request_id}", "dim")
    return exit_code(error)


def exit_code(error: TranscriptsError) -> ExitCode:
    """The code that says what kind of error it was."""
    from client import errors  # noqa: PLC0415
    from client.connection import ConnectionSettingsError  # noqa: PLC0415

    match error:
        case ConnectionSettingsError():
            return ExitCode.USAGE
        case errors.UnreachableError() | errors.UnavailableError():
            return ExitCode.UNREACHABLE
        case errors.NotAuthenticatedError() | errors.NotAllowedError():
            return ExitCode.KEY
        case errors.NotReadyError():
            return ExitCode.NOT_READY
        case errors.JobFailedError():
            return ExitCode.JOB_FAILED
    return ExitCode.REFUSED
