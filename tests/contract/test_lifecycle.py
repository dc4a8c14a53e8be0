"""The life of a job through HTTP, in any order of what callers and workers do."""

import asyncio
import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.lifecycle_machine import LifecycleMachine
from tests.integration.api.conftest import running_api

# LIFECYCLE_EXAMPLES=500 pytest --timeout 0 tests/contract/test_lifecycle.py: a longer run, of other orders each time.
EXAMPLES = int(os.environ.get("LIFECYCLE_EXAMPLES", "6"))


async def test_callers_and_workers_in_any_order(database_url: str, redis_url: str, tmp_path: Path) -> None:
    """F1, F9, F12, F15: ends are final, progress goes forward, and what was answered is what is read later."""
    wanted = settings(
        max_examples=EXAMPLES,
        stateful_step_count=25,
        deadline=None,
        derandomize=EXAMPLES == 6,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    async with running_api(database_url, redis_url, tmp_path) as api:
        LifecycleMachine.api, LifecycleMachine.loop = api, asyncio.get_running_loop()
        await asyncio.to_thread(run_state_machine_as_test, LifecycleMachine, settings=wanted)
