"""Changes to tables that are in use: an index that is built while people write."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


def build_index(
    name: str,
    table: str,
    columns: Sequence[str],
    *,
    where: str | None = None,
    unique: bool = False,
    using: str | None = None,
) -> None:
    """Build an index without stopping writers; what an interrupted build has left is removed first.

    It commits what the migration did before, so it stands alone in its migration, or last. It waits for all
    transactions that are open when it begins, however long: the limits of other migrations would end it half-built.
    """
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = 0")
        op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
        op.create_index(
            name,
            table,
            list(columns),
            unique=unique,
            postgresql_concurrently=True,
            postgresql_where=sa.text(where) if where else None,
            postgresql_using=using or "btree",
        )
        op.execute("RESET lock_timeout")
        op.execute("RESET statement_timeout")
