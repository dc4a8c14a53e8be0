"""What operators see and do: what a worker runs, draining, pausing, and the events of a job."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    now = sa.text("now()")
    for column in ("engines", "tasks"):
        op.add_column(
            "worker", sa.Column(column, JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False)
        )
    op.add_column(
        "worker", sa.Column("drain_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_table(
        "queue_pause",
        sa.Column("alone", sa.Boolean(), server_default=sa.text("true"), primary_key=True),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.CheckConstraint("alone", name="one_pause"),
    )
    op.create_table(
        "job_event",
        sa.Column("n", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("job_id", sa.Uuid(), sa.ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("detail", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
    )
    op.create_index("job_event_by_job", "job_event", ["job_id", "n"])
    op.create_index("job_by_end", "job", ["finished_at"], postgresql_where=sa.text("finished_at IS NOT NULL"))


def downgrade() -> None:
    """Take it back."""
    op.drop_index("job_by_end", table_name="job")
    op.drop_table("job_event")
    op.drop_table("queue_pause")
    for column in ("drain_requested", "tasks", "engines"):
        op.drop_column("worker", column)
