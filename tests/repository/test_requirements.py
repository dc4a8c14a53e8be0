"""The locks: they answer to pyproject.toml, agree with each other, and pin by hash and by nothing else."""

import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.fixtures.repository import ROOT

LOCKS = ["api", "worker", "speech", "local", "dev"]
TOOLS = ["sbom", "uv"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
STALE = "run `make lock`"


def text(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


@cache
def pins(lock: str) -> dict[str, set[Version]]:
    """The versions of each package; more than one where a Python needs another."""
    found: dict[str, set[Version]] = {}
    for package, version in re.findall(r"^([\w.-]+)==([^ ;]+)", text(lock), re.MULTILINE):
        found.setdefault(canonicalize_name(package), set()).add(Version(version))
    return found


def wanted(extra: str) -> list[Requirement]:
    """What an extra asks for, with what the extras that it names ask for."""
    requirements = []
    for requirement in map(Requirement, [*PROJECT["dependencies"], *EXTRAS[extra]]):
        if requirement.name == PROJECT["name"]:
            requirements += [inner for name in requirement.extras for inner in wanted(name)]
        else:
            requirements.append(requirement)
    return requirements


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_answers_to_the_project(lock: str) -> None:
    """F38: what CI and the images install is what pyproject.toml asks for."""
    for requirement in wanted(lock):
        versions = pins(lock).get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement} is not in requirements/{lock}.txt: {STALE}"
        assert all(version in requirement.specifier for version in versions), (
            f"{requirement}, {versions}: {STALE}"
        )


@pytest.mark.parametrize("lock", [*LOCKS, *TOOLS])
def test_a_lock_pins_by_hash_and_names_no_place(lock: str) -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"^#.*\n", "", text(lock), flags=re.MULTILINE))
    for block in blocks:
        assert re.match(r"[\w.-]+==\S+ ", block), block
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block
    assert "://" not in text(lock)
    assert "index-url" not in text(lock)


@pytest.mark.parametrize("lock", [*LOCKS, *TOOLS])
def test_locks_agree(lock: str) -> None:
    """What was tested is what is deployed."""
    for package, versions in pins(lock).items():
        assert versions <= pins("dev")[package], f"{package}: {STALE}"


def test_a_bill_of_materials_lists_the_lock(tmp_path: Path) -> None:
    """What `make sbom` writes, with the hashes that are installed by."""
    written = tmp_path / "api.cdx.json"
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements"]
    subprocess.run(
        [*command, ROOT / "requirements" / "api.txt", "--output-reproducible", "-o", written],
        cwd=ROOT,
        check=True,
    )
    components = json.loads(written.read_text())["components"]
    assert {canonicalize_name(each["name"]) for each in components} == pins("api").keys()
    assert all(each["externalReferences"][0]["hashes"] for each in components)
    recipe = re.search(r"^sbom:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert "cyclonedx-py requirements requirements/$$lock.txt" in recipe[1]


def test_a_service_has_no_package_of_the_other() -> None:
    """F38: nothing of the speech SDK in the API, nothing of the web framework in a worker."""
    assert (
        not {"google-cloud-speech", "google-cloud-storage", "grpcio", "av", "faster-whisper"}
        & pins("api").keys()
    )
    for lock in ("worker", "speech"):
        assert not {"fastapi", "starlette", "uvicorn", "python-multipart"} & pins(lock).keys()
    assert "google-cloud-speech" in pins("worker")
    assert "fastapi" in pins("api")
