"""What only the database can tell an alarm: jobs that stand still, budgets that run out, webhooks that are late."""

from typing import Final

from shared.database import Pool
from shared.records import Row

STUCK_S: Final = 60
"""A job whose worker is gone runs elsewhere, or has failed, within a minute (F1): what is older stands still."""

# A budget of nothing has been used up by nobody. Deliveries that were tried before wait on purpose.
_ALARMS: Final = f"""
SELECT
    (SELECT count(*) FROM job j WHERE j.status = 'running' AND j.updated_at < now() - {STUCK_S} * interval '1 second'
        AND NOT EXISTS (SELECT 1 FROM worker w WHERE w.id = j.worker AND w.stopped_at IS NULL
            AND w.seen_at > now() - {STUCK_S} * interval '1 second'))::int AS stuck,
    (SELECT coalesce(max(u.spent / nullif(b.micro_dollars_per_month, 0)), 0) FROM budget b JOIN LATERAL (
        SELECT sum(micro_dollars)::float AS spent FROM usage WHERE tenant_id = b.tenant_id
            AND created_at >= date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC') u ON true
    )::float AS budget_used,
    (SELECT coalesce(extract(epoch FROM now() - min(next_attempt_at)), 0) FROM webhook_delivery
        WHERE status = 'pending' AND next_attempt_at < now())::float AS webhooks_late_s
"""  # noqa: S608  (the parts are constants)


class Alarms:
    """Reads them, in one statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self) -> Row:
        """`stuck` jobs, the share that the tenant nearest to its budget has used, and how late webhooks are."""
        row = await self._pool.fetchrow(_ALARMS)
        assert row is not None  # three subqueries make a row
        return row
