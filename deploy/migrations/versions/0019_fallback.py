"""Another engine, where the caller allowed it: which, and what became of the first."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("job", sa.Column("fallback_engine", sa.Text(), nullable=True))
    op.add_column("job", sa.Column("fell_back", JSONB(), nullable=True))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("job", "fell_back")
    op.drop_column("job", "fallback_engine")
