"""What `--help` says, word for word; UPDATE_GOLDEN=1 writes it anew (then look at the diff)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from client.command.app import build
from client.command.exit_codes import ExitCode
from client.command.exporting import Redacted
from client.command.formats import Format
from shared.exports import FORMATS
from shared.redaction.rules import Redaction
from shared.version import installed_version

GOLDEN = Path(__file__).parent / "golden"


def helped(*arguments: str, rich: bool = False) -> str:
    environment = {
        "COLUMNS": "100",
        "TERMINAL_WIDTH": "100",
        "NO_COLOR": "1",
        "_TYPER_FORCE_DISABLE_TERMINAL": "1",
    }
    found = CliRunner().invoke(
        build(rich=rich), [*arguments, "--help"], env=environment, prog_name="transcripts"
    )
    assert found.exit_code == 0, found.output
    return found.stdout


def commands(app: typer.Typer, *before: str) -> list[tuple[str, ...]]:
    own = [(*before, str(each.name)) for each in app.registered_commands]
    inner = [
        line
        for group in app.registered_groups
        if (instance := group.typer_instance)
        for line in [
            (*before, str(instance.info.name)),
            *commands(instance, *before, str(instance.info.name)),
        ]
    ]
    return [*own, *inner]


ALL = [(), *commands(build(rich=False))]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_is_as_it_was(path: tuple[str, ...]) -> None:
    found = helped(*path)
    golden = GOLDEN / f"{'-'.join(['transcripts', *path])}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


def test_no_golden_text_is_of_a_command_that_is_gone() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {"-".join(["transcripts", *path]) for path in ALL}


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_examples_and_fits(path: tuple[str, ...]) -> None:
    text = helped(*path)
    assert ("Exit codes:" if not path else "Commands:" if "COMMAND" in text else "Examples:") in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_the_help_of_terminals_says_the_same(path: tuple[str, ...]) -> None:
    """Frames and columns apart; nothing of it is lost as markup."""
    plain, framed = helped(*path), helped(*path, rich=True)
    frames = str.maketrans(dict.fromkeys("╭╮╰╯─│", " "))
    words = set(framed.translate(frames).split())
    examples = plain.partition("Examples:\n")[2].partition("\n\n")[0]
    assert set(examples.split()) <= words
    assert not {"[/]", "\b"} & words


def test_every_exit_code_is_told() -> None:
    text = helped()
    for code in ExitCode:
        assert f"\n    {code:<4d}" in text


def test_help_comes_without_loading_the_client() -> None:
    """Else each press of the tab key takes half a second more."""
    script = (
        "import sys, client.command.app as app; app.build(rich=False);"
        "print([name for name in ('httpx', 'pydantic_settings', 'rich.progress') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_what_can_be_chosen_is_what_the_service_has() -> None:
    assert [*map(str, Format)] == [*FORMATS]
    assert [*map(str, Redacted)] == [*map(str, Redaction)]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("transcripts sub", ["submit"]),
        ("transcripts ops re", ["resume", "requeue"]),
        ("transcripts export x -f d", ["docx"]),
    ],
)
def test_a_shell_completes_commands_and_choices(typed: str, offered: list[str]) -> None:
    environment = {
        "_TRANSCRIPTS_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    found = CliRunner().invoke(build(rich=False), [], env=environment, prog_name="transcripts")
    assert found.stdout.split() == offered


def test_the_command_tells_its_version() -> None:
    found = CliRunner().invoke(build(rich=False), ["--version"], prog_name="transcripts")
    assert (found.exit_code, found.stdout) == (0, f"transcripts {installed_version()}\n")
