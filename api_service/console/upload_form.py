"""What the form that takes recordings shows: engines and their prices, what is left of the budget, the largest file."""

from typing import Any

from api_service.access.callers import Caller
from api_service.services import Services


async def upload_form(services: Services, caller: Caller) -> dict[str, Any]:
    """What `upload/form.html` needs."""
    return {
        "engines": services.offer.resources(),
        "budget": await services.spending.budget(caller.tenant_id),
        "max_bytes": services.max_upload_bytes,
    }
