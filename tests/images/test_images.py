"""What the images are, looked at without running a service in them."""

import json

import pytest

from tests.images.conftest import IMAGES
from tests.images.podman import Podman

pytestmark = pytest.mark.images

MEGABYTES = {"api": 260, "worker": 270, "worker-cloudrun": 270, "worker-local": 800, "combined": 420}
"""The most that each may add to the base; docs/deployment.md tells what it does add."""

ABSENT = {
    "api": ("google.cloud.speech", "av", "faster_whisper", "worker_service"),
    "worker": ("fastapi", "faster_whisper", "api_service", "deploy"),
    "worker-cloudrun": ("fastapi", "faster_whisper", "api_service", "deploy"),
    "worker-local": ("fastapi", "api_service", "deploy"),
    "combined": ("faster_whisper",),
}
LOOK = """
import importlib.metadata, importlib.util, json, os, shutil, sys
from shared.version import installed_version

def found(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False

print(json.dumps({
    "ids": [os.getuid(), os.getgid(), os.geteuid()],
    "version": installed_version(),
    "installed": [each.name for each in importlib.metadata.distributions(path=[p for p in sys.path if "venv" in p])],
    "present": [name for name in sys.argv[1:] if found(name)],
    "sbom": json.load(open("/opt/venv/sbom.cdx.json")),
    "tools": [name for name in ("uv", "gcc", "cc") if shutil.which(name)],
    "writable": [p for p in ("/app", "/opt/venv", "/etc", "/usr") if os.access(p, os.W_OK)],
}))
"""


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_is_small_unprivileged_and_knows_its_health(
    podman: Podman, images: dict[str, str], base: int, kind: str
) -> None:
    found = podman.image(images[kind])
    assert (found["Size"] - base) / 1e6 < MEGABYTES[kind]
    config = found["Config"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] in {"SIGTERM", "15"}
    assert {"version", "revision", "licenses"} == {
        label.rpartition(".")[2] for label in config["Labels"] if "opencontainers" in label
    }
    assert config["Cmd"][:2] == ["python", "-m"]
    assert found["HealthCheck" if "HealthCheck" in found else "Healthcheck"]["Test"][:3] == [
        "CMD",
        "python",
        "-m",
    ]


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_holds_what_its_bill_of_materials_says(
    podman: Podman, images: dict[str, str], kind: str
) -> None:
    """F38: and nothing of the other service."""
    told = json.loads(
        podman(
            "run",
            "--rm",
            "--network",
            "none",
            "--read-only",
            images[kind],
            "python",
            "-c",
            LOOK,
            *ABSENT[kind],
        )
    )
    assert told["ids"] == [10001, 10001, 10001]
    assert told["version"] != "unknown"
    assert (told["present"], told["tools"], told["writable"]) == ([], [], [])
    assert {component["name"] for component in told["sbom"]["components"]} == set(told["installed"])
    assert all(component["version"] for component in told["sbom"]["components"])
