"""By what a database shows that it is the one that sweeps its object store, and no copy of it"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "store_claim",
        sa.Column("alone", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("previous", sa.Uuid(), nullable=True),
        sa.Column("held_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("alone", name="one_claim"),
        sa.PrimaryKeyConstraint("alone"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("store_claim")
