"""What a tenant may spend in a month: checked before money is spent, in turn, so that two cannot share the rest."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.database import Connection, Pool
from shared.errors import BudgetExceededError

_STATE: Final = """
SELECT b.micro_dollars_per_month AS allowed, coalesce(u.spent, 0)::bigint AS spent,
    coalesce(o.promised, 0)::bigint AS promised,
    (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC' AS renews_at
FROM (SELECT 1) one LEFT JOIN budget b ON b.tenant_id = $1
LEFT JOIN LATERAL (SELECT sum(micro_dollars) AS spent FROM usage WHERE tenant_id = $1
    AND created_at >= date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC') u ON true
LEFT JOIN LATERAL (SELECT sum(expected_micro_dollars) AS promised FROM operation
    WHERE tenant_id = $1 AND closed_at IS NULL) o ON true
"""


@dataclass(frozen=True, slots=True)
class Budget:
    """Micro-dollars of a calendar month in UTC; `allowed` is None where there is no limit."""

    allowed: int | None
    spent: int
    promised: int
    renews_at: datetime

    def check(self, expected: int = 1) -> None:
        """Raise BudgetExceededError where `expected` micro-dollars more would go over."""
        if self.allowed is None or self.spent + self.promised + expected <= self.allowed:
            return
        raise BudgetExceededError(
            f"The budget of {self.allowed / 1e6:.2f} USD a month does not allow this: {self.spent / 1e6:.2f} USD are "
            f"spent, {self.promised / 1e6:.2f} USD are promised to what runs, and this would cost some "
            f"{expected / 1e6:.2f} USD. Nothing was spent on it. The budget renews at {self.renews_at:%Y-%m-%d} 00:00 "
            "UTC; whoever runs the service can raise it.",
            renews_at=self.renews_at.isoformat(),
        )


class Budgets:
    """The budgets in Postgres; a tenant without a row has no limit."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of(self, tenant_id: str) -> Budget:
        """The tenant's budget as it stands now."""
        row = await self._pool.fetchrow(_STATE, tenant_id)
        assert row is not None
        return Budget(**dict(row.items()))

    async def set(self, tenant_id: str, micro_dollars_per_month: int | None) -> None:
        """Set the limit, or take it away with None."""
        if micro_dollars_per_month is None:
            await self._pool.execute("DELETE FROM budget WHERE tenant_id = $1", tenant_id)
            return
        await self._pool.execute(
            "INSERT INTO budget (tenant_id, micro_dollars_per_month) VALUES ($1, $2) ON CONFLICT (tenant_id)"
            " DO UPDATE SET micro_dollars_per_month = excluded.micro_dollars_per_month, updated_at = now()",
            tenant_id,
            micro_dollars_per_month,
        )


async def hold(connection: Connection, tenant_id: str, expected: int) -> None:
    """Let the caller's transaction promise `expected` micro-dollars; BudgetExceededError.

    Transactions of a tenant with a budget take turns from here to their end, so that each sees the others' promises.
    """
    if expected <= 0:
        return
    limited = await connection.fetchrow(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 1)) FROM budget WHERE tenant_id = $1", tenant_id
    )
    if limited is None:
        return
    # A statement of its own, so that it sees what was committed while this one waited for its turn.
    row = await connection.fetchrow(_STATE, tenant_id)
    assert row is not None
    Budget(**dict(row.items())).check(expected)
