"""The whole product with Google as its engine: what `make demo ENGINE=google-fake` runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.settings import known_settings

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_the_demo_prints_what_google_heard(tmp_path: Path) -> None:
    """F21, F22: every word of the bundled recording, once, with both speakers, and nothing left behind."""
    environment = {name: value for name, value in os.environ.items() if name not in known_settings()}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fakes.google", "--state", str(tmp_path / "google")),
            *("--bucket", "transcripts", "--recordings", "deploy/local/recordings", "--"),
            *(sys.executable, "-m", "deploy.local", "demo", "--engine", "google", "--data", str(tmp_path / "home")),
        ],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    words = (ROOT / "deploy/local/recordings/two_speakers.txt").read_text().split()
    shown = done.stdout.split("en-US", 1)[1].split("Transcribed in")[0].split()
    heard = [word for word in shown if word not in {"Speaker", "1", "2"} and not word[0].isdigit()]
    assert heard == words
