"""`python -m deploy.doctor.google.verify`: one recording through the real Google, after a price and a question."""

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.doctor.examination import google, read_settings
from deploy.local.services import RECORDING
from shared.examination.findings import Finding, Grade
from shared.google.speech import billed, micro_dollars
from shared.settings import WorkerSettings

NOT_RUN: Final = 2
RECORDING_MS: Final = 88_230  # of deploy.local's recording; a test measures it
_DATA: Final = Path(".local") / "verify-google"
_OWN: Final = ("DATABASE_URL", "REDIS_URL", "TRANSCRIPTS_STORAGE_URL", "PORT")

_DESCRIPTION: Final = """\
Transcribe the bundled recording (88 s) once with the engine google as it is set up here: real credentials, the real
bucket, the real Speech-to-Text, a bill of some cents. A stack of its own is started for it, under .local/verify-google;
the database, the queue and the recordings that the settings name are left alone.

Before anything is paid, the doctor looks at the set-up, the price is shown, and a yes is asked for. Exit code: 0 it
works, 1 it was tried and does not, 2 it was not tried and nothing was paid."""

_PROVEN: Final = """\
Proven by this run
  the Speech service agent reads and writes the bucket, and the project has billing
  the model is there, takes our options, and its results are read as they come
  audio and results are deleted from the bucket afterwards

Only your project can prove, over time
  the bill: the console's billing report shows {seconds} s of Speech-to-Text in a day or so
  the quotas: 150 calls a minute and location, unless raised; TRANSCRIPTS_GOOGLE_CALLS_PER_MINUTE says how many we make
  what a cancelled operation costs, which Google does not tell; it is booked by its progress
  recordings of hours, economy processing (up to a day), your languages, your rooms"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.doctor.google.verify",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--yes", action="store_true", help="pay without being asked")
    options = parser.parse_args(arguments)
    settings, findings = read_settings(google_only=True)
    if settings is not None:
        findings += asyncio.run(_look(settings))
    wrong = [finding for finding in findings if finding.grade is Grade.FAIL]
    if settings is None or wrong:
        print("The engine google is not set up here. Nothing was sent, nothing was paid. What is missing:\n")
        for finding in wrong:
            print(f"  {finding.subject:10}{finding.detail}")
            print(f"{'':12}→ {finding.fix}" if finding.fix else "")
        print("\ndocs/google.md tells how to set it up; make doctor ARGS=--google looks again.")
        return NOT_RUN
    if not _agreed(settings, yes=options.yes):
        print("Nothing was sent, nothing was paid.")
        return NOT_RUN
    return _transcribed(settings)


async def _look(settings: WorkerSettings) -> list[Finding]:
    return [finding async for finding in google(settings)]


def _agreed(settings: WorkerSettings, *, yes: bool) -> bool:
    """Show what it costs, and ask."""
    seconds = billed(RECORDING_MS) // 1_000
    dollars = micro_dollars(billed(RECORDING_MS), economy=False) / 1_000_000
    where = settings.google_speech_endpoint or "Google Speech-to-Text"
    print(f"{RECORDING.name} goes to {where}, paid for by the project {settings.google_project_id}.")
    print(f"Price: {seconds} s at the list price, ${dollars:.3f}; a job that is tried again costs it again.")
    if yes:
        return True
    if not sys.stdin.isatty():
        print("Nobody is there to say yes: make verify-google ARGS=--yes")
        return False
    try:
        return input("Go on? [yes/no] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _transcribed(settings: WorkerSettings) -> int:
    """The demo, on a stack of its own; an empty setting is as good as none."""
    environment = {
        **os.environ,
        **dict.fromkeys(_OWN, ""),
        "TRANSCRIPTS_GOOGLE_BUCKET": settings.google_bucket or settings.storage_url,
    }
    command = (sys.executable, "-m", "deploy.local", "demo", "--engine", "google", "--data", str(_DATA))
    try:
        code = subprocess.run(command, env=environment, check=False).returncode
    except KeyboardInterrupt:
        code = 130
    if code:
        print(f"\nIt does not work yet; what came of the job stands above, and logs are in {_DATA / 'logs'}.")
        print(
            "PERMISSION_DENIED of a file is the Speech service agent's: make doctor ARGS=--google names the grant."
        )
        return 1
    print(f"\n{_PROVEN.format(seconds=billed(RECORDING_MS) // 1_000)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
