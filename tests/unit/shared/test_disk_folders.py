"""What is left of folders on a disk once their objects are deleted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.storage.disk import DiskStore
from tests.fixtures.rows import put_bytes


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[DiskStore]:
    store = DiskStore(tmp_path / "objects")
    yield store
    await store.aclose()


def folders(root: Path) -> set[str]:
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_dir()}
    return found - {".incoming"}


@pytest.mark.parametrize("prefix", ["sessions/a", "sessions/a/source"])
async def test_an_object_takes_its_empty_folders_along(store: DiskStore, tmp_path: Path, prefix: str) -> None:
    """A sweep deletes objects one by one: thousands of empty folders would stay."""
    for key in ("sessions/a/source", "sessions/b/source"):
        await put_bytes(store, key, b"x")
    assert await store.delete_prefix(prefix) == 1
    assert folders(tmp_path / "objects") == {"sessions", "sessions/b"}
    assert await store.delete_prefix("sessions/b/source") == 1
    assert folders(tmp_path / "objects") == set()
    assert (tmp_path / "objects").is_dir()


async def test_a_folder_that_is_deleted_while_an_object_goes_in_is_made_again(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost: between the making of a folder and the first name in it another process may find it empty."""
    make, emptied = Path.mkdir, list[Path]()

    def make_and_lose(self: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        make(self, mode, parents, exist_ok)
        if self.name == "a" and len(emptied) < 2:
            emptied.append(self)
            self.rmdir()

    monkeypatch.setattr(Path, "mkdir", make_and_lose)
    for key in ("sessions/a/source", "sessions/a/other"):
        await put_bytes(store, key, b"x")
    assert len(emptied) == 2
    assert await store.delete_prefix("sessions") == 2
