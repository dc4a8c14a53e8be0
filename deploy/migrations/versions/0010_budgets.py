"""What tenants may spend."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "budget",
        sa.Column("tenant_id", sa.Text(), primary_key=True),
        sa.Column("micro_dollars_per_month", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("micro_dollars_per_month >= 0", name="budget_not_negative"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("budget")
