"""Which operations have left nothing in their engine's store"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("operation", sa.Column("discarded_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE operation SET discarded_at = closed_at WHERE closed_at < now() - interval '1 day'")
    op.create_index(
        "operation_undiscarded",
        "operation",
        ["closed_at"],
        postgresql_where=sa.text("closed_at IS NOT NULL AND discarded_at IS NULL"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index("operation_undiscarded", "operation")
    op.drop_column("operation", "discarded_at")
