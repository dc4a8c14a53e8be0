"""The use cases of money: what was used, what may be spent, and a look at the budget before a recording is taken."""

from datetime import date
from uuid import UUID

from api_service.access.callers import Caller
from shared.database import Pool
from shared.engines import Abilities
from shared.errors import InvalidRequestError
from shared.money.budgets import Budgets
from shared.money.usage import Ledger
from shared.observation.logs import get_logger
from shared.schemas.usage import BudgetResource, UsageReport

log = get_logger(__name__)

LONGEST_DAYS = 400


class Spending:
    """What a caller sees of its money, and what an operator sets."""

    def __init__(self, pool: Pool) -> None:
        self._ledger = Ledger(pool)
        self._budgets = Budgets(pool)

    async def report(self, caller: Caller, first: date, last: date) -> UsageReport:
        """What the caller's tenant used; InvalidRequestError for days in the wrong order or too many."""
        if not 0 <= (last - first).days < LONGEST_DAYS:
            raise InvalidRequestError(
                f"`first` must not be after `last`, nor more than {LONGEST_DAYS - 1} days before it."
            )
        return UsageReport.of(first, last, await self._ledger.lines(caller.tenant_id, first, last))

    async def of_job(self, caller: Caller, job_id: UUID) -> int | None:
        """What a job came to in micro-dollars; None where nothing is booked yet."""
        return await self._ledger.of_job(caller.tenant_id, job_id)

    async def budget(self, tenant_id: str) -> BudgetResource:
        """What the tenant may spend, and has."""
        budget = await self._budgets.of(tenant_id)
        return BudgetResource(
            tenant_id=tenant_id,
            micro_dollars_per_month=budget.allowed,
            spent_micro_dollars=budget.spent,
            promised_micro_dollars=budget.promised,
            renews_at=budget.renews_at,
        )

    async def set_budget(self, caller: Caller, tenant_id: str, micro_dollars: int | None) -> BudgetResource:
        """Set or lift a tenant's limit."""
        await self._budgets.set(tenant_id, micro_dollars)
        log.warning("budget set", tenant=tenant_id, micro_dollars=micro_dollars, request_id=caller.request_id)
        return await self.budget(tenant_id)

    async def check(self, tenant_id: str, engine: Abilities) -> None:
        """BudgetExceededError where a paid engine is asked for and nothing is left; the exact check is the worker's."""
        if engine.paid:
            (await self._budgets.of(tenant_id)).check()
