"""What each operation came to, beside the sum of its attempt"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("operation", sa.Column("billed_ms", sa.BigInteger(), nullable=True))
    op.add_column("operation", sa.Column("micro_dollars", sa.BigInteger(), nullable=True))
    op.add_column("operation", sa.Column("estimated", sa.Boolean(), nullable=True))


def downgrade() -> None:
    """Undo."""
    for name in ("billed_ms", "micro_dollars", "estimated"):
        op.drop_column("operation", name)
