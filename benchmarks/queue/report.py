"""The figures as a table in Markdown, a contender a column, and the ratio to the best of the others."""

from typing import Any, Final

Results = dict[str, dict[str, Any]]

_ROWS: Final = {
    "pickup_p50_ms": "pick-up p50, ms",
    "pickup_p95_ms": "pick-up p95, ms",
    "pickup_p99_ms": "pick-up p99, ms",
    "enqueue_sequential_per_s": "enqueue one by one, /s",
    "enqueue_bulk_per_s": "enqueue in bulk, /s",
    "drain_per_s": "drain, one worker, /s",
    "drain_far_per_s": "the same, 1.4 ms away, /s",
    "drain_four_per_s": "four workers, 50 ms jobs, /s",
    "idle_cpu_percent": "idle worker, % of a core",
    "idle_requests_per_s": "idle worker, requests/s",
    "idle_rss_mb": "idle worker, MB",
    **{
        f"waiting_{jobs}_{what}": f"{jobs:,} waiting: {title}"
        for jobs in (100, 1_000, 5_000, 10_000)
        for what, title in (
            ("all_running_s", "all running, s"),
            ("mb", "MB"),
            ("cpu_percent", "% of a core"),
            ("requests_per_s", "Redis requests/s"),
            ("commands_per_s", "Redis commands/s"),
        )
    },
    "recovery_s": "running again after SIGKILL, s",
    "twice": "ran twice",
    "lost": "lost",
}


def table(results: Results, patience_s: float) -> str:
    """All figures; `-` where a contender has none, and what was given up is said to take longer."""
    names = list(results)
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for key, title in _ROWS.items():
        if any(key in figures for figures in results.values()):
            cells = [_cell(key, results[name], patience_s) for name in names]
            lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def ratios(results: Results) -> str:
    """How ours compares with the best of the others."""
    ours = results.get("leased", {})
    lines = []
    for key, title in _ROWS.items():
        others = [
            (figures[key], name) for name, figures in results.items() if name != "leased" and figures.get(key)
        ]
        if not others or not ours.get(key):
            continue
        if key.endswith("_per_s") and not key.startswith(("idle", "waiting")):
            value, name = max(others)
            lines.append(f"{title}: {ours[key] / value:.1f} x {name}")
        elif key.startswith("pickup") or key == "recovery_s":
            value, name = min(others)
            lines.append(f"{title}: {ours[key]:g} against {value:g} ({name})")
    return "\n".join(lines)


def _cell(key: str, figures: dict[str, Any], patience_s: float) -> str:
    if key not in figures:
        return "-"
    value = figures[key]
    return f"> {patience_s:g}" if value is None else f"{value:,}"
