"""Jobs are routed by engine: the lane that a job went into, and the lane of each worker."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_WAITING = sa.text("status = 'queued' AND rung_at IS NULL")


def upgrade() -> None:
    """Apply. The new index serves the queries of the release before, too."""
    op.add_column("job", sa.Column("lane", sa.Text(), nullable=True))
    op.add_column("worker", sa.Column("lane", sa.Text(), nullable=True))
    op.create_index(
        "job_waiting_by_engine", "job", ["tenant_id", "engine", "place", "id"], postgresql_where=_WAITING
    )
    op.drop_index("job_waiting", table_name="job")


def downgrade() -> None:
    """Take it back."""
    op.create_index("job_waiting", "job", ["tenant_id", "place", "id"], postgresql_where=_WAITING)
    op.drop_index("job_waiting_by_engine", table_name="job")
    op.drop_column("worker", "lane")
    op.drop_column("job", "lane")
