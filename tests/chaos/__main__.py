"""`python -m tests.chaos`: a long chaos run; `make chaos` calls it."""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import Outline, run


def main() -> int:
    """Run, print what happened; exit code 1 where an invariant broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=None, help="the same seed draws the same faults (default: any)"
    )
    parser.add_argument("--faults", type=int, default=60, help="how many faults, 1 to 5 s each (60)")
    parser.add_argument("--callers", type=int, default=4, help="clients at once (4)")
    parser.add_argument("--jobs", type=int, default=60, help="recordings that each client sends (60)")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    outline = Outline(seed, options.faults, options.callers, options.jobs)
    print(
        f"seed {seed}: {outline.faults} faults, {outline.callers} clients with {outline.jobs_each} recordings each"
    )
    folder = Path(tempfile.mkdtemp(prefix="transcripts-chaos-"))
    report = asyncio.run(run(folder, outline))
    print("faults   ", ", ".join(f"{name} {count}" for name, count in report.faults.most_common()))
    print("jobs     ", ", ".join(f"{status} {count}" for status, count in report.ends.most_common()))
    print(f"refused   {report.promises.refused} uploads, while a store or the API was away")
    for line in report.broken:
        print("BROKEN   ", line)
    print("every invariant holds" if not report.broken else f"logs are in {folder}")
    return int(bool(report.broken))


if __name__ == "__main__":
    sys.exit(main())
