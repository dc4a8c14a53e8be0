"""`python -m api_service`: serves the HTTP API until it is told to stop; `keys` makes and revokes keys."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from typing import Final

from api_service.access import key_commands
from shared.errors import SetupError
from shared.observation import error_reports, telemetry
from shared.observation.logs import configure
from shared.settings import ApiSettings

_EPILOG: Final = """\
Settings come from the environment and from .env in this folder; docs/settings.md lists them. Required are
DATABASE_URL, REDIS_URL and TRANSCRIPTS_STORAGE_URL. `make up` starts everything with settings of its own.

SIGTERM and Ctrl-C stop the service: it takes no more requests, ends long polls and event streams at once, and lets
uploads go on for up to 8 s. Exit code 2: the service is not set up right, and has said what to change.
"""


def main() -> int:
    """Read the settings, serve; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m api_service",
        description="The HTTP API of Coaching Transcripts.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", help="the address to bind (TRANSCRIPTS_HOST, 127.0.0.1)")
    parser.add_argument("--port", type=_port, help="the port to bind, 0 for any free one (PORT, 8000)")
    key_commands.add_parser(parser.add_subparsers(title="commands", metavar="keys"))
    parser.set_defaults(run=_serve)
    arguments = parser.parse_args()
    try:
        settings = ApiSettings.load()
        configure(settings.log_level, settings.log_format, "api")
        run: Callable[[argparse.Namespace, ApiSettings], int] = arguments.run
        return run(arguments, settings)
    except SetupError as error:
        print(error.detail, file=sys.stderr)  # noqa: T201
        return 2


def _serve(arguments: argparse.Namespace, settings: ApiSettings) -> int:
    from api_service.server import serve  # noqa: PLC0415  (a second of imports that `keys` need not pay)

    given = {name: value for name in ("host", "port") if (value := getattr(arguments, name)) is not None}
    telemetry.configure(settings, "api")
    error_reports.configure(settings, "api")
    try:
        asyncio.run(serve(settings.model_copy(update=given)))
    finally:
        telemetry.close()
        error_reports.close()
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
