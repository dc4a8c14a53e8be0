"""Long recordings in pieces, each with an operation of its own"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "job_piece",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("operation_prefix", sa.Text(), nullable=True),
        sa.CheckConstraint("start_ms < end_ms", name="piece_takes_time"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "n"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("job_piece")
