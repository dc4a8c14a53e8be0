"""What the documents name exists: files, headings, make targets, commands."""

import importlib.util
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
from markdown_it import MarkdownIt
from markdown_it.token import Token

from client.command.app import build
from tests.fixtures.repository import ROOT, documents, files, name

TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
CELERY = {"run-celery", "run-celery-debug"}  # docs/from-celery.md tells what took their place
MAKE = re.compile(
    r"(?:^|[`$;&|] ?|\w=\S+ )make ((?:[a-z][a-z-]+|[A-Z_]+=\S+)(?: (?:[a-z][a-z-]+|[A-Z_]+=\S+))*)", re.M
)
PYTHON = re.compile(r"\bpython3? -m ([a-z_][a-z_0-9.]*)")


def tokens(path: Path) -> list[Token]:
    return MarkdownIt("gfm-like", {"linkify": False}).parse(path.read_text())


def links(path: Path) -> list[str]:
    inline = [child for token in tokens(path) for child in token.children or []]
    targets = [token.attrGet("href") or token.attrGet("src") for token in inline]
    return [str(target) for target in targets if target and "://" not in str(target)]


def anchors(path: Path) -> set[str]:
    """The headings as links name them."""
    parsed = tokens(path)
    texts = [parsed[i + 1].content for i, token in enumerate(parsed) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


def code(path: Path) -> str:
    """What stands in code blocks and between backticks, a line each."""
    parts = []
    for token in tokens(path):
        if token.type in {"fence", "code_block"}:
            parts.append(token.content)
        parts += [child.content for child in token.children or [] if child.type == "code_inline"]
    commands = re.sub(r"#.*", "", "\n".join(parts))  # without comments
    return re.sub(r'"[^"]*"', "_", commands)


@pytest.mark.parametrize("document", documents(), ids=name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in links(document):
        target, _, anchor = link.partition("#")
        path = (document.parent / target).resolve() if target else document
        assert path.exists(), f"{name(document)} links to {link}, which is not there"
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), f"{name(document)} links to {link}, a heading that is not there"


@pytest.mark.parametrize("document", documents(), ids=name)
def test_commands_that_are_named_exist(document: Path) -> None:
    text = code(document)
    for words in MAKE.findall(text):
        for target in (word for word in words.split() if "=" not in word):
            known = target in TARGETS or (document.name == "from-celery.md" and target in CELERY)
            assert known, f"{name(document)} names `make {target}`, which the Makefile does not have"
    for module in PYTHON.findall(text):
        assert runs(module), f"{name(document)} names `python -m {module}`, which does not run"


def runs(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.submodule_search_locations:
        spec = importlib.util.find_spec(f"{module}.__main__")
    return spec is not None


def spoken(path: Path) -> list[str]:
    """The command lines in code blocks and between backticks, those that go on joined, without comments and pipes."""
    lines = "\n".join(
        part.content
        for token in tokens(path)
        for part in (token, *(token.children or []))
        if part.type in {"fence", "code_block", "code_inline"}
    ).replace("\\\n", " ")
    return [re.split(r" +#|[|;)]", line.removeprefix("$ "))[0].strip() for line in lines.splitlines()]


def ours(path: Path) -> list[list[str]]:
    """What follows `transcripts` in a document, word by word."""
    found = [re.search(r"^(?:.*&& )?transcripts ([a-z-].*)$", line) for line in spoken(path)]
    return [shlex.split(match[1].replace("…", "x")) for match in found if match]


@pytest.mark.parametrize("document", documents(), ids=name)
def test_what_the_command_is_told_it_takes(document: Path) -> None:
    """Every `transcripts …`: the command is there, and its options too."""
    for words in ours(document):
        command: Any = typer.main.get_command(build(rich=False))
        said = f"{name(document)}: transcripts {' '.join(words)}"
        while hasattr(command, "commands") and words and not words[0].startswith("-"):
            assert words[0] in command.commands, said
            command = command.commands[words.pop(0)]
        known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
        assert {word for word in words if word.startswith("-")} <= known, said


@pytest.mark.parametrize("document", documents(), ids=name)
def test_options_of_modules_are_theirs(document: Path) -> None:
    """Every `python -m … --option`: the option stands in the module's own code."""
    for line in spoken(document):
        if (found := re.search(r"\bpython3? -m ([a-z_.]+)(.*)", line)) is not None:
            source = module_source(found[1])
            for option in re.findall(r"(?<=\s)--[a-z][a-z-]+", found[2]):
                assert f'"{option}"' in source, f"{name(document)}: python -m {found[1]} has no {option}"


def module_source(module: str) -> str:
    """The code of a module of ours, and of its package."""
    at = ROOT / module.replace(".", "/")
    files = [at.with_suffix(".py")] if at.with_suffix(".py").exists() else sorted(at.rglob("*.py"))
    return "\n".join(file.read_text() for file in files)


def test_the_reader_sees_commands() -> None:
    """The tests above look at something."""
    readme = code(ROOT / "README.md")
    assert {"demo", "test", "run-worker"} <= {w for words in MAKE.findall(readme) for w in words.split()}
    assert "worker_service" in PYTHON.findall(readme)
    assert "docs/api.md" in links(ROOT / "README.md")
    assert ["webhooks", "enable", "--off"] in ours(ROOT / "docs" / "runbook.md")
    assert sum(" --" in line for line in spoken(ROOT / "docs" / "scaling.md")) > 2


def test_make_lists_every_target_for_people() -> None:
    """A target without a line in `make help` is a part of others."""
    makefile = (ROOT / "Makefile").read_text()
    listed = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert TARGETS - listed == {"local", "dev", "weights"}


@pytest.mark.parametrize("target", sorted(TARGETS - {"lock"}))
def test_arguments_go_to_the_command_that_was_asked_for(target: str) -> None:
    """`make test ARGS="-k uploads"` is for pytest, not for what has to be there before."""
    told = subprocess.run(
        ["make", "-n", target, "ARGS=--given"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert told.count("--given") <= 1


PLACES = [
    # Package registries, spelt so that this file does not name them.
    *(
        host.replace("_", ".")
        for host in ("pypi_org", "pythonhosted_org", "npmjs_org", "npmjs_com", "docker_io")
    ),
    *(
        host.replace("_", ".")
        for host in ("deb_debian_org", "crates_io", "rubygems_org", "ghcr_io", "quay_io")
    ),
    # Folders of the machines that this was written on.
    *(f"/{folder}/" for folder in ("work", "root")),
]


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = [
        f"{name(path)}: {place}"
        for path in files()
        for place in PLACES
        if re.search(rf"(?<![\w.]){re.escape(place)}".encode(), path.read_bytes())
    ]
    assert found == []
