"""Indexes for what read whole tables: a session's jobs, sessions whose time is over, what an engine has billed"""

from alembic import op

from deploy.migrations.online import build_index

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    build_index("job_by_session", "job", ["session_id"])
    build_index("session_by_expiry", "session", ["delete_after"], where="delete_after IS NOT NULL")
    build_index("usage_by_engine", "usage", ["engine", "created_at"])


def downgrade() -> None:
    """Undo."""
    for index, table in (
        ("usage_by_engine", "usage"),
        ("session_by_expiry", "session"),
        ("job_by_session", "job"),
    ):
        op.drop_index(index, table)
