"""podman and buildah with a store of their own, so that stand-ins never get among somebody's images."""

import json
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fixtures.repository import ROOT

_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""
_CONTAINERS = """\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
tmp_dir = "{folder}/tmp"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
_SCRATCH = "/tmp:rw,size=256m,mode=1777"  # noqa: S108  (the container's own)


@dataclass(frozen=True)
class Container:
    """A running container."""

    podman: "Podman"
    name: str

    def state(self) -> dict[str, Any]:
        """Its state: `Running`, `ExitCode`."""
        (found,) = json.loads(self.podman("inspect", "--type", "container", self.name))
        state: dict[str, Any] = found["State"]
        return state

    def logs(self) -> str:
        """What it wrote."""
        done = self.podman.run("logs", self.name)
        return done.stdout + done.stderr

    def healthy(self) -> bool:
        """What its own health check says now. Nobody else runs it: that takes systemd."""
        return self.podman.run("healthcheck", "run", self.name).returncode == 0

    def becomes_healthy(self) -> None:
        """Wait for that; a container that ends before is an error."""
        while not self.healthy():
            assert self.state()["Running"], self.logs()
            time.sleep(0.2)

    def execute(self, *command: str) -> str:
        """Run a command in it; returns what that wrote."""
        return self.podman("exec", self.name, *command)

    def signal(self, name: str) -> None:
        """Send a signal to its process 1."""
        self.podman("kill", "--signal", name, self.name)

    def ends(self) -> tuple[int, float]:
        """Wait for its end: the exit code, and how many seconds that took."""
        began = time.monotonic()
        return int(self.podman("wait", self.name)), time.monotonic() - began


class Podman:
    """Runs podman and buildah; everything that they keep is below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("graph", "run", "tmp", "networks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "storage.conf").write_text(_STORAGE.format(folder=folder))
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        (folder / "containers.conf").write_text(_CONTAINERS.format(folder=folder, files=files))
        self.environment = os.environ | {
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
        }

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run podman, whatever comes of it."""
        return subprocess.run(
            ["podman", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def __call__(self, *arguments: str) -> str:
        """Run podman; returns what it wrote. Its complaints about the absent systemd go to the other stream."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"podman {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def build(self, *command: str | Path, cwd: Path = ROOT) -> None:
        """Run a command that builds, with buildah for its builder."""
        environment = self.environment | {"IMAGE_BUILDER": "buildah"}
        done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]

    def image(self, name: str) -> dict[str, Any]:
        """What is known of an image."""
        (found,) = json.loads(self("image", "inspect", name))
        image: dict[str, Any] = found
        return image

    @contextmanager
    def container(
        self,
        name: str,
        image: str,
        *command: str,
        environment: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> Iterator[Container]:
        """A container on the network of this machine, with nothing writable but `/tmp` and no capability."""
        self.run("rm", "--force", "--time", "0", name)
        given = [word for key, value in (environment or {}).items() for word in ("--env", f"{key}={value}")]
        self(
            "run", "--detach", "--name", name, "--hostname", name, "--network", "host",
            "--read-only", "--read-only-tmpfs=false", "--tmpfs", _SCRATCH,
            "--cap-drop", "ALL", "--security-opt", "no-new-privileges", *given, *options, image, *command,
        )  # fmt: skip
        try:
            yield Container(self, name)
        finally:
            self.run("rm", "--force", "--time", "0", name)
