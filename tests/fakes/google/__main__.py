"""`python -m tests.fakes.google --state DIR [--grpc-port N] [--http-port N]`: run the fake."""

import argparse
import asyncio
from pathlib import Path

from tests.fakes.google.server import run


def main() -> None:
    """Read the arguments and serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.google", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="a folder; the same one after a restart")
    parser.add_argument("--grpc-port", type=int, default=0, help="0: any free port")
    parser.add_argument("--http-port", type=int, default=0, help="0: any free port")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.state, arguments.grpc_port, arguments.http_port))


if __name__ == "__main__":
    main()
