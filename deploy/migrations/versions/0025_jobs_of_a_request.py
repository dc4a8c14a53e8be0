"""An index for the jobs that a request has made: who looks for one has its id from a log line"""

from alembic import op

from deploy.migrations.online import build_index

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    build_index("job_by_request", "job", ["request_id"], where="request_id IS NOT NULL")


def downgrade() -> None:
    """Undo."""
    op.drop_index("job_by_request", "job")
