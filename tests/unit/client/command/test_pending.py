"""What the command writes down while it sends."""

import json
import os
from pathlib import Path
from uuid import UUID

import pytest

from client.command.pending import Pending

URL = "http://service"
UPLOAD = UUID("0199b0c1-0000-7000-8000-000000000003")


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "call.wav"
    path.write_bytes(b"sound")
    return path


def test_the_same_recording_with_the_same_order_goes_on(recording: Path) -> None:
    """F45."""
    first = Pending.of(URL, recording, {"language": "en"})
    first.keep(UPLOAD)
    again = Pending.of(URL, recording, {"language": "en"})
    assert (again.key, again.upload_id) == (first.key, UPLOAD)
    assert Pending.of(URL, recording, {}).key != first.key
    assert Pending.of("http://other", recording, {"language": "en"}).key != first.key
    again.forget()
    assert Pending.of(URL, recording, {"language": "en"}).key != first.key


def test_a_file_that_has_changed_is_another(recording: Path) -> None:
    first = Pending.of(URL, recording, {})
    first.keep()
    recording.write_bytes(b"other sound")
    assert Pending.of(URL, recording, {}).key != first.key


def test_what_is_old_or_damaged_is_not_used(recording: Path) -> None:
    first = Pending.of(URL, recording, {})
    first.keep(UPLOAD)
    for content in ("", "[]", '{"key": "k", "upload_id": "x"}', json.dumps({"upload_id": str(UPLOAD)})):
        first.path.write_text(content)
        assert Pending.of(URL, recording, {}).upload_id is None
    first.keep()
    os.utime(first.path, (0, 0))
    assert Pending.of(URL, recording, {}).key != first.key


def test_a_state_that_cannot_be_written_does_no_harm(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    pending = Pending.of(URL, recording, {})
    pending.keep(UPLOAD)
    pending.forget()
