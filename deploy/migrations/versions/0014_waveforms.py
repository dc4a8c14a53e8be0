"""How loud recordings are, moment by moment"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "waveform",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("ms_per_peak", sa.Integer(), nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("ms_per_peak > 0", name="peaks_take_time"),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("session_id"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("waveform")
