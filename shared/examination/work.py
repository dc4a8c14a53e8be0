"""Checks of what does the work: workers, and the queue."""

from typing import Final

from shared.examination.findings import Finding, fail, note, ok
from shared.operating.operators import Operators

_LONG_WAIT_MS: Final = 10 * 60_000


async def workers(operators: Operators) -> list[Finding]:
    """Some worker is alive, and there is one for the engine of every waiting job."""
    everyone = await operators.workers()
    alive = [row for row in everyone if row["state"] in {"running", "draining"}]
    found: list[Finding] = []
    if alive:
        places = sum(row["max_jobs"] for row in alive)
        found.append(
            ok("workers", f"{len(alive)} alive, {sum(r['running'] for r in alive)} of {places} places taken")
        )
    else:
        found.append(
            fail(
                "workers",
                "No worker was seen in the last 15 s: jobs are taken, and wait.",
                "make run-worker, or make up",
            )
        )
    lost = [row for row in everyone if row["state"] == "lost"]
    if lost:
        names = ", ".join(row["id"] for row in lost[:3])
        found.append(
            note(
                "workers",
                f"{len(lost)} ended without a goodbye in the last day: {names}. Their jobs run elsewhere.",
            )
        )
    versions = sorted({row["version"] for row in alive})
    if len(versions) > 1:
        found.append(
            note("workers", f"Several versions run: {', '.join(versions)}.", "Fine during a deployment.")
        )
    engines = {engine for row in alive for engine in row["engines"]}
    unserved = [line for line in await operators.lines("engine") if alive and line["name"] not in engines]
    return found + [
        fail(
            "engines",
            f"{line['waiting'] + line['running']} jobs want the engine {line['name']!r}, which no worker runs.",
            f"Start a worker with TRANSCRIPTS_ENGINES={line['name']}",
        )
        for line in unserved
    ]


async def queue(operators: Operators) -> list[Finding]:
    """How much waits, and whether somebody has paused it."""
    row = await operators.queue()
    found: list[Finding] = []
    if row["paused_at"] is not None:
        found.append(
            note(
                "queue",
                f"Paused since {row['paused_at']:%Y-%m-%d %H:%M} UTC: {row['pause_reason'] or 'no reason given'}.",
                "POST /v1/ops/queue/resume",
            )
        )
    counts = f"{row['running']} running, {row['due']} due, {row['deferred']} waiting for a retry"
    waited_ms = row["oldest_due_ms"] or 0
    if waited_ms > _LONG_WAIT_MS:
        found.append(
            note(
                "queue",
                f"{counts}; the oldest waits for {waited_ms // 60_000} min.",
                "Add workers, or raise --max-jobs.",
            )
        )
    else:
        found.append(ok("queue", counts))
    hour = await operators.past(3600)
    if hour["failed"] > hour["succeeded"]:
        found.append(
            note(
                "jobs",
                f"In the last hour {hour['failed']} failed and {hour['succeeded']} succeeded.",
                "GET /v1/ops/jobs?status=failed tells why",
            )
        )
    return found
