"""The images, built once a run; only where `-m images` asks for them, since that takes minutes."""

import time
from pathlib import Path

import pytest

from tests.fixtures.repository import ROOT
from tests.images import bases
from tests.images.podman import Podman

IMAGES = ("api", "worker", "worker-cloudrun", "worker-local", "combined")
TAG = "images-test"
SIZES = pytest.StashKey[dict[str, tuple[int, float]]]()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave this folder out of every other run."""
    asked = config.getoption("markexpr") == "images"
    return None if asked or collection_path.parent != Path(__file__).parent else True


@pytest.fixture(scope="session")
def podman() -> Podman:
    """podman with its store in `.local/images`, where layers outlive the run."""
    return Podman(ROOT / ".local" / "images")


@pytest.fixture(scope="session")
def base(podman: Podman) -> int:
    """The stand-ins; gives the size in bytes of the one for Python."""
    bases.make(podman)
    return int(podman.image(f"localhost/{bases.PYTHON}")["Size"])


@pytest.fixture(scope="session")
def images(podman: Podman, base: int, request: pytest.FixtureRequest) -> dict[str, str]:
    """Every image, built by make as people build it: names by kind."""
    podman("image", "prune", "--force", "--filter", "until=48h")  # layers of what is built no more
    built = {}
    sizes = request.config.stash.setdefault(SIZES, {})
    for kind in IMAGES:
        began = time.monotonic()
        podman.build(
            "make", "--silent", f"docker-{kind}", "ARGS=--isolation chroot --pull-never", f"TAG={TAG}"
        )
        built[kind] = f"localhost/coaching-transcripts-{kind}:{TAG}"
        sizes[kind] = int(podman.image(built[kind])["Size"]) - base, time.monotonic() - began
    return built


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was built."""
    for kind, (size, seconds) in config.stash.get(SIZES, {}).items():
        terminalreporter.write_line(
            f"{kind:16} {size / 1e6:5.0f} MB on top of the base, built in {seconds:.0f} s"
        )
