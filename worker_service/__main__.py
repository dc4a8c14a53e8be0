"""`python -m worker_service --max-jobs N`: runs jobs until it is told to stop."""

import argparse
import asyncio
import sys
from typing import Final

from shared.errors import SetupError
from shared.observation import error_reports, telemetry
from shared.observation.logs import configure
from shared.settings import WorkerSettings
from worker_service.main import serve
from worker_service.observation.health import web_port

_EPILOG: Final = """\
Settings come from the environment and from .env in this folder; docs/settings.md lists them. Required are
DATABASE_URL, REDIS_URL and TRANSCRIPTS_STORAGE_URL. `make up` starts everything with settings of its own.

How many jobs? With a cloud engine a job mostly waits and costs a few kilobytes: hundreds are fine. With the local
engine TRANSCRIPTS_CPU_JOBS of them compute at once, and the others wait for their turn.

SIGTERM and Ctrl-C stop the worker within 10 s: its jobs are handed over to other workers, and no attempt is counted
against them. A second signal ends it at once; its jobs run elsewhere when its lease has ended. Exit code 2: the worker
is not set up right, and has said what to change.
"""


def main() -> int:
    """Read the settings, serve; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m worker_service",
        description="A worker of Coaching Transcripts: takes jobs from the queue and transcribes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--max-jobs", type=_jobs, metavar="N", help="jobs held at once, 1 to 100000 (MAX_JOBS, 2)"
    )
    parser.add_argument(
        "--engines",
        metavar="NAMES",
        help="engines to run, by comma: local, google (TRANSCRIPTS_ENGINES, local)",
    )
    parser.add_argument(
        "--health-port", type=_port, metavar="PORT",
        help="serve /healthz, /readyz and /metrics on this port, 0 for any free one (TRANSCRIPTS_HEALTH_PORT, none)",
    )  # fmt: skip
    parser.add_argument(
        "--as-web-service",
        action="store_true",
        help="serve them to all addresses on PORT (8080): for platforms that run only what answers there",
    )
    arguments = vars(parser.parse_args())
    try:
        settings = WorkerSettings.load()
        if arguments.pop("as_web_service"):
            arguments |= {"health_host": "0.0.0.0", "health_port": web_port()}  # noqa: S104  (as it says)
        given = {name: value for name, value in arguments.items() if value is not None}
        settings = settings.model_copy(update=given)
        configure(settings.log_level, settings.log_format, "worker")
        telemetry.configure(settings, "worker")
        error_reports.configure(settings, "worker")
        try:
            asyncio.run(serve(settings))
        finally:
            telemetry.close()
            error_reports.close()
    except SetupError as error:
        print(error.detail, file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return int(text)


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of jobs: give one from 1 to 100000")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
