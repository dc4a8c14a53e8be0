"""`python -m tests.images`: builds every image and runs it, without a Docker daemon; `make images-test` calls it."""

import os
import shutil
import sys

import pytest

from tests.fixtures.repository import ROOT

TOOLS = {
    "buildah": "buildah",
    "podman": "podman",
    "runc": "runc",
    "mmdebstrap": "mmdebstrap",
    "iptables": "iptables",
    "aardvark-dns": "aardvark-dns",
}
"""Programs, and the Debian packages that bring them."""

_ELSEWHERE = "/usr/sbin:/usr/lib/podman:/usr/libexec/podman"


def refusal() -> str | None:
    """What this machine lacks, and how to get it; None where nothing is lacking."""
    path = f"{os.environ.get('PATH', '')}:{_ELSEWHERE}"
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool, path=path) is None]
    if missing:
        return (
            f"No image was built: this machine lacks {', '.join(missing)}. On Debian: apt-get install "
            f"--no-install-recommends {' '.join(missing)}"
        )
    if os.geteuid() != 0:
        return (
            "No image was built: containers with networks of their own are made by root here. Run it as root."
        )
    return None


def main() -> int:
    """Build and run; returns the exit code."""
    said = refusal()
    if said is not None:
        print(said, file=sys.stderr)
        return 1
    os.chdir(ROOT)
    return int(
        pytest.main(["tests/images", "-m", "images", "-n0", "-v", "-x", "--timeout=1800", *sys.argv[1:]])
    )


if __name__ == "__main__":
    sys.exit(main())
