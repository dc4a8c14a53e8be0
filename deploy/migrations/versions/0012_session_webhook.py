"""An address for one session"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("session", sa.Column("webhook_id", sa.Uuid(), nullable=True))
    op.add_column("session", sa.Column("webhook_url", sa.Text(), nullable=True))


def downgrade() -> None:
    """Undo."""
    op.drop_column("session", "webhook_url")
    op.drop_column("session", "webhook_id")
