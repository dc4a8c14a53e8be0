"""Terms of segments"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Segments that are there already are indexed by the workers' sweep."""
    op.add_column("transcript_segment", sa.Column("search", postgresql.TSVECTOR(), nullable=True))
    op.create_index("transcript_segment_by_term", "transcript_segment", ["search"], postgresql_using="gin")
    op.create_index(
        "transcript_segment_unindexed",
        "transcript_segment",
        ["session_id"],
        postgresql_where=sa.text("search IS NULL"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index("transcript_segment_unindexed", table_name="transcript_segment")
    op.drop_index("transcript_segment_by_term", table_name="transcript_segment")
    op.drop_column("transcript_segment", "search")
