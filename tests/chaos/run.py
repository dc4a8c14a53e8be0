"""A chaos run: callers and faults side by side, then quiet, then the invariants."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.callers import Caller, Promises
from tests.chaos.faults import FAULTS
from tests.chaos.invariants import broken, settle
from tests.chaos.site import LEASE_S, a_site, connect, serving


@dataclass(frozen=True)
class Outline:
    """How long a run is; the same seed draws the same faults and the same wishes of callers."""

    seed: int
    faults: int
    callers: int
    jobs_each: int


@dataclass
class Report:
    """What a run did, and what did not hold."""

    outline: Outline
    faults: Counter[str] = field(default_factory=Counter)
    promises: Promises = field(default_factory=Promises)
    ends: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


async def run(folder: Path, outline: Outline) -> Report:
    """Run it; raises AssertionError where jobs do not end or a caller is given a 500."""
    report = Report(outline)
    dice = random.Random(outline.seed)  # noqa: S311  (the same seed must draw the same)
    async with a_site(folder) as site:
        await serving(site)
        seeds = [dice.random() for _ in range(outline.callers)]
        callers = [Caller(site.api_url, report.promises, random.Random(seed)) for seed in seeds]  # noqa: S311
        async with asyncio.TaskGroup() as tasks:
            for caller in callers:
                tasks.create_task(caller.run(outline.jobs_each))
            for fault in dice.choices(FAULTS, k=outline.faults):
                await asyncio.sleep(dice.uniform(0, LEASE_S))
                report.faults[fault.__name__] += 1
                await fault(site, dice)
        await settle(site)
        report.broken = await broken(site, report.promises)
        connection = await connect(site)
        rows = await connection.fetch("SELECT status, count(*) AS n FROM job GROUP BY 1")
        await connection.close()
        report.ends.update({row["status"]: row["n"] for row in rows})
    return report
