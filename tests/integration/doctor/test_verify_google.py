"""One recording through a Google that bills: only after a price and a yes, and never where something is missing."""

import os
import subprocess
import sys
from pathlib import Path

import av
import pytest

from deploy.doctor.google import verify
from deploy.local.services import RECORDING
from shared.settings import known_settings
from tests.fakes.google.environment import google_settings
from tests.fakes.google.process import FakeGoogle
from tests.fixtures.repository import ROOT

pytest_plugins = ("tests.fakes.google.fixtures",)


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The command with nothing but these settings, from a folder without `.env`."""
    environment = {name: value for name, value in os.environ.items() if name not in known_settings()}
    return subprocess.run(
        [sys.executable, "-m", "deploy.doctor.google.verify", *arguments],
        cwd=folder, env={**environment, "PYTHONPATH": str(ROOT), **settings}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip


def test_the_recording_is_as_long_as_the_price_says() -> None:
    with av.open(str(RECORDING)) as container:
        assert container.duration == verify.RECORDING_MS * 1_000


def test_without_credentials_it_says_what_is_missing(tmp_path: Path) -> None:
    done = run(tmp_path, "--yes", GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "none.json"))
    assert (done.returncode, done.stderr) == (verify.NOT_RUN, "")
    for told in (
        "GOOGLE_PROJECT_ID=",
        "TRANSCRIPTS_GOOGLE_BUCKET=",
        "no Google credentials",
        "nothing was paid",
    ):
        assert told in done.stdout


@pytest.mark.slow
def test_it_is_paid_for_once_and_only_after_a_yes(tmp_path: Path, google: FakeGoogle) -> None:
    rule = {"action": {"type": "Delete"}, "condition": {"age": 7}}
    google.bucket("work", lifecycle={"rule": [rule]})
    asked = run(tmp_path, **google_settings(google, "work"))
    assert asked.returncode == verify.NOT_RUN
    assert "Price: 89 s at the list price, $0.024" in asked.stdout
    assert google.ledger()["billed_ms"] == 0
    done = run(
        tmp_path, "--yes", **google_settings(google, "work"), DATABASE_URL="postgresql://127.0.0.1:1/theirs"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Proven by this run" in done.stdout
    assert google.ledger()["billed_ms"] == 89_000
    assert google.objects("work") == []


@pytest.mark.slow
def test_it_finds_what_the_doctor_cannot(tmp_path: Path, google: FakeGoogle) -> None:
    """F26: the service agent may not use the bucket, which only an operation shows."""
    rule = {"action": {"type": "Delete"}, "condition": {"age": 7}}
    google.bucket("closed", agent=False, lifecycle={"rule": [rule]})
    done = run(tmp_path, "--yes", **google_settings(google, "closed"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "PERMISSION_DENIED of a file is the Speech service agent's" in done.stdout
    assert google.ledger()["billed_ms"] == 0
