"""The environment that make uses: when it is left alone, when it is made anew, and what a bare machine is told."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from deploy.local.environment import Environment, EnvironmentNotMadeError
from tests.fixtures.repository import ROOT

HERE = "{}.{}".format(*sys.version_info)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose locks are empty, with an environment that has the set `local`."""
    root = tmp_path / "project"
    (root / "requirements").mkdir(parents=True)
    for name in ("pyproject.toml", "requirements/uv.txt", "requirements/local.txt", "requirements/dev.txt"):
        (root / name).touch()
    venv.create(root / ".venv", with_pip=False)
    stamp(root, "local")
    return root


def stamp(root: Path, packages: str) -> None:
    made = Environment(root, packages)
    made._stamp(packages).write_text(made._digest(packages))


def current(root: Path, packages: str, version: str | None = None) -> bool:
    return Environment(root, packages).is_current(version=version)


def test_what_is_as_the_locks_say_is_left_alone(project: Path) -> None:
    assert current(project, "local")
    assert current(project, "local", HERE)
    assert not current(project, "dev")
    stamp(project, "dev")
    (project / ".venv" / ".local-installed").unlink()
    assert current(project, "local"), "dev holds what local holds"


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements/uv.txt", "requirements/local.txt"])
def test_a_change_of_what_is_installed_is_seen(project: Path, name: str) -> None:
    (project / name).write_text("changed")
    assert not current(project, "local")


def test_another_python_that_is_asked_for_is_seen(project: Path) -> None:
    assert not current(project, "local", "3.99")


def test_a_moved_checkout_is_seen(project: Path) -> None:
    """Scripts in the environment name the folder that they were made in."""
    moved = project.rename(project.with_name("moved"))
    assert not current(moved, "local")


def test_a_python_that_is_gone_is_seen(project: Path) -> None:
    python = project / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")
    assert not current(project, "local")


def test_a_link_is_left_to_whoever_made_it(project: Path) -> None:
    shutil.rmtree(project / ".venv")
    (project / ".venv").symlink_to("/nowhere")
    assert current(project, "dev", "3.99")


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    def find_spec(name: str) -> object:
        return None if name in modules else object()

    monkeypatch.setattr("importlib.util.find_spec", find_spec)
    monkeypatch.setenv("PATH", "/nowhere")


def test_a_bare_python_of_debian_is_told_what_to_install(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F44."""
    without(monkeypatch, "pip", "ensurepip")
    with pytest.raises(EnvironmentNotMadeError, match=f"apt-get install python{HERE}-venv"):
        Environment(project, "local").make(version=None)


def test_a_python_without_pip_bootstraps_its_own(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "pip")
    command = Environment(project, "local")._first_installer()
    python = project / ".venv" / "bin" / "python"
    assert command == [str(python), "-m", "pip", "install"]
    assert subprocess.run([*command[:-1], "--version"], capture_output=True, check=True).stdout.startswith(
        b"pip "
    )


def test_make_names_what_it_looked_for(tmp_path: Path) -> None:
    """F44: without a Python that is new enough, one sentence and not a traceback."""
    make = shutil.which("make")
    assert make
    done = subprocess.run(
        [make, "demo"], cwd=ROOT, env={"PATH": "/usr/bin:/bin", "PYTHON": "/nowhere/python2"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert (
        "Python 3.11, 3.12, 3.13 or 3.14 is needed, and none of these is one: /nowhere/python2."
        in done.stderr
    )
