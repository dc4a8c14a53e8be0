"""The data folder: one stack holds it, and its secrets are for its owner alone."""

import subprocess
from pathlib import Path

import pytest

from deploy.local.folder import AlreadyRunningError, DataFolder, from_user
from shared.errors import SetupError


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.create()
    return made


def test_a_second_stack_on_the_folder_is_refused_with_the_first_one_s_address(folder: DataFolder) -> None:
    with folder.lock():
        assert folder.is_held()
        folder.write_state({"supervisor": 4711, "api": "http://127.0.0.1:8123"})
        with pytest.raises(AlreadyRunningError, match=r"4711.*8123"), DataFolder(folder.root).lock():
            pass
    assert not folder.is_held()
    with folder.lock():
        pass


def test_passwords_are_made_once_and_differ(folder: DataFolder) -> None:
    """F39: no secret is in the repository, and none that other users can read."""
    first = folder.password("postgres")
    assert len(first) >= 32
    assert first.isalnum()  # it stands in URLs as it is
    assert DataFolder(folder.root).password("postgres") == first != folder.password("redis")
    for path in folder.root.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert folder.root.stat().st_mode & 0o077 == 0


def test_a_shell_can_read_the_env_file_and_others_cannot(folder: DataFolder) -> None:
    folder.write_env({"A": "it's", "B": "$HOME; exit 3"})
    assert folder.env_file.stat().st_mode & 0o777 == 0o600
    shell = subprocess.run(
        ["/bin/sh", "-c", f'. "{folder.env_file}"; printf %s "$A|$B"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout == "it's|$HOME; exit 3"


def test_a_state_that_was_never_written_or_is_broken_is_empty(folder: DataFolder) -> None:
    assert folder.state() == {}
    folder.write_state({"api": "x"})
    assert folder.state() == {"api": "x"}
    (folder.root / "run" / "stack.json").write_text("{")
    assert folder.state() == {}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match=r"cannot be used as the data folder.*--data"):
        DataFolder(tmp_path / "file" / "data").create()


def test_what_the_user_has_set_comes_from_the_environment_and_then_from_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("REDIS_URL=redis://file\nDATABASE_URL=postgresql://file\nMAX_JOBS=\n")
    monkeypatch.setenv("REDIS_URL", "redis://environment")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("MAX_JOBS", raising=False)
    assert from_user("REDIS_URL", "DATABASE_URL", "MAX_JOBS") == {
        "REDIS_URL": "redis://environment",
        "DATABASE_URL": "postgresql://file",
    }
