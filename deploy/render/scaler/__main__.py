"""`python -m deploy.render.scaler`: keeps Render's workers as many as the jobs want."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from client.aio import AsyncClient
from client.connection import KEY, URL
from client.errors import ClientError
from deploy.render.scaler.policy import Limits
from deploy.render.scaler.render_api import API, MOST_INSTANCES, RenderApi, RenderError
from deploy.render.scaler.rounds import Scaler
from shared.observation.logs import configure

_SECRET: Final = "RENDER_API_KEY"  # noqa: S105  (a variable's name)
_EPILOG: Final = f"""\
Reads GET /v1/ops/scaling of the API ({URL}, and {KEY} with the scope ops) and sets the number
of instances of a Render background worker ({_SECRET}). Instances to have:

  ceil(places wanted x margin / max jobs), from --min to --max

Up at once. Down when fewer were enough for --quiet minutes without a gap in the watch. While the API cannot be read
nothing is changed; while Render refuses it is asked again later. Render's own autoscaling must be off. Run one scaler
for a service, as a small background worker of its own. Each round logs what it did and why.
Exit codes: 0 stopped, 1 Render refuses the key or the service, 2 not set up right.

Examples:
  python -m deploy.render.scaler --service srv-abc123 --max-jobs 50 --max 10
  python -m deploy.render.scaler --service srv-abc123 --max-jobs 50 --dry-run
  python -m deploy.render.scaler --service srv-gpu456 --max-jobs 2 --engines local --quiet 15
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    key = os.environ.get(_SECRET, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        print(
            f"{_SECRET} is not set, or is no key: make one under Account Settings in Render.", file=sys.stderr
        )
        return 2
    try:
        limits = Limits(
            max_jobs=options.max_jobs,
            least=options.min,
            most=options.max,
            margin=options.margin,
            quiet_s=options.quiet * 60,
            most_up=options.up,
            most_down=options.down,
        )
        configure("INFO", "auto", "scaler")
        asyncio.run(_run(options, limits, key))
    except (ValueError, ClientError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    except RenderError as error:
        print(f"{error} Nothing was changed.", file=sys.stderr)
        return 1
    return 0


async def _run(options: argparse.Namespace, limits: Limits, key: str) -> None:
    render = RenderApi(key, options.service, url=options.render_url)
    try:
        async with AsyncClient() as client:
            scaler = Scaler(
                client,
                render,
                limits,
                every_s=options.every,
                engines=[name.strip() for name in options.engines.split(",") if name.strip()],
                dry_run=options.dry_run,
            )
            if options.once:
                await scaler.once()
                return
            rounds = asyncio.ensure_future(scaler.run())
            for signum in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(signum, rounds.cancel)
            await asyncio.wait([rounds])
            if not rounds.cancelled():
                rounds.result()
    finally:
        await render.aclose()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.render.scaler",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    take = parser.add_argument
    take("--service", required=True, metavar="ID", help="the worker to scale: srv-…")
    take(
        "--max-jobs",
        required=True,
        type=_count,
        metavar="N",
        help="places of one instance: MAX_JOBS of the worker",
    )
    _add_limits(parser)
    take("--every", type=_seconds, default=15.0, metavar="S", help="seconds between rounds, 5 or more (15)")
    take(
        "--engines",
        metavar="NAMES",
        default="",
        help="scale on the jobs of these alone, by comma: what the workers run",
    )
    take("--dry-run", action="store_true", help="say what would be done, and do nothing")
    take(
        "--once", action="store_true", help="one round, then stop; never fewer instances: there was no watch"
    )
    take("--render-url", default=API, metavar="URL", help=argparse.SUPPRESS)
    return parser


def _add_limits(parser: argparse.ArgumentParser) -> None:
    take = parser.add_argument
    take("--min", type=_instances, default=1, metavar="N", help="instances at the least (1)")
    take(
        "--max",
        type=_instances,
        default=10,
        metavar="N",
        help=f"at the most (10; {MOST_INSTANCES} is Render's own limit)",
    )
    take("--margin", type=float, default=1.2, metavar="X", help="places for each that is wanted (1.2)")
    take("--quiet", type=float, default=5.0, metavar="MIN", help="minutes in which fewer were enough (5)")
    take("--up", type=_count, default=20, metavar="N", help="instances added in one step (20)")
    take("--down", type=_count, default=5, metavar="N", help="instances taken away in one step (5)")


def _count(text: str) -> int:
    return _number(text, 1, 100_000)


def _instances(text: str) -> int:
    return _number(text, 1, MOST_INSTANCES)


def _number(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 5 <= value <= 3_600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 5 to 3600")
    return value


if __name__ == "__main__":
    sys.exit(main())
