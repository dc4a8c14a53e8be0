"""`python -m deploy.doctor`: what is wrong with this set-up, and how to mend it; `workers` lists who works."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from deploy.doctor.examination import examine, google, list_workers, read_settings
from shared.errors import SetupError
from shared.examination.findings import Finding, Grade, worst

_COLOURS: Final = {Grade.OK: "32", Grade.NOTE: "33", Grade.FAIL: "31"}
_EPILOG: Final = """\
Looks at the settings, this machine, the speech models, the object store, Redis, Postgres, the workers, the queue and
the API, and says for each thing that is wrong how to mend it. Where the engine google is set up, it also looks at
Google's side of it, without a call that is paid. It changes nothing. Settings come from the environment and from .env,
as for the services. Exit code: 0 nothing is broken, 1 something is.

Examples:
  make doctor
  python -m deploy.doctor --json | jq '.[] | select(.grade == "fail")'
  python -m deploy.doctor --google
  python -m deploy.doctor --api https://transcripts.example.com
  make check-workers
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.doctor",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=("everything", "workers"),
        default="everything",
        help="what to look at (everything)",
    )
    parser.add_argument(
        "--google",
        action="store_true",
        help="look at what the engine google needs, and at nothing else; with the engine set up, done in any case",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument(
        "--api",
        default=os.environ.get("TRANSCRIPTS_URL") or f"http://127.0.0.1:{os.environ.get('PORT', '8000')}",
        metavar="URL",
        help="where the API answers (TRANSCRIPTS_URL, else this machine's PORT)",
    )
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = _workers if options.what == "workers" else _everything
    return run(options)


def _everything(options: argparse.Namespace) -> int:
    settings, findings = read_settings(google_only=options.google)

    async def look() -> None:
        assert settings is not None
        async for finding in google(settings) if options.google else examine(settings, options.api):
            findings.append(finding)
            if not options.json:
                _show(finding)

    if not options.json:
        for finding in findings:
            _show(finding)
    if settings is not None:
        asyncio.run(look())
    if options.json:
        print(json.dumps([finding.as_dict() for finding in findings], indent=2))
    broken = sum(finding.grade is Grade.FAIL for finding in findings)
    if not options.json:
        print(f"\n{broken} broken." if broken else "\nNothing is broken.")
    return int(worst(findings) is Grade.FAIL)


def _show(finding: Finding) -> None:
    mark = finding.grade.upper().ljust(4)
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        mark = f"\x1b[{_COLOURS[finding.grade]}m{mark}\x1b[0m"
    print(f"{mark}  {finding.subject:10}{finding.detail}")
    if finding.fix:
        print(f"{'':16}→ {finding.fix}")


def _workers(options: argparse.Namespace) -> int:
    settings, findings = read_settings()
    if settings is None:
        print("\n".join(finding.detail for finding in findings), file=sys.stderr)
        return 1
    try:
        rows = asyncio.run(list_workers(settings))
    except SetupError as error:
        print(error.detail, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(rows, indent=2, default=str))
    else:
        print("\n".join(worker_table(rows, datetime.now(UTC))))
    return int(not any(row["state"] in {"running", "draining"} for row in rows))


def worker_table(rows: Sequence[dict[str, Any]], now: datetime) -> list[str]:
    """The workers as lines of text: tasks that are registered, who is there, and what each runs."""
    if not rows:
        return ["No worker was seen in the last day. Start one: make run-worker, or make up."]
    lines = ["Registered tasks"]
    lines += [f"  {task}" for task in sorted({task for row in rows for task in row["tasks"]})] or ["  none"]
    heads = ("WORKER", "STATE", "RUNNING", "VERSION", "ENGINES", "UP", "SEEN")
    cells = [
        (
            row["id"],
            row["state"],
            f"{row['running']}/{row['max_jobs']}",
            row["version"],
            ",".join(row["engines"]),
            _span((row["stopped_at"] or now) - row["started_at"]),
            f"{_span(now - row['seen_at'])} ago",
        )
        for row in rows
    ]
    widths = [max(len(str(line[column])) for line in [heads, *cells]) for column in range(len(heads))]
    lines += ["", "Workers"]
    lines += [
        "  " + "  ".join(str(c).ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
        for line in [heads, *cells]
    ]
    running = [(row["id"], job) for row in rows for job in row["job_ids"]]
    lines += ["", "Running jobs"] + ([f"  {job}  on {worker}" for worker, job in running] or ["  none"])
    return lines


def _span(length: Any) -> str:
    seconds = max(0, int(length.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


if __name__ == "__main__":
    sys.exit(main())
