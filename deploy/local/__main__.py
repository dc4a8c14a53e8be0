"""`python -m deploy.local`: the whole of Coaching Transcripts on this machine, for trying out and developing."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from deploy.local import services, summary
from deploy.local.console import Console
from deploy.local.folder import DEFAULT, DataFolder
from deploy.local.interrupts import Interrupted, interrupts
from deploy.local.services import HOME, Options, Plan
from deploy.local.stack import Stack
from shared.errors import TranscriptsError

_STOP_WAIT_S: Final = 20.0

_UP: Final = """\
Start Postgres, Redis, the API and a worker, and stay in the foreground with their logs.

The first start makes the data folder; later starts find their data again. A server that DATABASE_URL or REDIS_URL
names, in the environment or in .env, is used instead of one of our own. Ctrl-C or SIGTERM stops everything within
10 s. If a part ends by itself, the others are stopped and the exit code is 1."""

_SERVERS: Final = """\
Start Postgres and Redis alone, bring the schema up to date, and stay in the foreground.

For services that you run yourself, under a debugger or several of a kind: .local/env has what they need, and `make
run-api` and `make run-worker` read it where there is no .env. Ctrl-C or SIGTERM stops everything."""

_DEMO: Final = """\
Start the stack, transcribe a recording, print the transcript, and stop.

Without FILE it is a recording of two people that comes with the project (88 s). Sessions of the demo stay in the data
folder, where `up` finds them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    folder = DataFolder(options.data)
    run: Callable[[DataFolder, argparse.Namespace], int] = options.run
    try:
        return run(folder, options)
    except TranscriptsError as error:
        print(f"\n{error.detail}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="{up,servers,demo,status,stop}")
    up = _command(commands, "up", _up, "start everything and show the logs", _UP)
    servers = _command(commands, "servers", _servers, "start Postgres and Redis alone", _SERVERS)
    servers.set_defaults(port=None, max_jobs=None, engine=None)
    demo = _command(commands, "demo", _demo, "transcribe a recording and print the transcript", _DEMO)
    _command(commands, "status", _status, "tell what runs; exit code 1 where it does not serve", None)
    _command(commands, "stop", _stop, "stop the stack that runs on the data folder", None)
    for command in (up, demo):
        command.add_argument(
            "--port",
            type=_whole(1, 65_535),
            help="the API's port (default: PORT, the last one, 8000, or any)",
        )
        command.add_argument(
            "--max-jobs",
            type=_whole(1, 100_000),
            help="jobs that the worker holds at once (default: MAX_JOBS, 2)",
        )
        command.add_argument(
            "--engine", help="the speech engine: local, or google (default: TRANSCRIPTS_ENGINES, local)"
        )
    demo.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a recording of your own")
    demo.add_argument("--title", help="the session's title (default: the file's name)")
    demo.add_argument(
        "--language",
        help="the language spoken, such as en or zh-TW (default: en without FILE, else found out)",
    )
    demo.add_argument(
        "--speakers", type=_whole(1, 8), default=2, help="how many people speak, 1 to 8 (default: 2)"
    )
    demo.add_argument("--model", help="the engine's model")
    return parser


def _whole(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:  # argparse shows the message of an ArgumentTypeError
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return number


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[DataFolder, argparse.Namespace], int],
    summary_line: str,
    description: str | None,
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=summary_line,
        description=description or f"{summary_line[0].upper()}{summary_line[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get(HOME) or DEFAULT),
        metavar="FOLDER",
        help=f"where everything is kept (default: {HOME}, else {DEFAULT})",
    )
    command.set_defaults(run=run)
    return command


def _run_stack(
    folder: DataFolder,
    options: argparse.Namespace,
    serve: Callable[[Stack, Plan, Console], None],
    *,
    logs: bool,
    with_services: bool = True,
) -> int:
    """Start the stack, call `serve`, and stop the stack whatever happens; returns 130 where a signal ended it."""
    console = Console()
    code = 0
    folder.create()
    wanted = Options(port=options.port, max_jobs=options.max_jobs, engine=options.engine)
    with folder.lock():
        stack = Stack(folder, wanted, console, show_logs=logs, with_services=with_services)
        with interrupts(hurry=stack.kill):
            what = "Postgres, Redis, the API and a worker" if with_services else "Postgres and Redis"
            try:
                console.say(f"Starting {what} ...")
                serve(stack, stack.start(), console)
            except Interrupted:
                code = 130  # as shells have it
                console.say("\nStopping ...")
            finally:
                stack.stop()
    console.say(f"Stopped. The data stays in {folder.root}.")
    return code


def _up(folder: DataFolder, options: argparse.Namespace) -> int:
    def serve(stack: Stack, plan: Plan, console: Console) -> None:
        for line in summary.lines(stack, plan, console):
            console.say(line)
        stack.watch()

    _run_stack(folder, options, serve, logs=True)
    return 0  # a signal is how `up` is meant to end


def _servers(folder: DataFolder, options: argparse.Namespace) -> int:
    def serve(stack: Stack, _plan: Plan, console: Console) -> None:
        for line in summary.of_servers(stack, console):
            console.say(line)
        stack.watch()

    _run_stack(folder, options, serve, logs=True, with_services=False)
    return 0


def _demo(folder: DataFolder, options: argparse.Namespace) -> int:
    from deploy.local.demo import demonstrate, recording_of  # noqa: PLC0415  (rich and httpx)
    from deploy.local.keys import key_of  # noqa: PLC0415

    recording_of(options)  # before anything is started

    if folder.is_held() and (api_url := folder.state().get("api")):
        print(f"Using the stack that runs: {api_url}, its console {api_url}/console")
        demonstrate(api_url, key_of(folder), options, check=lambda: None)
        return 0

    def serve(stack: Stack, plan: Plan, console: Console) -> None:
        console.say(
            f"Everything runs: {plan.api_url}, its console {plan.api_url}/console, logs in {stack.folder.logs}"
        )
        demonstrate(plan.api_url, key_of(folder), options, check=stack.check)
        for line in summary.after_demo(console):
            console.say(line)

    return _run_stack(folder, options, serve, logs=False)


def _status(folder: DataFolder, _options: argparse.Namespace) -> int:
    state = folder.state()
    if not folder.is_held():
        print(f"Nothing runs on {folder.root}.")
        return 1
    with_services = state.get("with_services", True)
    serving = not with_services or (bool(state.get("api")) and services.ready(state["api"]))
    print(f"A stack runs on {folder.root}: process {state.get('supervisor')}.")
    for program in state.get("programs", []):
        print(f"  {program['name']:9} process {program['pid']}")
    if with_services:
        print(f"  API       {state.get('api') or 'starting'}: {'ready' if serving else 'not ready'}")
    return 0 if serving else 1


def _stop(folder: DataFolder, _options: argparse.Namespace) -> int:
    if not folder.is_held():
        print(f"Nothing runs on {folder.root}.")
        return 0
    os.kill(int(folder.state()["supervisor"]), signal.SIGTERM)
    deadline = time.monotonic() + _STOP_WAIT_S
    while folder.is_held():
        if time.monotonic() > deadline:
            print(
                "The stack does not stop. Its process may be stopped with kill -9; no data is lost.",
                file=sys.stderr,
            )
            return 1
        time.sleep(0.05)
    print("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
