"""`python -m benchmarks.queue`: all contenders, all scenarios, one run; a table on stdout and the figures as JSON."""

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from benchmarks.queue import scenarios
from benchmarks.queue.bench import BrokenContenderError
from benchmarks.queue.contenders import CACHE, CONTENDERS, Contender
from benchmarks.queue.report import Results, ratios, table
from benchmarks.queue.scenarios import FULL, QUICK, Figures, Size

_SCENARIOS: Final[dict[str, Callable[[Contender, Size], Figures]]] = {
    "pickup": scenarios.idle_and_pickup,
    "enqueue": scenarios.enqueue,
    "drain": scenarios.drain,
    "drain-far": scenarios.drain_far,
    "drain-four": scenarios.drain_four,
    "waiting": scenarios.waiting,
}
_RECOVERY: Final = "recovery"
_RECOVERY_S: Final = {False: 60.0, True: 25.0}
_EPILOG: Final = """\
Every contender runs against a fresh in-memory server of its own, in its own environment: libraries that conflict with
ours are installed once, from the registry, below .local/benchmarks/queue. Nothing else should run meanwhile; the first
line says how busy the machine is. Linux only. A full run takes about ten minutes, --quick about three.
"""


def main() -> int:
    """Measure and print; returns the exit code."""
    arguments = _arguments()
    size = QUICK if arguments.quick else FULL
    names = arguments.only or [contender.name for contender in CONTENDERS]
    chosen = [contender for contender in CONTENDERS if contender.name in names]
    wanted = arguments.scenario or [*_SCENARIOS, _RECOVERY]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for contender in chosen:
        contender.install()
    print(f"load before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores", file=sys.stderr)
    results: Results = {contender.name: {} for contender in chosen}
    for name, scenario in _SCENARIOS.items():
        for contender in chosen if name in wanted else []:
            _measure(results, contender, name, lambda it, scenario=scenario: scenario(it, size))  # type: ignore[misc]
    patience_s = _RECOVERY_S[arguments.quick]
    if _RECOVERY in wanted:
        # All at once: they do little but wait.
        with ThreadPoolExecutor(len(chosen)) as pool:
            for contender in chosen:
                pool.submit(
                    _measure, results, contender, _RECOVERY, lambda it: scenarios.recovery(it, patience_s)
                )
    print(table(results, patience_s))
    print(ratios(results), file=sys.stderr)
    _save(results, arguments.json)
    return 0


def _measure(
    results: Results, contender: Contender, name: str, scenario: Callable[[Contender], Figures]
) -> None:
    began = time.monotonic()
    try:
        figures = scenario(contender)
    except BrokenContenderError as error:
        print(f"{contender.name:15} {name:10} broken: {error}", file=sys.stderr, flush=True)
        return
    mine = results[contender.name]
    counted = Counter({key: figures.pop(key, 0) for key in ("twice", "lost")})
    for key, value in counted.items():
        mine[key] = mine.get(key, 0) + value
    mine.update(figures)
    print(
        f"{contender.name:15} {name:10} {time.monotonic() - began:5.1f} s  {figures}",
        file=sys.stderr,
        flush=True,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.queue",
        description="Our queue against stock arq, SAQ, streaq, taskiq and Celery, in one run.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer jobs, shorter windows: for a look")
    parser.add_argument(
        "--only", action="append", choices=[c.name for c in CONTENDERS], help="a contender; may be repeated"
    )
    parser.add_argument(
        "--scenario", action="append", choices=[*_SCENARIOS, _RECOVERY], help="a scenario; may be repeated"
    )
    parser.add_argument(
        "--json",
        type=Path,
        default=CACHE / "results.json",
        metavar="FILE",
        help="where the figures go (%(default)s)",
    )
    return parser.parse_args()


def _save(results: Results, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    path.write_text(json.dumps({**about, "at": time.strftime("%F %T"), "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
