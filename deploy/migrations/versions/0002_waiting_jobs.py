"""Jobs wait in Postgres: when each was rung for, and where it stands among its tenant's."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Jobs that are active now are in the queue already."""
    now = sa.text("now()")
    op.add_column("job", sa.Column("place", sa.DateTime(timezone=True), server_default=now, nullable=False))
    op.add_column("job", sa.Column("rung_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE job SET place = queued_at, rung_at = queued_at WHERE status IN ('queued', 'running')")
    op.create_index(
        "job_waiting",
        "job",
        ["tenant_id", "place", "id"],
        postgresql_where=sa.text("status = 'queued' AND rung_at IS NULL"),
    )
    op.create_index("job_by_ring", "job", ["tenant_id", "rung_at"])
    op.create_index(
        "job_in_flight",
        "job",
        ["tenant_id"],
        postgresql_where=sa.text("status = 'running' OR status = 'queued' AND rung_at IS NOT NULL"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_index("job_in_flight", table_name="job")
    op.drop_index("job_by_ring", table_name="job")
    op.drop_index("job_waiting", table_name="job")
    op.drop_column("job", "rung_at")
    op.drop_column("job", "place")
