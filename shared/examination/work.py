"""Checks of what does the work: workers, and the queue."""

from typing import Final

from shared.examination.findings import Finding, Grade, told
from shared.operating.operators import Operators

_LONG_WAIT_MS: Final = 10 * 60_000


async def workers(operators: Operators) -> list[Finding]:
    """Some worker is alive, and there is one for the engine of every waiting job."""
    everyone = await operators.workers()
    alive = [row for row in everyone if row["state"] in {"running", "draining"}]
    found: list[Finding] = []
    if alive:
        places = sum(row["max_jobs"] for row in alive)
        running = sum(row["running"] for row in alive)
        found.append(told(Grade.OK, "workers_alive", alive=len(alive), running=running, places=places))
    else:
        found.append(told(Grade.FAIL, "workers_none"))
    lost = [row for row in everyone if row["state"] == "lost"]
    if lost:
        names = ", ".join(row["id"] for row in lost[:3])
        found.append(told(Grade.NOTE, "workers_lost", lost=len(lost), names=names))
    versions = sorted({row["version"] for row in alive})
    if len(versions) > 1:
        found.append(told(Grade.NOTE, "workers_differ", versions=", ".join(versions)))
    engines = {engine for row in alive for engine in row["engines"]}
    unserved = [line for line in await operators.lines("engine") if alive and line["name"] not in engines]
    return found + [
        told(Grade.FAIL, "engine_unserved", jobs=line["waiting"] + line["running"], engine=line["name"])
        for line in unserved
    ]


async def queue(operators: Operators) -> list[Finding]:
    """How much waits, and whether somebody has paused it."""
    row = await operators.queue()
    found: list[Finding] = []
    if row["paused_at"] is not None:
        since = f"{row['paused_at']:%Y-%m-%d %H:%M}"
        found.append(
            told(Grade.NOTE, "queue_paused", since=since, why=row["pause_reason"])
            if row["pause_reason"]
            else told(Grade.NOTE, "queue_paused_silently", since=since)
        )
    counts = {"running": row["running"], "due": row["due"], "deferred": row["deferred"]}
    waited_ms = row["oldest_due_ms"] or 0
    if waited_ms > _LONG_WAIT_MS:
        found.append(told(Grade.NOTE, "queue_waits", **counts, minutes=waited_ms // 60_000))
    else:
        found.append(told(Grade.OK, "queue_moves", **counts))
    hour = await operators.past(3600)
    if hour["failed"] > hour["succeeded"]:
        found.append(told(Grade.NOTE, "jobs_fail", failed=hour["failed"], succeeded=hour["succeeded"]))
    return found
