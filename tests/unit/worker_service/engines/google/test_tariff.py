"""The price falls with what was billed this month, which the ledger tells; a ledger that is away changes nothing."""

import pytest

from shared.jobs.operations import Cost
from worker_service.engines.google import tariff as tariff_module
from worker_service.engines.google.tariff import Tariff

MINUTE = 60_000


async def test_the_month_decides_on_the_price(monkeypatch: pytest.MonkeyPatch) -> None:
    """F32: by the tiers of Google's list; economy has one price for all."""
    monkeypatch.setattr(tariff_module, "_REFRESH_S", 0.0)
    month = iter([0, 499_999 * MINUTE, 2_000_000 * MINUTE])

    async def billed() -> int:
        return next(month)

    tariff = Tariff(billed)
    prices = []
    for _ in range(3):
        await tariff.refresh()
        prices.append(tariff.cost(2 * MINUTE, economy=False).micro_dollars)
    assert prices == [2 * 16_000, 16_000 + 10_000, 2 * 4_000]
    assert tariff.cost(2 * MINUTE, economy=True) == Cost(2 * MINUTE, 2 * 3_000)


async def test_the_ledger_is_asked_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def billed() -> int:
        asked.append(1)
        if len(asked) > 1:
            raise OSError("away")
        return 2_000_000 * MINUTE

    tariff = Tariff(billed)
    for _ in range(3):
        await tariff.refresh()
    assert len(asked) == 1
    monkeypatch.setattr(tariff, "_refresh_at", 0.0)
    await tariff.refresh()
    assert len(asked) == 2
    assert tariff.cost(MINUTE, economy=False).micro_dollars == 4_000, "as it was known last"
