"""`doctor`: what is wrong between this machine and the service."""

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from client.command.exit_codes import ExitCode
from client.command.running import command
from client.command.terminal import Terminal

if TYPE_CHECKING:
    from client.aio import AsyncClient

_STYLES: Final = {"ok": "green", "note": "yellow", "fail": "bold red"}
_CODES: Final = {"reached": ExitCode.UNREACHABLE, "key": ExitCode.KEY}


@command(
    "doctor",
    ("transcripts doctor", "address, clock, version, key, the service's parts, the queue"),
    ("transcripts doctor --json | jq '.[] | select(.grade == \"fail\")'", "what is broken, for programs"),
)
async def doctor(client: "AsyncClient", terminal: Terminal) -> ExitCode:
    """Look for what is wrong, from this side of the network.

    It asks the service for its own checks too; with a key that has the scope ops, for the queue and the workers.
    `make doctor` looks from the service's side. The exit code says what failed first: 4 not reached, 5 the key,
    1 something else.
    """
    from client.examination import Grade, examine  # noqa: PLC0415

    link = terminal.link
    assert link is not None
    findings = []
    async for finding in examine(client, f"{link.url} ({link.url_from})", link.key_from):
        findings.append(finding)
        if not terminal.as_json:
            _show(terminal, finding)
    if terminal.as_json:
        terminal.json([dataclasses.asdict(each) for each in findings])
    failed = [each for each in findings if each.grade is Grade.FAIL]
    if not terminal.as_json:
        terminal.say(f"{len(failed)} broken." if failed else "Nothing is broken.")
    return _CODES.get(failed[0].subject, ExitCode.REFUSED) if failed else ExitCode.DONE


def _show(terminal: Terminal, finding: Any) -> None:
    if not terminal.out.is_terminal:
        terminal.line(finding.grade, finding.subject, finding.detail, finding.fix)
        return
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    line = Table.grid(padding=(0, 2, 0, 0))
    for width in (4, 12):
        line.add_column(min_width=width, no_wrap=True)
    line.add_column(overflow="fold")
    line.add_row(
        Text(finding.grade.upper(), style=_STYLES[finding.grade]), finding.subject, Text(finding.detail)
    )
    if finding.fix:
        line.add_row("", "", Text(f"→ {finding.fix}", style="dim"))
    terminal.show(line)


COMMANDS: Final = (doctor,)
