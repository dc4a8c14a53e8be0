"""`load-test`: how many recordings a service does in a minute, and how long each takes."""

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from client.command import orders
from client.command.exit_codes import ExitCode
from client.command.running import command
from client.command.terminal import Terminal

if TYPE_CHECKING:
    from client.aio import AsyncClient
    from client.load_test.load import LoadTest

_DOLLARS_A_MINUTE: Final = 0.016


@command(
    "load-test",
    ("transcripts load-test -n 20", "20 recordings of a tone, 10 s each"),
    ("transcripts load-test -n 200 --file session.m4a --plot load.svg", "200 of yours, drawn"),
    ("transcripts load-test -n 50 --engine scripted --model seconds=3", "the service without an engine"),
    ("transcripts load-test -n 100 --json | jq .tasks_per_minute", "for programs"),
)
async def load_test(
    client: "AsyncClient",
    terminal: Terminal,
    *,
    tasks: Annotated[
        int, typer.Option("--tasks", "-n", min=1, max=5_000, metavar="N", help="How many recordings")
    ] = 10,
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-c", min=1, max=64, metavar="N", help="Uploads at the same time")
    ] = 8,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            exists=True,
            dir_okay=False,
            readable=True,
            metavar="FILE",
            help="The recording; a tone when left out, which tells of the service, not of an engine",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[int, typer.Option(min=1, max=3_600, metavar="N", help="The tone's length")] = 10,
    engine: orders.Engine = None,
    model: orders.Model = None,
    language: orders.Language = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw each recording's way", show_default=False)
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the sessions; else they are erased")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before an engine is paid")] = False,
) -> ExitCode:
    """Send a batch of recordings, and tell how long they took.

    It sends as fast as --concurrency allows, reads one list every 2 s to follow them all, and erases its sessions at
    the end. Upload is measured here; queue wait and run are the service's own times.

    Total time is from the first byte sent to the last transcript; average is that divided by the tasks. Ctrl-C reports
    on what has ended and erases the rest. The exit code is 3 where one failed.
    """
    if plot is not None and plot.suffix != ".svg":
        raise typer.BadParameter("a drawing is an .svg file", param_hint="--plot")
    await _ask_before_paying(client, terminal, engine, tasks, yes)
    with tempfile.TemporaryDirectory(prefix="transcripts-load-") as folder:
        recording = file or _tone(Path(folder), seconds)
        order = orders.order(engine=engine, model=model, language=language)
        return await _measure(client, terminal, recording, order, tasks, concurrency, plot, keep=keep)


async def _measure(
    client: "AsyncClient",
    terminal: Terminal,
    recording: Path,
    order: Any,
    tasks: int,
    concurrency: int,
    plot: Path | None,
    *,
    keep: bool,
) -> ExitCode:
    from client.load_test.display import display  # noqa: PLC0415
    from client.load_test.load import LoadTest  # noqa: PLC0415

    interrupted = False
    with display(terminal.err, tasks, plain=terminal.as_json) as shown:
        test = LoadTest(client, recording, order, tasks, concurrency, shown.show)
        try:
            await test.run()
        except asyncio.CancelledError:
            interrupted = True
            current = asyncio.current_task()
            assert current is not None
            current.uncancel()  # the report and the erasing still have to be awaited
    code = _report(terminal, test, plot, recording)
    if not keep:
        terminal.say("Erasing the sessions ...", "dim")
        await test.clean_up()
    return ExitCode.INTERRUPTED if interrupted else code


def _report(terminal: Terminal, test: "LoadTest", plot: Path | None, recording: Path) -> ExitCode:
    from client.load_test import chart, report  # noqa: PLC0415
    from client.load_test.samples import summarise  # noqa: PLC0415

    samples = test.samples()
    summary = summarise(samples)
    if terminal.as_json:
        ways = [
            {"n": each.n, "status": each.status, "error": each.error, "upload": each.upload, "wait": each.wait,
             "run": each.run, "total": each.total}
            for each in samples
        ]  # fmt: skip
        terminal.json({**summary.as_json(), "samples": ways})
    elif terminal.out.is_terminal:
        for part in report.render(samples, summary):
            terminal.show(part)
    else:
        for name, value in report.lines(summary):
            terminal.line(name, value)
        for phase, values in summary.quantiles.items():
            terminal.line(phase, *(f"{name}={value:.3f}" for name, value in values.items()))
    if plot is not None:
        title = f"{summary.tasks} x {recording.name}, {test.concurrency} uploads at once"
        plot.write_text(chart.draw(samples, summary, title), encoding="utf-8")
        terminal.say(f"Drawn: {plot}", "dim")
    return ExitCode.JOB_FAILED if summary.failed else ExitCode.DONE


async def _ask_before_paying(
    client: "AsyncClient", terminal: Terminal, engine: str | None, tasks: int, yes: bool
) -> None:
    engines = await client.service.engines()
    chosen = next((each for each in engines if (each.name == engine if engine else each.default)), None)
    if chosen is None or not chosen.paid or yes:
        return
    terminal.say(
        f"The engine {chosen.name} is paid: some ${_DOLLARS_A_MINUTE} for each minute of each recording."
    )
    if not typer.confirm(f"Send {tasks} recordings?", err=True):
        raise typer.Exit(ExitCode.REFUSED)


def _tone(folder: Path, seconds: int) -> Path:
    from client.load_test.tone import write_tone  # noqa: PLC0415

    path = folder / "tone.wav"
    write_tone(path, seconds)
    return path


COMMANDS: Final = (load_test,)
