"""What was used, what it came to, and what may be spent."""

from datetime import date
from urllib.parse import quote

from client.calls.reading import ask, query
from client.models import Budget, Usage
from client.plans import Plan


def report(*, first: date | None = None, last: date | None = None) -> Plan[Usage]:
    """By day, engine and model, both days included (UTC); the last 30 days when left out."""
    return ask(Usage, "GET", "/v1/usage", params=query({"first": first, "last": last}))


def budget() -> Plan[Budget]:
    """What may be spent this month."""
    return ask(Budget, "GET", "/v1/usage/budget")


def budget_of(tenant_id: str) -> Plan[Budget]:
    """A tenant's budget; the scope `ops` opens it."""
    return ask(Budget, "GET", f"/v1/ops/tenants/{quote(tenant_id, safe='')}/budget")


def set_budget_of(tenant_id: str, micro_dollars_per_month: int | None) -> Plan[Budget]:
    """Set what a tenant may spend in a calendar month; None takes the limit away. The scope `ops` opens it."""
    body = {"micro_dollars_per_month": micro_dollars_per_month}
    return ask(Budget, "PUT", f"/v1/ops/tenants/{quote(tenant_id, safe='')}/budget", body={"json": body})
