"""The README's first command on a machine where nothing is installed: a fresh folder, home and environment."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.repository import copy_to

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def make(target: str, folder: Path) -> str:
    """Run a target as someone does whose shell has set nothing; returns what it wrote."""
    done = subprocess.run(
        ["make", target], cwd=folder / "project",
        env={"HOME": str(folder / "home"), "PATH": f"{sys.base_prefix}/bin:/usr/bin:/bin"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_make_demo_goes_from_nothing_to_a_transcript_and_then_at_once(tmp_path: Path) -> None:
    """F44: one command, no GPU, no account, no model download at run time."""
    (tmp_path / "home").mkdir()
    copy_to(tmp_path / "project")
    first = make("demo", tmp_path)
    assert "Installing the packages" in first
    assert "Installing the speech models" in first
    for spoken in ("Mr. John Dashwood", "Speaker 1", "Speaker 2", "Transcribed in"):
        assert spoken in first
    second = make("demo", tmp_path)
    assert "Transcribed in" in second
    assert "Installing" not in second
