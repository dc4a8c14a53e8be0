"""`plan-capacity`: how many workers a load needs, and what they take."""

import math
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from client.capacity import scenarios
from client.capacity.plan import ENGINES, Fleet, Load
from client.command.running import command
from client.command.terminal import Terminal, facts
from client.wording import span

if TYPE_CHECKING:
    from client.aio import AsyncClient

_CHOICES: Final = (4, 10, 20, 50, 100, 200)
_LEAST_PAST: Final = 3600


@command(
    "plan-capacity",
    ("transcripts plan-capacity --per-hour 100 --minutes 3.5", "100 recordings in the busiest hour"),
    ("transcripts plan-capacity --at-once 100 --max-jobs 4", "100 in work at the same time"),
    ("transcripts plan-capacity --measured --max-jobs 50", "from what the service did in the past hour"),
    ("transcripts plan-capacity --per-hour 30 --engine local --max-jobs 2", "computed on the workers"),
    ("transcripts plan-capacity --scenarios --markdown", "the tables of docs/capacity.md"),
)
async def plan_capacity(
    client: "AsyncClient",
    terminal: Terminal,
    *,
    per_hour: Annotated[
        float | None,
        typer.Option(min=0.01, metavar="N", help="Recordings in the busiest hour", show_default=False),
    ] = None,
    at_once: Annotated[
        float | None,
        typer.Option(
            min=0.01, metavar="N", help="Or: recordings in work at the same time", show_default=False
        ),
    ] = None,
    measured: Annotated[
        bool, typer.Option("--measured", help="Or: as the service measured it (scope ops)")
    ] = False,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.01, metavar="N", help="How long one holds a place of a worker")
    ] = 3.5,
    audio_minutes: Annotated[
        float, typer.Option(min=0.0, metavar="N", help="How long a recording is, for what the engine costs")
    ] = 60.0,
    margin: Annotated[
        float, typer.Option(min=1.0, metavar="N", help="For peaks, and for a worker that is away")
    ] = 1.5,
    max_jobs: Annotated[
        int,
        typer.Option(
            "--max-jobs", min=1, metavar="N", help="MAX_JOBS of a worker; local: TRANSCRIPTS_CPU_JOBS"
        ),
    ] = 4,
    engine: Annotated[str, typer.Option(metavar="NAME", help=f"{' or '.join(ENGINES)}")] = "google",
    price: Annotated[float, typer.Option(min=0.0, metavar="USD", help="A worker's price a month")] = 25.0,
    least: Annotated[
        int, typer.Option(min=1, metavar="N", help="Workers at least; 2 outlive one of them")
    ] = 1,
    show_scenarios: Annotated[
        bool, typer.Option("--scenarios", help="The older guide's tables, recomputed, instead")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables as Markdown")] = False,
) -> None:
    """Tell how many workers a load needs, by Little's law.

    workers = ceil(arrivals per second x duration x margin / max_jobs), never fewer than --least.

    Beside it: how busy they are, how many recordings find no free place and how long one in twenty waits (Erlang C),
    the memory of a worker and the price of all, and the same load on workers with other numbers of places.
    """
    if engine not in ENGINES:
        raise typer.BadParameter(f"{engine!r}: {' or '.join(ENGINES)}", param_hint="--engine")
    if show_scenarios:
        _show_scenarios(terminal, markdown)
        return
    if [per_hour is not None, at_once is not None, measured].count(True) != 1:
        raise typer.BadParameter(
            "say how much comes: --per-hour, --at-once, or --measured", param_hint="--per-hour"
        )
    duration_s = minutes * 60
    if measured:
        arrivals, duration_s = await _measured(client)
    else:
        arrivals = per_hour / 3600 if per_hour is not None else (at_once or 0) / duration_s
    load = Load(arrivals, duration_s, margin)
    fleet = Fleet(load, ENGINES[engine], max_jobs, price, least)
    speech = arrivals * 3600 * audio_minutes * ENGINES[engine].dollars_a_minute
    _show(terminal, fleet, _others(fleet), speech, markdown=markdown)


async def _measured(client: "AsyncClient") -> tuple[float, float]:
    """Recordings a second and seconds of work, of the past hour."""
    queue = await client.ops.queue()
    past = next((each for each in queue.past if each.seconds == _LEAST_PAST), None)
    ended = past.succeeded + past.failed if past else 0
    if past is None or not ended or past.run_p50_ms is None or past.run_p95_ms is None:
        raise typer.BadParameter(
            "no job succeeded in the past hour: there is nothing to go by", param_hint="--measured"
        )
    # The mean is not told; between the median and the 95th it is overrated a little, never underrated by much.
    return ended / past.seconds, (past.run_p50_ms + past.run_p95_ms) / 2 / 1_000


