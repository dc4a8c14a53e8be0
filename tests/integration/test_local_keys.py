"""The key of the local stack."""

import asyncio
from pathlib import Path

from deploy.local.folder import DataFolder
from deploy.local.keys import key_of, make_key
from shared.database import open_pool
from tests.fixtures.keys import PEPPER


async def test_the_stack_keeps_its_key_until_it_is_revoked(tmp_path: Path, database_url: str) -> None:
    folder = DataFolder(tmp_path)
    folder.create()
    assert key_of(folder) is None
    await asyncio.to_thread(make_key, folder, database_url, PEPPER)
    first = key_of(folder)
    await asyncio.to_thread(make_key, folder, database_url, PEPPER)
    assert key_of(folder) == first
    async with await open_pool(database_url, size=2, name="test") as pool:
        assert await pool.fetchval("SELECT count(*) FROM api_key") == 1
        await pool.execute("UPDATE api_key SET revoked_at = now()")
        await asyncio.to_thread(make_key, folder, database_url, PEPPER)
        assert key_of(folder) != first
        assert await pool.fetchval("SELECT count(*) FROM api_key WHERE revoked_at IS NULL") == 1
    (file,) = (tmp_path / "passwords").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
