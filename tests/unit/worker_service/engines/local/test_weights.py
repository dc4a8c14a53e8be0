"""Tests of the check that stands before every load."""

import hashlib
from pathlib import Path

import pytest

from shared.errors import EngineMisconfiguredError
from worker_service.engines.local.weights import Weights, is_folder, sha256, verify

CONTENT = b"numbers" * 1000
WEIGHTS = Weights("some", {"a.bin": hashlib.sha256(CONTENT).hexdigest()}, install="make models")


def test_the_right_file_passes(tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some/a.bin").write_bytes(CONTENT)
    assert sha256(tmp_path / "some/a.bin") == WEIGHTS.sha256["a.bin"]
    assert verify(WEIGHTS, tmp_path) == tmp_path / "some"


def test_a_missing_file_names_the_command_that_brings_it(tmp_path: Path) -> None:
    with pytest.raises(EngineMisconfiguredError, match=r"cannot be read.*make models"):
        verify(WEIGHTS, tmp_path)


def test_a_changed_file_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some/a.bin").write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(EngineMisconfiguredError, match=r"not loaded.*make models"):
        verify(WEIGHTS, tmp_path)


@pytest.mark.parametrize(
    ("model", "folder"),
    [
        ("base", False),
        ("large-v3", False),
        ("Systran/faster-whisper-small", False),
        ("/m", True),
        ("./m", True),
    ],
)
def test_a_path_is_told_from_a_name(model: str, folder: bool, tmp_path: Path) -> None:
    assert is_folder(model) is folder
    assert is_folder(str(tmp_path))
