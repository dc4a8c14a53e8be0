"""Uploads in Postgres: where one stands decides what is added, and whose it is who may take it away."""

from datetime import UTC, datetime, timedelta

from shared.database import open_pool, transaction
from shared.ids import new_id
from shared.tenants import DEFAULT_TENANT
from shared.uploads import StoredPart, UploadRecord, UploadRepository

HOUR = timedelta(hours=1)


async def test_bytes_are_added_where_the_upload_stands_and_nowhere_else(database_url: str) -> None:
    """F41: of two who send at once one is refused; what became a session takes no more; others see nothing."""
    now = datetime.now(UTC)
    upload = UploadRecord(
        id=new_id(), tenant_id=DEFAULT_TENANT, size=10, received=0, crc32c=0, filename=None, media_type=None,
        expected_crc32c=None, upload_metadata=None, session_id=None, expires_at=now + HOUR, created_at=now,
    )  # fmt: skip
    async with await open_pool(database_url, size=2, name="test") as pool:
        uploads = UploadRepository(pool)
        await uploads.create(upload)
        assert await uploads.add(upload.id, [StoredPart(0, 5, "one", 1)], kept_for=HOUR)
        assert await uploads.add(upload.id, [StoredPart(0, 5, "two", 1)], kept_for=HOUR) is None
        assert await uploads.add(upload.id, [StoredPart(7, 9, "gap", 1)], kept_for=HOUR) is None
        assert await uploads.parts(upload.id) == ["one"]
        await uploads.delete(upload.id, "another")
        async with transaction(pool) as connection:
            await uploads.consume(connection, upload.id, new_id())
        assert await uploads.add(upload.id, [StoredPart(5, 9, "late", 1)], kept_for=HOUR) is None
        assert (await uploads.get(upload.id, DEFAULT_TENANT)).received == 5
