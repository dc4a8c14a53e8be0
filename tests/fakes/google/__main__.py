"""`python -m tests.fakes.google --state DIR`: run the fake in the foreground, or beside a command."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

from tests.fakes.google.environment import run_beside
from tests.fakes.google.server import Options, run

_DESCRIPTION: Final = """\
A server that speaks Google's Speech-to-Text v2 (gRPC) and Cloud Storage (HTTP) on 127.0.0.1, for tests and demos.

It prints its ports as one line of JSON. What it is told, holds and bills stays in the state folder, across kills.
README.md beside this file tells how it is controlled.

With a COMMAND after `--` it runs beside that command, whose environment then has the settings of a worker that takes
this server for Google, and ends with it:

  python -m tests.fakes.google --state .local/google-fake -- python -m deploy.local demo --engine google"""


def main() -> int:
    """Read the arguments and serve until a signal ends it; returns the exit code."""
    ours, command = sys.argv[1:], []
    if "--" in ours:
        at = ours.index("--")
        ours, command = ours[:at], ours[at + 1 :]
    parser = argparse.ArgumentParser(
        prog="python -m tests.fakes.google",
        usage="%(prog)s --state DIR [options] [-- COMMAND ...]",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--state", type=Path, required=True, metavar="DIR", help="a folder; the same one after a restart"
    )
    parser.add_argument("--grpc-port", type=int, default=0, metavar="N", help="default: any free port")
    parser.add_argument("--http-port", type=int, default=0, metavar="N", help="default: any free port")
    parser.add_argument(
        "--recordings",
        type=Path,
        metavar="DIR",
        help="recordings that it knows, such as deploy/local/recordings",
    )
    parser.add_argument("--bucket", metavar="NAME", help="a bucket to make where it is missing")
    options = Options(**vars(parser.parse_args(ours)))
    if command:
        return run_beside(options, command)
    asyncio.run(run(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
