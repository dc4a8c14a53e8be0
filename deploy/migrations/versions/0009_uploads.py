"""Resumable uploads, and sessions whose recording is still to be fetched"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_KNOWN_LATER: dict[str, sa.types.TypeEngine[Any]] = {
    "audio_container": sa.Text(),
    "audio_size": sa.BigInteger(),
    "audio_sha256": sa.Text(),
}


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "upload",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("crc32c", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("filename", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("expected_crc32c", sa.BigInteger(), nullable=True),
        sa.Column("upload_metadata", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("received BETWEEN 0 AND size", name="received_within_size"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("upload_by_expiry", "upload", ["expires_at"], unique=False)
    op.create_table(
        "upload_part",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("upload_id", "start"),
    )
    for column, kind in _KNOWN_LATER.items():
        op.alter_column("session", column, existing_type=kind, nullable=True)
    op.add_column("session", sa.Column("audio_source", sa.Text(), nullable=True))


def downgrade() -> None:
    """Undo; sessions whose recording never came are deleted, since the older schema has no place for them."""
    op.execute(
        "DELETE FROM session WHERE audio_container IS NULL OR audio_size IS NULL OR audio_sha256 IS NULL"
    )
    op.drop_column("session", "audio_source")
    for column, kind in _KNOWN_LATER.items():
        op.alter_column("session", column, existing_type=kind, nullable=False)
    op.drop_table("upload_part")
    op.drop_table("upload")
