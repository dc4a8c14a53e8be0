"""An index for the trends of what was spent, which read the whole ledger"""

from alembic import op

from deploy.migrations.online import build_index

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    build_index("usage_by_age", "usage", ["created_at"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("usage_by_age", "usage")
