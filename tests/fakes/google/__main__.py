"""`python -m tests.fakes.google --state DIR`: run the fake in the foreground."""

import argparse
import asyncio
from pathlib import Path
from typing import Final

from tests.fakes.google.server import Options, run

_DESCRIPTION: Final = """\
A server that speaks Google's Speech-to-Text v2 (gRPC) and Cloud Storage (HTTP) on 127.0.0.1, for tests and demos.

It prints its ports as one line of JSON. What it is told, holds and bills stays in the state folder, across kills.
README.md beside this file tells how it is controlled."""


def main() -> None:
    """Read the arguments and serve until a signal ends it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fakes.google",
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
    asyncio.run(run(Options(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