def _others(fleet: Fleet) -> list[Fleet]:
    sizes = sorted({*_CHOICES, fleet.max_jobs}) if not fleet.engine.computing_mb else [1, 2, 4, 8]
    return [
        Fleet(fleet.load, fleet.engine, size, fleet.price, fleet.least)
        for size in sorted({*sizes, fleet.max_jobs})
    ]


def _show(terminal: Terminal, fleet: Fleet, others: list[Fleet], speech: float, *, markdown: bool) -> None:
    load = fleet.load
    if terminal.as_json:
        plan = {
            "arrivals_per_hour": round(load.arrivals * 3600, 4), "duration_s": load.duration_s, "margin": load.margin,
            "in_work": round(load.in_work, 4), "places": load.places, "engine": fleet.engine.name,
            **fleet.as_json(), "speech_dollars_per_busy_hour": round(speech, 2),
            "others": [each.as_json() for each in others],
        }  # fmt: skip
        terminal.json(plan)
        return
    rows = [_row(each, chosen=each.max_jobs == fleet.max_jobs) for each in others]
    table = scenarios.Table("", _HEAD, tuple(rows))
    if markdown:
        terminal.write(table.markdown() + "\n")
    elif terminal.out.is_terminal:
        terminal.show(facts(_facts(fleet, speech)))
        terminal.show("")
        _show_table(terminal, table)
    else:
        for name, value in _facts(fleet, speech):
            terminal.line(name, value)


_HEAD: Final = ("max_jobs", "workers", "places", "busy", "wait", "p95 wait", "memory each", "a month")


def _row(fleet: Fleet, *, chosen: bool) -> tuple[str, ...]:
    return (
        f"{fleet.max_jobs}{' *' if chosen else ''}",
        str(fleet.workers),
        str(fleet.capacity),
        f"{fleet.use:.0%}",
        f"{fleet.waits:.1%}",
        _wait(fleet.wait_p95_s),
        f"{fleet.memory_mb} MB",
        f"${fleet.dollars_a_month:,.0f}",
    )


def _wait(seconds: float) -> str:
    return "for ever" if math.isinf(seconds) else span(seconds) if seconds else "none"


def _tail(seconds: float) -> str:
    return (
        f"one in twenty waits longer than {_wait(seconds)}" if seconds else "nineteen in twenty do not wait"
    )


def _facts(fleet: Fleet, speech: float) -> list[tuple[str, Any]]:
    load = fleet.load
    return [
        ("load", f"{load.arrivals * 3600:.4g} recordings an hour, each in work for {span(load.duration_s)}"),
        ("in work at once", f"{load.in_work:.1f} on average, x {load.margin:g} = {load.places} places"),
        ("workers", f"{fleet.workers} with MAX_JOBS={fleet.max_jobs}: {fleet.capacity} places"),
        ("busy", f"{fleet.use:.0%}; full at {fleet.most_an_hour:.4g} recordings an hour"),
        (
            "waits",
            f"{fleet.waits:.1%} find no free place; one in twenty waits longer than {_wait(fleet.wait_p95_s)}",
        ),
        ("memory", f"{fleet.memory_mb} MB a worker, {fleet.memory_mb * fleet.workers:,} MB together"),
        ("cost", f"${fleet.dollars_a_month:,.0f} a month for workers"),
        ("", f"${speech:,.2f} for speech in a busy hour" if speech else ""),
    ]


def _show_scenarios(terminal: Terminal, markdown: bool) -> None:
    for table in scenarios.tables():
        if terminal.as_json:
            terminal.json({"title": table.title, "head": table.head, "rows": table.rows}, indent=None)
        elif markdown or not terminal.out.is_terminal:
            terminal.write(f"### {table.title}\n\n{table.markdown()}\n\n")
        else:
            terminal.say(table.title, "bold")
            _show_table(terminal, table)
            terminal.show("")


def _show_table(terminal: Terminal, table: scenarios.Table) -> None:
    def cell(n: int) -> Any:
        return lambda row: row[n]

    terminal.results(table.rows, {name: cell(n) for n, name in enumerate(table.head)})


COMMANDS: Final = (plan_capacity,)
